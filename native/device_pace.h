// When an instance whose GPU computes takes the next batch: late enough that the batch has grown
// meanwhile, early enough that its copy and its launch lie behind the batch before it.
#pragma once

#include <chrono>

namespace sconce {

// How long the batches of one instance take on its device; on its thread.
class DevicePace {
 public:
  using Clock = std::chrono::steady_clock;

  // A batch begins while the device has no other of this instance.
  void begins(Clock::time_point now) { since_ = now; }

  // The oldest batch is over, and the device goes on with the next, if there is one.
  void ends(Clock::time_point now) {
    const Clock::duration took = now - since_;
    // Of several that differ the last ones count most.
    usual_ = usual_ == Clock::duration::zero() ? took : usual_ + (took - usual_) / 4;
    since_ = now;
  }

  // True when the device has nothing to do soon, unless the next batch is taken now.
  [[nodiscard]] bool runs_dry(Clock::time_point now) const {
    return now + kLead >= since_ + usual_;
  }

 private:
  // What it takes to hear of this, to queue a batch of a few megabytes, and to copy it.
  static constexpr std::chrono::microseconds kLead{500};

  Clock::time_point since_;
  Clock::duration usual_{};
};

}  // namespace sconce
