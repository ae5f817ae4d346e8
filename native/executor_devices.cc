// On which devices the instances of an executor run: dealing them out, loading the file there, and
// what becomes of them when a device fails.
#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/memory.h"
#include "error.h"
#include "executor.h"

namespace sconce {

int Executor::count_wanted_on(const ModelDevice& device) const {
  return static_cast<int>(std::count_if(instances_.begin(), instances_.end(),
                                        [&device](const InstanceThread& instance) {
                                          return instance.wanted() && instance.device == &device;
                                        }));
}

// Where the fewest instances are wanted.
ModelDevice* Executor::choose_device() {
  ModelDevice* chosen = nullptr;
  for (ModelDevice& device : devices_) {
    if (device.failure) continue;
    if (chosen == nullptr || count_wanted_on(device) < count_wanted_on(*chosen)) chosen = &device;
  }
  return chosen;
}

// The newest of those where the most are wanted. Only while one is wanted.
Executor::InstanceThread& Executor::choose_to_stop() {
  const auto fewer = [this](const ModelDevice& a, const ModelDevice& b) {
    return count_wanted_on(a) < count_wanted_on(b);
  };
  const int most = count_wanted_on(*std::max_element(devices_.begin(), devices_.end(), fewer));
  return *std::find_if(instances_.rbegin(), instances_.rend(),
                       [this, most](const InstanceThread& instance) {
                         return instance.wanted() && count_wanted_on(*instance.device) == most;
                       });
}

// Only the supervisor changes which models there are; others read them under the mutex.
std::optional<Error> Executor::load_on(ModelDevice& device, std::unique_lock<std::mutex>& lock) {
  if (device.model != nullptr) return std::nullopt;
  EngineOptions options = options_.engine;
  options.device = device.name;
  std::shared_ptr<EngineModel> model;
  std::optional<Error> problem;
  lock.unlock();
  try {
    model = load_torchscript(options);
    return_free_memory(device.name);  // of what preparing the module left
  } catch (const Error& error) {
    problem = error;
  } catch (const std::exception& error) {
    problem = Error("MODEL_LOAD_FAILED", error.what());
  }
  lock.lock();
  device.model = std::move(model);
  return problem;
}

void Executor::free_unused(std::unique_lock<std::mutex>& lock) {
  for (ModelDevice& device : devices_) {
    const bool used = std::any_of(
        instances_.begin(), instances_.end(),
        [&device](const InstanceThread& instance) { return instance.device == &device; });
    // One stays for what is asked of the model itself.
    if (device.model == nullptr || used || any_device(&device) == nullptr) continue;
    std::shared_ptr<EngineModel> model = std::move(device.model);
    lock.unlock();
    model.reset();
    return_free_memory(device.name);
    lock.lock();
  }
}

ModelDevice* Executor::any_device(const ModelDevice* except) {
  for (ModelDevice& device : devices_) {
    if (&device != except && !device.failure && device.model != nullptr) return &device;
  }
  return nullptr;
}

// By a device that works and that the model has: another one would get a context for this alone.
PageLock Executor::lock_pages(std::span<uint8_t> memory) {
  std::string device;
  {
    const std::scoped_lock lock(mutex_);
    const auto working = std::find_if(devices_.begin(), devices_.end(),
                                      [](const ModelDevice& each) { return !each.failure; });
    if (working == devices_.end()) return {};
    device = working->name;
  }
  PageLock pages(memory.data(), memory.size(), device);
  if (!pages.problem().empty() && !std::exchange(told_pageable_, true)) {
    sink_.post(NoticeEvent{options_.id, "slabs are not page-locked: " + pages.problem()});
  }
  return pages;
}

std::unique_ptr<EngineExplainer> Executor::make_explainer() {
  std::shared_ptr<EngineModel> model;
  {
    const std::scoped_lock lock(mutex_);
    explaining_ = any_device();
    if (explaining_ != nullptr) model = explaining_->model;
  }
  if (model == nullptr) throw Error("MODEL_CLOSED", "the model is not loaded");
  return model->make_explainer();
}

std::string Executor::lose_explaining_device(const std::string& message) {
  const std::scoped_lock lock(mutex_);
  lose_device(*explaining_, message);
  return explaining_->name + ": " + message;
}

// The instances that it had are made anew on the devices that work, if the model has any.
void Executor::lose_device(ModelDevice& device, const std::string& message) {
  if (device.failure) return;
  device.failure = message;
  // One that is still loading is not worth a second try.
  const int remaining = loaded_ && choose_device() != nullptr ? wanted_instances_ : 0;
  sink_.post(DeviceFailedEvent{options_.id, device.name, message, remaining});
  if (remaining == 0) {
    end_ = Error(kDeviceFailed, device.name + ": " + message);
    fatal_ = FailedEvent{options_.id, end_.code(), end_.what()};
  }
  wake_supervisor();
  wake_.notify_all();
}

void Executor::abandon(std::deque<SlabRun>& in_flight, ModelDevice& device) {
  for (SlabRun& run : in_flight) run.abandon(*device.failure);
  while (!in_flight.empty()) finish_first(in_flight, device);
}

// Each gets the same part of what the instances on its device have not taken.
size_t Executor::take_graph_memory(InstanceThread& self) {
  if (!options_.engine.plan.graphs || std::exchange(self.captures, true)) return 0;
  size_t taken = 0;
  size_t sharers = 1;
  for (const InstanceThread& instance : instances_) {
    if (instance.device != self.device || &instance == &self) continue;
    taken += instance.graph_bytes;
    if (instance.wanted() && !instance.captures) ++sharers;
  }
  self.graph_bytes = (options_.graph_memory - std::min(taken, options_.graph_memory)) / sharers;
  return self.graph_bytes;
}

void Executor::settle_graphs(InstanceThread& self, std::vector<GraphCapture> graphs) {
  if (graphs.empty() && !self.graphs.empty()) return;  // of a warm-up before
  self.graph_bytes = 0;
  for (const GraphCapture& graph : graphs) self.graph_bytes += graph.bytes;
  self.graphs = std::move(graphs);
}

// The oldest instance stands for all, with the bytes of all.
std::vector<GraphCapture> Executor::all_graphs() const {
  if (instances_.empty()) return {};
  std::vector<GraphCapture> all = instances_.front().graphs;
  for (auto instance = std::next(instances_.begin()); instance != instances_.end(); ++instance) {
    for (const GraphCapture& graph : instance->graphs) {
      const auto same = std::find_if(all.begin(), all.end(), [&graph](const GraphCapture& known) {
        return known.rows == graph.rows;
      });
      if (same != all.end()) same->bytes += graph.bytes;
    }
  }
  return all;
}

}  // namespace sconce
