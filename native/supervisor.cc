// The supervisor of an executor: the thread that loads the file and has the instances' threads.
#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/memory.h"
#include "error.h"
#include "execution_thread.h"
#include "executor.h"

namespace sconce {

void Executor::supervise() {
  become_execution_thread("sconce model");
  const PrintRedirection redirection(printed_);
  try {
    watch_instances();
  } catch (const Error& error) {
    sink_.post(FailedEvent{options_.id, error.code(), error.what()});
  } catch (const std::exception& error) {
    sink_.post(FailedEvent{options_.id, "MODEL_LOAD_FAILED", error.what()});
  }
  end();
}

void Executor::watch_instances() {
  std::unique_lock lock(mutex_);
  while (!closing_) {
    has_changed_ = false;
    join_left(lock);
    adjust(lock);
    free_unused(lock);
    report();
    make_loop_runner(lock);
    changed_.wait(lock, [this] { return has_changed_ || closing_; });
  }
}

void Executor::join_left(std::unique_lock<std::mutex>& lock) {
  std::list<InstanceThread> left;
  for (auto next = instances_.begin(); next != instances_.end();) {
    const auto instance = next++;
    if (instance->state == InstanceThread::State::kLeft) {
      left.splice(left.end(), instances_, instance);
    }
  }
  if (left.empty()) return;
  lock.unlock();
  for (InstanceThread& instance : left) {
    if (instance.thread.joinable()) instance.thread.join();
  }
  return_free_memory(options_.devices.front());
  lock.lock();
}

// The newest stop first, of those on the devices with the most. An instance that was told to stop
// and still runs is taken back before a new one is made, unless that one belongs elsewhere.
void Executor::adjust(std::unique_lock<std::mutex>& lock) {
  int missing = wanted_instances_ - count_wanted();
  for (InstanceThread& instance : instances_) {
    if (missing <= 0) break;
    if (!instance.present() || !instance.stop || instance.device->failure) continue;
    if (count_wanted_on(*instance.device) > count_wanted_on(*choose_device())) continue;
    instance.stop = false;
    --missing;
  }
  for (; missing < 0; ++missing) choose_to_stop().stop = true;
  wake_.notify_all();
  while (!closing_ && !fatal_ && count_wanted() < wanted_instances_) start_instance(lock);
}

void Executor::start_instance(std::unique_lock<std::mutex>& lock) {
  ModelDevice& device = *choose_device();
  if (const std::optional<Error> error = load_on(device, lock)) {
    if (error->code() == kDeviceFailed) {
      lose_device(device, error->what());
    } else {
      do_without({options_.id, error->code(), error->what()});
    }
    return;
  }
  // The device may have failed, or the model been closed, while it was loaded.
  if (closing_ || fatal_ || device.failure) return;
  InstanceThread& instance = instances_.emplace_back();
  instance.device = &device;
  instance.asked = asked_;
  std::optional<std::string> problem;
  lock.unlock();
  try {
    instance.thread = std::thread([this, &instance] { run_instance(instance); });
  } catch (const std::system_error& error) {
    problem = error.what();
  }
  lock.lock();
  if (!problem) return;
  fail_instance(instance, "MODEL_LOAD_FAILED", "no thread can be started: " + *problem);
  instance.state = InstanceThread::State::kLeft;
  wake_supervisor();
}

void Executor::report() {
  if (fatal_) {
    sink_.post(*std::exchange(fatal_, std::nullopt));
    closing_ = true;
    return;
  }
  if (as_many_as_wanted()) report_instances();
  if (loaded_ && warming_) report_warm_up();
}

bool Executor::as_many_as_wanted() const {
  return instances_.size() == static_cast<size_t>(wanted_instances_) &&
         std::all_of(instances_.begin(), instances_.end(), [](const InstanceThread& instance) {
           return instance.state == InstanceThread::State::kServing && !instance.stop;
         });
}

void Executor::report_instances() {
  if (!std::exchange(loaded_, true)) {
    sink_.post(
        LoadedEvent{options_.id, devices_.front().model->description(), take_load_milliseconds()});
  }
  for (; open_wishes_ > 0; --open_wishes_) {
    sink_.post(ScaledEvent{options_.id, wanted_instances_, take_load_milliseconds(), failure_});
  }
  failure_.reset();
}

std::vector<double> Executor::take_load_milliseconds() {
  std::vector<double> milliseconds;
  for (InstanceThread& instance : instances_) {
    if (!std::exchange(instance.reported, true)) {
      milliseconds.push_back(instance.load_milliseconds);
    }
  }
  return milliseconds;
}

void Executor::report_warm_up() {
  for (const InstanceThread& instance : instances_) {
    if (instance.present() && instance.warmed_generation != warm_up_generation_) return;
  }
  warming_ = false;
  if (!warmed_.error) last_warm_up_ = warm_up_;
  warmed_.model = options_.id;
  warmed_.graphs = all_graphs();
  sink_.post(std::exchange(warmed_, {}));
}

void Executor::end() {
  stop();
  // Only this thread changes the list.
  for (InstanceThread& instance : instances_) {
    if (instance.thread.joinable()) instance.thread.join();
  }
  fail_queue();
  explanations_.join();
  for (ModelDevice& device : devices_) device.model.reset();
  return_free_memory(options_.devices.front());
  sink_.post(ClosedEvent{options_.id});
  const std::scoped_lock lock(mutex_);
  has_ended_ = true;
  ended_.notify_all();
}

void Executor::fail_queue() {
  std::deque<QueuedSlab> unanswered;
  {
    const std::scoped_lock lock(mutex_);
    instances_.clear();
    accepts_slabs_ = false;
    unanswered.swap(queue_);
    for (const QueuedSlab& queued : unanswered) slabs_.at(queued.slab->id()).busy = false;
  }
  for (const QueuedSlab& queued : unanswered) {
    const int reserved = queued.slab->seal();
    queued.slab->settle(reserved, options_.commit_timeout);
    BatchEvent event;
    event.model = options_.id;
    event.slab = queued.slab->id();
    for (int row = 0; row < reserved; ++row) {
      queued.slab->set_output_row(row, -1);
      event.errors.push_back({row, 1, end_.code(), end_.what()});
    }
    sink_.post(std::move(event));
  }
}

}  // namespace sconce
