// What an executor runs on the main loop.
#include <algorithm>
#include <utility>

#include "error.h"
#include "executor.h"

namespace sconce {

namespace {

// More than a batch takes here.
constexpr std::chrono::microseconds kMostCharged{300};

}  // namespace

void Executor::run_on_loop(int rows) {
  {
    const std::scoped_lock lock(mutex_);
    if (closing_) throw Error("MODEL_CLOSED", "the model was unloaded");
    loop_wish_.reset();
  }
  leave_loop();
  if (rows == 0) {
    sink_.post(LoopEvent{.model = options_.id, .rows = 0, .reason = {}});
    return;
  }
  const std::scoped_lock lock(mutex_);
  loop_wish_ = rows;
  wake_supervisor();
}

void Executor::leave_loop() {
  std::unique_ptr<LoopRunner> runner;
  const std::scoped_lock lock(mutex_);
  ++loop_generation_;
  runner.swap(loop_runner_);
}

void Executor::make_loop_runner(std::unique_lock<std::mutex>& lock) {
  if (!loop_wish_ || !loaded_) return;
  LoopEvent event{.model = options_.id, .rows = *loop_wish_, .reason = {}};
  loop_wish_.reset();
  const int generation = loop_generation_;
  const std::optional<WarmUp> warm_up = last_warm_up_;
  ModelDevice* const device = any_device();
  lock.unlock();
  std::unique_ptr<LoopRunner> runner;
  try {
    if (!on_cpu_ || device == nullptr || !device->model->description().straight_line) {
      throw Error("INTERNAL", "only models that always do the same on the CPU run there");
    }
    if (!warm_up) throw Error("INTERNAL", "it was not warmed up");
    runner = std::make_unique<LoopRunner>(device->model, printed_, *warm_up, event.rows);
    event.rows = runner->rows();
  } catch (const std::exception& error) {
    event.rows = 0;
    event.reason = error.what();
  }
  lock.lock();
  if (closing_) return;
  if (generation == loop_generation_) {
    loop_runner_ = std::move(runner);
    loop_device_ = device;
  }
  sink_.post(std::move(event));
}

void Executor::settle_in(LoopEvent& event) {
  if (event.rows == 0) return;
  // Another wish may have come since.
  if (loop_runner_ == nullptr) {
    event.rows = 0;
    return;
  }
  try {
    loop_runner_->settle_in();
  } catch (const std::exception& error) {
    event.rows = 0;
    event.reason = error.what();
    leave_loop();
  }
}

bool Executor::runs_on_loop(const Slab& slab, Clock::time_point now, LoopTime& time) const {
  if (loop_runner_ == nullptr || !loop_runner_->settled_in()) return false;
  if (loop_device_->failure) return false;
  // Not behind what instances run: under load one of them always does, and the way to it would
  // never be left again once it was taken.
  if (closing_ || !queue_.empty()) return false;
  const int rows = slab.settled_rows();
  return rows > 0 && rows <= loop_runner_->rows() && time.available(now);
}

BatchEvent Executor::run_here(std::shared_ptr<Slab> slab, Clock::time_point rung, LoopTime& time) {
  BatchEvent event = complete(loop_runner_->run(std::move(slab), rung), *loop_device_);
  const Clock::duration taken = Clock::now() - rung;
  // What is beyond was given to another program.
  time.spend(std::min<Clock::duration>(taken, kMostCharged));
  share_.charge(taken);
  if (const std::optional<std::string> reason = loop_runner_->too_slow()) {
    leave_loop();
    sink_.post(LoopEvent{.model = options_.id, .rows = 0, .reason = *reason});
  }
  return event;
}

}  // namespace sconce
