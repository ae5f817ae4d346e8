// An instance that has nothing to do looks for work for a moment before it sleeps, which saves the
// time to wake it: only while batches follow each other that closely, and only while there are more
// cores than threads that compute.
#pragma once

#include <chrono>

namespace sconce {

// The threads that one instance computes with, counted together with those of all others.
class ComputingThreads {
 public:
  ComputingThreads() = default;
  ~ComputingThreads() { set(0); }
  ComputingThreads(const ComputingThreads&) = delete;
  ComputingThreads& operator=(const ComputingThreads&) = delete;

  void set(int threads);

  // True when there are more cores than all of them and the main loop.
  [[nodiscard]] static bool leave_a_core();

 private:
  int threads_ = 0;
};

// The idle times of one instance; on its thread.
class IdleSpin {
 public:
  using Clock = std::chrono::steady_clock;

  // There is nothing to do. Returns whether to spin first; once for each idle time.
  [[nodiscard]] bool begin();

  // Returns when `found` does, or when it is time to sleep.
  template <typename Found>
  void wait(const Found& found) const {
    const Clock::time_point end = Clock::now() + kLongest;
    while (!found() && Clock::now() < end) pause();
  }

  // There is something to do since then.
  void end(Clock::time_point since);

 private:
  static constexpr std::chrono::microseconds kLongest{50};
  static constexpr int kMostCredit = 8;
  static constexpr int kCreditToSpin = 4;

  static void pause();

  bool idle_ = false;
  Clock::time_point since_;
  int credit_ = 0;  // rises with each idle time that ended while one would have spun
};

}  // namespace sconce
