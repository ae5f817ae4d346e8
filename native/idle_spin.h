// An instance that waits looks for a moment for what it waits for before it sleeps, which saves the
// time to wake it: only while there are more cores than threads that compute; and for work only
// while batches follow each other that closely.
#pragma once

#include <chrono>
#include <utility>

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

// Between two looks for what has not come.
void pause_spinning();

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
    while (!found() && Clock::now() < end) pause_spinning();
  }

  // There is something to do since then.
  void end(Clock::time_point since);

 private:
  static constexpr std::chrono::microseconds kLongest{50};
  static constexpr int kMostCredit = 8;
  static constexpr int kCreditToSpin = 4;

  bool idle_ = false;
  Clock::time_point since_;
  int credit_ = 0;  // rises with each idle time that ended while one would have spun
};

// The waits of one instance for what its GPU computes; on its thread. A short batch is over before
// a thread that sleeps would wake: what is waited for is looked at again and again at first.
class CompletionSpin {
 public:
  using Clock = std::chrono::steady_clock;

  // The next wait is for another batch.
  void restart() { begun_ = false; }

  // Returns whether `found` does. Asks it once at least, and while there is a core for that until
  // it does or the first moments of the batch are over.
  template <typename Found>
  bool wait(const Found& found) {
    if (found()) return true;
    if (!ComputingThreads::leave_a_core()) return false;
    if (!std::exchange(begun_, true)) end_ = Clock::now() + kLongest;
    while (Clock::now() < end_) {
      pause_spinning();
      if (found()) return true;
    }
    return false;
  }

 private:
  static constexpr std::chrono::microseconds kLongest{200};

  bool begun_ = false;
  Clock::time_point end_;
};

}  // namespace sconce
