// What the instances of an executor do on their threads: they take slabs and run them.
#include <algorithm>
#include <thread>
#include <utility>

#include "error.h"
#include "execution_thread.h"
#include "executor.h"
#include "idle_spin.h"

namespace sconce {

namespace {

// How often an instance looks at a device that is still computing while no slab is waiting.
constexpr std::chrono::microseconds kPollInterval{50};

// How long an instance waits for cores before it looks whether it is still wanted.
constexpr std::chrono::milliseconds kPermitPatience{50};

}  // namespace

void Executor::run_instance(InstanceThread& self) {
  become_execution_thread("sconce instance");
  const PrintRedirection redirection(printed_);
  try {
    // Made, used and destroyed on this thread: inference mode and thread counts belong to it.
    const std::unique_ptr<EngineInstance> instance = self.device->model->make_instance();
    prepare(self, *instance);
    serve(self, *instance);
  } catch (const Error& error) {
    const std::scoped_lock lock(mutex_);
    fail_instance(self, error.code(), error.what());
  } catch (const std::exception& error) {
    const std::scoped_lock lock(mutex_);
    fail_instance(self, "MODEL_LOAD_FAILED", error.what());
  }
  const std::scoped_lock lock(mutex_);
  self.state = InstanceThread::State::kLeft;
  wake_supervisor();
}

// Does before the first batch what the other instances have behind them.
void Executor::prepare(InstanceThread& self, EngineInstance& instance) {
  std::vector<uint64_t> pointers = instance.parameter_pointers();
  std::unique_lock lock(mutex_);
  self.parameter_pointers = std::move(pointers);
  self.intra_op_threads = intra_op_threads_;
  // What is under way now it runs with the others, in serve().
  self.warmed_generation = warming_ ? warm_up_generation_ - 1 : warm_up_generation_;
  std::optional<WarmUp> warm_up = closing_ ? std::nullopt : last_warm_up_;
  if (warm_up) warm_up->graph_memory = take_graph_memory(self);
  lock.unlock();
  instance.set_intra_op_threads(self.intra_op_threads);
  WarmUpResult result;
  if (warm_up) result = run_warm_up(instance, *warm_up, std::chrono::microseconds(0));
  lock.lock();
  settle_graphs(self, std::move(result.graphs));
  self.load_milliseconds =
      std::chrono::duration<double, std::milli>(Clock::now() - self.asked).count();
  self.state = InstanceThread::State::kServing;
  wake_supervisor();
}

void Executor::serve(InstanceThread& self, EngineInstance& instance) {
  std::deque<SlabRun> in_flight;
  IdleSpin idle_spin;
  CompletionSpin completion_spin;
  DevicePace pace;
  int passed_on = 0;  // the last bell that was left to another instance
  ComputingThreads computing;
  std::unique_lock lock(mutex_);
  computing.set(self.intra_op_threads);
  while (true) {
    const bool lost = self.device->failure.has_value();
    const bool stopping = closing_ || self.stop || lost;
    const bool room = !stopping && in_flight.size() < instance.max_in_flight();
    if (stopping && in_flight.empty()) {
      self.state = InstanceThread::State::kLeaving;
      return;
    }
    if (lost) {
      lock.unlock();
      abandon(in_flight, *self.device);
      lock.lock();
    } else if (self.intra_op_threads != intra_op_threads_) {
      const int threads = intra_op_threads_;
      self.intra_op_threads = threads;
      computing.set(threads);
      lock.unlock();
      instance.set_intra_op_threads(threads);
      lock.lock();
    } else if (!stopping && self.warmed_generation != warm_up_generation_ && in_flight.empty()) {
      warm(self, instance, lock);
    } else if (room && !queue_.empty() && instance.device_failed()) {
      lose_device(*self.device, "it has failed under another model");
    } else if (room && !queue_.empty() && (in_flight.empty() || is_next_due(pace))) {
      idle_spin.end(queue_.front().rung);
      const std::optional<CorePermits::Permit> permit =
          on_cpu_ ? wait_for_cores(self, lock) : std::nullopt;
      if (on_cpu_ && !permit) continue;
      QueuedSlab next = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      in_flight.emplace_back(std::move(next.slab), next.rung)
          .begin(instance, options_.commit_timeout);
      if (in_flight.size() == 1) pace.begins(Clock::now());
      const std::optional<std::string> failure = in_flight.back().device_failure();
      if (!failure && in_flight.front().ready()) {
        pace.ends(Clock::now());
        finish_first(in_flight, *self.device);
      }
      lock.lock();
      if (failure) lose_device(*self.device, *failure);
    } else if (!in_flight.empty()) {
      const int bells = bells_.load(std::memory_order_relaxed);
      const bool defers = room && !queue_.empty();
      // It may have woken this instance instead of one that is idle.
      if (defers && std::exchange(passed_on, bells) != bells) wake_.notify_one();
      lock.unlock();
      bool done = false;
      const bool spun = completion_spin.wait([&] {
        done = in_flight.front().ready();
        return done || (room && bells_.load(std::memory_order_relaxed) != bells);
      });
      if (done) {
        completion_spin.restart();
        pace.ends(Clock::now());
        finish_first(in_flight, *self.device);
      } else if (!spun && (defers || !room)) {
        // Not on the condition: a bell that this instance does not answer is for another.
        std::this_thread::sleep_for(kPollInterval);
      }
      lock.lock();
      if (!spun && room && !defers && queue_.empty()) wake_.wait_for(lock, kPollInterval);
    } else if (idle_spin.begin()) {
      const int bells = bells_.load(std::memory_order_relaxed);
      lock.unlock();
      idle_spin.wait([&] { return bells_.load(std::memory_order_relaxed) != bells; });
      lock.lock();
    } else {
      wake_.wait(lock);
    }
  }
}

// Behind a batch that runs: one that cannot grow any more, or that the device will soon want.
bool Executor::is_next_due(const DevicePace& pace) const {
  const Slab& next = *queue_.front().slab;
  return queue_.size() > 1 || next.settled_rows() >= next.layout().capacity ||
         pace.runs_dry(Clock::now());
}

std::optional<CorePermits::Permit> Executor::wait_for_cores(InstanceThread& self,
                                                            std::unique_lock<std::mutex>& lock) {
  const int threads = self.intra_op_threads;
  lock.unlock();
  std::optional<CorePermits::Permit> permit =
      CorePermits::instance().acquire(share_, threads, kPermitPatience);
  lock.lock();
  if (permit && (closing_ || self.stop || queue_.empty())) {
    permit->unused();
    permit.reset();
  }
  return permit;
}

void Executor::warm(InstanceThread& self, EngineInstance& instance,
                    std::unique_lock<std::mutex>& lock) {
  WarmUp warm_up = warm_up_;
  warm_up.graph_memory = take_graph_memory(self);
  const int generation = warm_up_generation_;
  lock.unlock();
  std::optional<FailedEvent> failure;
  int signature_id = -1;
  WarmUpResult result;
  try {
    result = run_warm_up(instance, warm_up);
    if (result.signature) signature_id = signatures_.intern(*result.signature);
  } catch (const Error& error) {
    failure = FailedEvent{options_.id, error.code(), error.what()};
  }
  lock.lock();
  if (failure && failure->code == kDeviceFailed) lose_device(*self.device, failure->message);
  settle_graphs(self, std::move(result.graphs));
  self.warmed_generation = generation;
  if (signature_id >= 0) warmed_.signature = signature_id;
  warmed_.microseconds.resize(std::max(warmed_.microseconds.size(), result.microseconds.size()));
  std::transform(result.microseconds.begin(), result.microseconds.end(),
                 warmed_.microseconds.begin(), warmed_.microseconds.begin(),
                 [](double own, double largest) { return std::max(own, largest); });
  if (failure) warmed_.error = std::move(failure);
  wake_supervisor();
}

void Executor::finish_first(std::deque<SlabRun>& in_flight, ModelDevice& device) {
  BatchEvent event = complete(in_flight.front().finish(), device);
  in_flight.pop_front();
  sink_.post(std::move(event));
}

BatchEvent Executor::complete(SlabRun::Outcome outcome, ModelDevice& device) {
  outcome.event.model = options_.id;
  if (outcome.event.rows > 0) outcome.event.signature = signatures_.intern(outcome.signature);
  {
    const std::scoped_lock lock(mutex_);
    // Whoever hears of the rows knows of the device before.
    if (outcome.device_failure) lose_device(device, *outcome.device_failure);
    slabs_.at(outcome.slab->id()).busy = false;
  }
  for (RowError& error : outcome.event.errors) {
    if (error.code == kDeviceFailed) error.message = device.name + ": " + error.message;
  }
  return std::move(outcome.event);
}

}  // namespace sconce
