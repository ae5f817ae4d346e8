#include "executor.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "error.h"

namespace sconce {

namespace {

std::vector<ModelDevice> make_devices(const std::vector<std::string>& names) {
  std::vector<ModelDevice> devices;
  for (const std::string& name : names) {
    devices.push_back({.name = name, .model = nullptr, .failure = {}});
  }
  return devices;
}

}  // namespace

Executor::Executor(ExecutorOptions options, EventSink& sink)
    : options_(std::move(options)),
      sink_(sink),
      printed_(std::make_shared<PrintedLines>(options_.id, sink)),
      on_cpu_(options_.devices.front() == "cpu"),
      explanations_(
          {.model = options_.id,
           .device = options_.devices.front(),
           .printed = printed_,
           .make_explainer = [this] { return make_explainer(); },
           .lose_device =
               [this](const std::string& message) { return lose_explaining_device(message); }},
          sink),
      share_(options_.weight, options_.response_timeout),
      devices_(make_devices(options_.devices)),
      wanted_instances_(options_.instances),
      intra_op_threads_(options_.intra_op_threads) {}

Executor::~Executor() {
  close();
  join();
}

void Executor::start() {
  asked_ = Clock::now();
  try {
    supervisor_ = std::thread([this] { supervise(); });
  } catch (const std::system_error& error) {
    throw Error("MODEL_LOAD_FAILED", std::string("no thread can be started: ") + error.what());
  }
}

void Executor::fail_instance(InstanceThread& self, const std::string& code,
                             const std::string& message) {
  const bool served = self.state == InstanceThread::State::kServing;
  self.state = InstanceThread::State::kLeaving;
  if (code == kDeviceFailed) lose_device(*self.device, message);
  if (self.device->failure) return;
  FailedEvent failure{options_.id, code, "an instance could not be made: " + message};
  if (served) {
    // Its batches are lost, and with them their answers.
    failure.message = "an instance failed: " + message;
    fatal_ = std::move(failure);
  } else if (!self.stop) {
    do_without(std::move(failure));
  }
}

void Executor::do_without(FailedEvent failure) {
  if (!loaded_ || count_wanted() == 0) {
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
  const int id = next_slab_id_;
  RegisteredSlab registered{.slab = std::make_shared<Slab>(id, memory, std::move(layout))};
  // Without the mutex: the more memory the longer it takes, and the instances would wait.
  if (!on_cpu_) registered.lock = lock_pages(memory);
  const std::scoped_lock lock(mutex_);
  slabs_.emplace(id, std::move(registered));
  ++next_slab_id_;
  return id;
}

void Executor::remove_slab(int slab_id) {
  decltype(slabs_)::node_type removed;  // ends after the lock does
  const std::scoped_lock lock(mutex_);
  const auto found = slabs_.find(slab_id);
  if (found == slabs_.end()) throw Error("INTERNAL", "no such slab");
  if (found->second.busy) throw Error("INTERNAL", "the slab is in use");
  removed = slabs_.extract(found);
}

std::optional<BatchEvent> Executor::ring(int slab_id, double order, LoopTime& time, bool here) {
  const Clock::time_point now = Clock::now();
  std::unique_lock lock(mutex_);
  const auto found = slabs_.find(slab_id);
  if (found == slabs_.end()) throw Error("INTERNAL", "no such slab");
  if (!accepts_slabs_) throw Error(end_);
  if (std::exchange(found->second.busy, true)) {
    throw Error("INTERNAL", "the slab is already rung");
  }
  std::shared_ptr<Slab> slab = found->second.slab;
  if (here && runs_on_loop(*slab, now, time)) {
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
