#include "executor.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/cuda.h"
#include "error.h"
#include "execution_thread.h"
#include "idle_spin.h"

namespace sconce {

namespace {

// How often an instance looks at a device that is still computing while no slab is waiting.
constexpr std::chrono::microseconds kPollInterval{50};

// How long an instance waits for cores before it looks whether it is still wanted.
constexpr std::chrono::milliseconds kPermitPatience{50};

}  // namespace

Executor::Executor(ExecutorOptions options, EventSink& sink)
    : options_(std::move(options)),
      sink_(sink),
      printed_(std::make_shared<PrintedLines>(options_.id, sink)),
      explanations_({.model = options_.id,
                     .device = options_.engine.device,
                     .printed = printed_,
                     .make_explainer = [this] { return model_->make_explainer(); }},
                    sink),
      share_(options_.weight, options_.response_timeout),
      wanted_instances_(options_.instances),
      intra_op_threads_(options_.intra_op_threads) {}

Executor::~Executor() {
  close();
  join();
  for (auto& [id, registered] : slabs_) {
    if (registered.pinned) unpin_memory(registered.slab->memory().data());
  }
}

void Executor::start() {
  asked_ = Clock::now();
  try {
    supervisor_ = std::thread([this] { supervise(); });
  } catch (const std::system_error& error) {
    throw Error("MODEL_LOAD_FAILED", std::string("no thread can be started: ") + error.what());
  }
}

void Executor::run_instance(InstanceThread& self) {
  become_execution_thread("sconce instance");
  const PrintRedirection redirection(printed_);
  try {
    // Made, used and destroyed on this thread: inference mode and thread counts belong to it.
    const std::unique_ptr<EngineInstance> instance = model_->make_instance();
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
  const std::optional<WarmUp> warm_up = closing_ ? std::nullopt : last_warm_up_;
  lock.unlock();
  instance.set_intra_op_threads(self.intra_op_threads);
  if (warm_up) run_warm_up(instance, *warm_up, std::chrono::microseconds(0));
  lock.lock();
  self.load_milliseconds =
      std::chrono::duration<double, std::milli>(Clock::now() - self.asked).count();
  self.state = InstanceThread::State::kServing;
  wake_supervisor();
}

void Executor::serve(InstanceThread& self, EngineInstance& instance) {
  std::deque<SlabRun> in_flight;
  IdleSpin idle_spin;
  ComputingThreads computing;
  std::unique_lock lock(mutex_);
  computing.set(self.intra_op_threads);
  while (true) {
    const bool stopping = closing_ || self.stop;
    const bool room = !stopping && in_flight.size() < instance.max_in_flight();
    if (stopping && in_flight.empty()) {
      self.state = InstanceThread::State::kLeaving;
      return;
    }
    if (self.intra_op_threads != intra_op_threads_) {
      const int threads = intra_op_threads_;
      self.intra_op_threads = threads;
      computing.set(threads);
      lock.unlock();
      instance.set_intra_op_threads(threads);
      lock.lock();
    } else if (!stopping && self.warmed_generation != warm_up_generation_ && in_flight.empty()) {
      warm(self, instance, lock);
    } else if (room && !queue_.empty()) {
      idle_spin.end(queue_.front().rung);
      const bool shares_cores = options_.engine.device == "cpu";
      const std::optional<CorePermits::Permit> permit =
          shares_cores ? wait_for_cores(self, lock) : std::nullopt;
      if (shares_cores && !permit) continue;
      QueuedSlab next = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      in_flight.emplace_back(std::move(next.slab), next.rung)
          .begin(instance, options_.commit_timeout);
      if (in_flight.front().ready()) finish_first(in_flight);
      lock.lock();
    } else if (!in_flight.empty()) {
      lock.unlock();
      const bool done = in_flight.front().ready();
      if (done) {
        finish_first(in_flight);
      } else if (!room) {
        // Not on the condition: a bell that this instance cannot answer is for another.
        std::this_thread::sleep_for(kPollInterval);
      }
      lock.lock();
      if (!done && room && queue_.empty()) wake_.wait_for(lock, kPollInterval);
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
  const WarmUp warm_up = warm_up_;
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
  self.warmed_generation = generation;
  if (signature_id >= 0) warmed_.signature = signature_id;
  warmed_.microseconds.resize(std::max(warmed_.microseconds.size(), result.microseconds.size()));
  std::transform(result.microseconds.begin(), result.microseconds.end(),
                 warmed_.microseconds.begin(), warmed_.microseconds.begin(),
                 [](double own, double largest) { return std::max(own, largest); });
  if (failure) warmed_.error = std::move(failure);
  wake_supervisor();
}

void Executor::finish_first(std::deque<SlabRun>& in_flight) {
  BatchEvent event = complete(in_flight.front().finish());
  in_flight.pop_front();
  sink_.post(std::move(event));
}

BatchEvent Executor::complete(SlabRun::Outcome outcome) {
  outcome.event.model = options_.id;
  if (outcome.event.rows > 0) outcome.event.signature = signatures_.intern(outcome.signature);
  {
    const std::scoped_lock lock(mutex_);
    slabs_.at(outcome.slab->id()).busy = false;
  }
  return std::move(outcome.event);
}

void Executor::fail_instance(InstanceThread& self, const std::string& code,
                             const std::string& message) {
  const bool served = self.state == InstanceThread::State::kServing;
  self.state = InstanceThread::State::kLeaving;
  FailedEvent failure{options_.id, code, "an instance could not be made: " + message};
  if (served) {
    // Its batches are lost, and with them their answers.
    failure.message = "an instance failed: " + message;
    fatal_ = std::move(failure);
  } else if (self.stop) {
    // Nobody misses it.
  } else if (!loaded_) {
    fatal_ = std::move(failure);
  } else {
    failure_ = std::move(failure);
    wanted_instances_ = std::min(wanted_instances_, count_wanted());
  }
}

int Executor::count_wanted() const {
  return static_cast<int>(
      std::count_if(instances_.begin(), instances_.end(),
                    [](const InstanceThread& instance) { return instance.wanted(); }));
}

void Executor::wake_supervisor() {
  has_changed_ = true;
  changed_.notify_one();
}

bool Executor::wait_until_ended(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return ended_.wait_until(lock, deadline, [this] { return has_ended_; });
}

int Executor::add_slab(std::span<uint8_t> memory, SlabLayout layout) {
  const std::scoped_lock lock(mutex_);
  const int id = next_slab_id_;
  auto slab = std::make_shared<Slab>(id, memory, std::move(layout));
  const bool pinned = options_.engine.device != "cpu" && pin_memory(memory.data(), memory.size());
  slabs_.emplace(id, RegisteredSlab{.slab = std::move(slab), .busy = false, .pinned = pinned});
  ++next_slab_id_;
  return id;
}

void Executor::remove_slab(int slab_id) {
  const std::scoped_lock lock(mutex_);
  const auto found = slabs_.find(slab_id);
  if (found == slabs_.end()) throw Error("INTERNAL", "no such slab");
  if (found->second.busy) throw Error("INTERNAL", "the slab is in use");
  if (found->second.pinned) unpin_memory(found->second.slab->memory().data());
  slabs_.erase(found);
}

std::optional<BatchEvent> Executor::ring(int slab_id, double order, LoopTime& time) {
  const Clock::time_point now = Clock::now();
  std::unique_lock lock(mutex_);
  const auto found = slabs_.find(slab_id);
  if (found == slabs_.end()) throw Error("INTERNAL", "no such slab");
  if (!accepts_slabs_) throw Error("MODEL_CLOSED", "the model was unloaded");
  if (std::exchange(found->second.busy, true)) {
    throw Error("INTERNAL", "the slab is already rung");
  }
  std::shared_ptr<Slab> slab = found->second.slab;
  if (runs_on_loop(*slab, now, time)) {
    lock.unlock();
    return run_here(std::move(slab), now, time);
  }
  enqueue({std::move(slab), now, order});
  lock.unlock();
  wake_.notify_one();
  return std::nullopt;
}

void Executor::advance(int slab_id, double order) {
  const std::scoped_lock lock(mutex_);
  const auto found =
      std::find_if(queue_.begin(), queue_.end(),
                   [slab_id](const QueuedSlab& queued) { return queued.slab->id() == slab_id; });
  if (found == queue_.end() || found->order <= order) return;
  QueuedSlab queued = std::move(*found);
  queue_.erase(found);
  queued.order = order;
  enqueue(std::move(queued));
}

// From the back: nearly always it belongs there.
void Executor::enqueue(QueuedSlab queued) {
  auto place = queue_.end();
  while (place != queue_.begin() && std::prev(place)->order > queued.order) --place;
  queue_.insert(place, std::move(queued));
  bells_.fetch_add(1, std::memory_order_relaxed);
}

void Executor::warm_up(WarmUp warm_up) {
  {
    const std::scoped_lock lock(mutex_);
    if (warming_) throw Error("INTERNAL", "a warm-up is already under way");
    warming_ = true;
    warm_up_ = std::move(warm_up);
    ++warm_up_generation_;
  }
  wake_.notify_all();
}

void Executor::scale(int instances, int intra_op_threads) {
  const std::scoped_lock lock(mutex_);
  if (closing_) throw Error("MODEL_CLOSED", "the model was unloaded");
  wanted_instances_ = instances;
  intra_op_threads_ = intra_op_threads;
  asked_ = Clock::now();
  ++open_wishes_;
  failure_.reset();
  wake_supervisor();
}

void Executor::explain(int64_t id, ExplanationRequest request) {
  {
    const std::scoped_lock lock(mutex_);
    if (closing_ || !loaded_) throw Error("MODEL_CLOSED", "the model is not loaded");
  }
  explanations_.add(id, std::move(request));
}

Signature Executor::signature(int signature_id) const { return signatures_.get(signature_id); }

std::vector<std::vector<uint64_t>> Executor::parameter_pointers() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::vector<uint64_t>> pointers;
  for (const InstanceThread& instance : instances_) {
    if (instance.state == InstanceThread::State::kServing) {
      pointers.push_back(instance.parameter_pointers);
    }
  }
  return pointers;
}

void Executor::close() {
  leave_loop();
  stop();
}

void Executor::stop() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
    wake_supervisor();
  }
  wake_.notify_all();
  explanations_.close();
}

void Executor::join() {
  if (supervisor_.joinable()) supervisor_.join();
}

}  // namespace sconce
