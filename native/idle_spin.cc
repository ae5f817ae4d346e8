#include "idle_spin.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

namespace sconce {

namespace {

std::atomic<int> all_threads{1};  // with the main loop

}  // namespace

void ComputingThreads::set(int threads) {
  all_threads.fetch_add(threads - std::exchange(threads_, threads), std::memory_order_relaxed);
}

bool ComputingThreads::leave_a_core() {
  static const int cores = static_cast<int>(std::thread::hardware_concurrency());
  return all_threads.load(std::memory_order_relaxed) < cores;
}

bool IdleSpin::begin() {
  if (idle_) return false;
  idle_ = true;
  since_ = Clock::now();
  return credit_ >= kCreditToSpin && ComputingThreads::leave_a_core();
}

void IdleSpin::end(Clock::time_point since) {
  if (!idle_) return;
  idle_ = false;
  const bool close = since - since_ < kLongest;
  // A wait in vain costs more than one that saved something is worth.
  credit_ = close ? std::min(credit_ + 1, kMostCredit) : std::max(credit_ - 2, 0);
}

void pause_spinning() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace sconce
