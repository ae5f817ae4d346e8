// Batches that run on the main loop, within the call that rings their slab: where a batch costs
// less than waking a thread and being woken by it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch_runner.h"
#include "engine/engine.h"
#include "engine/printing.h"
#include "slab.h"
#include "warm_up.h"

namespace sconce {

// How much of the main loop's time the batches of all models may take: half of it in the long run,
// and a millisecond at a stretch, so that requests of every model are read and answered meanwhile.
class LoopTime {
 public:
  using Clock = std::chrono::steady_clock;

  // True when a batch may begin.
  [[nodiscard]] bool available(Clock::time_point now);
  void spend(Clock::duration duration) { left_ -= duration; }

 private:
  static constexpr std::chrono::microseconds kStretch{1000};

  Clock::duration left_ = kStretch;
  Clock::time_point counted_;
};

// An instance for the main loop. Made and warmed up on another thread, then used and destroyed on
// the main loop.
class LoopRunner {
 public:
  using Clock = std::chrono::steady_clock;

  // Runs zeros of up to `rows` rows, as `warm_up` says. Throws Error as make_instance() and
  // run_warm_up() do, or when a single row takes too long for the main loop.
  LoopRunner(std::shared_ptr<EngineModel> model, std::shared_ptr<PrintSink> printed,
             const WarmUp& warm_up, int rows);

  // Most rows of a batch: as asked for, or what does not take too long.
  [[nodiscard]] int rows() const { return rows_; }

  // Before the first batch: what a thread needs when it first runs the model. Throws Error with the
  // code of a batch of zeros that failed.
  void settle_in();
  [[nodiscard]] bool settled_in() const { return settled_in_; }

  // Runs a slab whose rows are settled.
  SlabRun::Outcome run(std::shared_ptr<Slab> slab, Clock::time_point rung);

  // What is wrong, when batches take much longer than at warm-up.
  [[nodiscard]] std::optional<std::string> too_slow() const;

 private:
  void judge(Clock::duration wall, std::optional<Clock::duration> computing);

  // In this order: an instance does not outlive its model.
  const std::shared_ptr<EngineModel> model_;
  const std::unique_ptr<EngineInstance> instance_;
  const std::shared_ptr<PrintSink> printed_;
  const std::vector<TensorMeta> inputs_;
  int rows_ = 0;
  bool settled_in_ = false;
  double expected_microseconds_ = 0;  // of the largest batch
  Clock::duration slow_{};            // a batch beyond this is too slow
  int watched_ = 0;                   // batches whose computing time is still looked at
  int strikes_ = 0;                   // of those, the ones that were too slow
  Clock::duration slowest_{};
};

}  // namespace sconce
