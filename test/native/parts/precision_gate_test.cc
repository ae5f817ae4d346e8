// PrecisionGate with threads that need one mode or the other.
#include "engine/precision_gate.h"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "check.h"

namespace {

using sconce::PrecisionGate;

constexpr int kThreads = 6;
constexpr int kPasses = 3000;

// Every thread finds the mode that it asked for, for as long as it is inside, and all come through.
void holds_the_mode() {
  std::atomic<bool> mode = false;
  std::atomic<int> inside = 0;
  std::atomic<int> changes = 0;
  PrecisionGate gate(false, [&](bool tf32) {
    CHECK(inside == 0);
    CHECK(mode != tf32);
    mode = tf32;
    ++changes;
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, tf32 = i % 3 == 0] {
      for (int pass = 0; pass < kPasses; ++pass) {
        const PrecisionGate::Pass let_in(gate, tf32);
        ++inside;
        CHECK(mode == tf32);
        std::this_thread::yield();
        CHECK(mode == tf32);
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(changes > 0);
}

// Threads of one mode are inside together, and one that needs the other waits for all of them.
void lets_equals_in_together() {
  std::atomic<bool> mode = false;
  PrecisionGate gate(false, [&](bool tf32) { mode = tf32; });
  std::latch together(3);
  std::atomic<bool> other_was_inside = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      const PrecisionGate::Pass let_in(gate, false);
      together.arrive_and_wait();
      CHECK(!other_was_inside);
    });
  }
  together.wait();
  std::thread other([&] {
    const PrecisionGate::Pass let_in(gate, true);
    other_was_inside = true;
  });
  for (std::thread& thread : threads) thread.join();
  other.join();
  CHECK(mode);
}

// The mode of the process is left alone as long as nobody needs another.
void changes_nothing_without_need() {
  int changes = 0;
  PrecisionGate gate(true, [&](bool) { ++changes; });
  for (int i = 0; i < 10; ++i) {
    const PrecisionGate::Pass let_in(gate, true);
  }
  CHECK(changes == 0);
}

}  // namespace

int main() {
  holds_the_mode();
  lets_equals_in_together();
  changes_nothing_without_need();
}
