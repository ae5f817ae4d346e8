#include "runtime.h"

#include <utility>

#include "event_conversion.h"
#include "napi_support.h"

namespace sconce {

Runtime& Runtime::instance() {
  static Runtime runtime;
  return runtime;
}

void Runtime::start(Napi::Env env, Napi::Function on_events) {
  {
    const std::scoped_lock lock(mutex_);
    if (running_) throw Error("INTERNAL", "the runtime is already started");
    running_ = true;
  }
  // Unlimited queue and one thread: post() never blocks, and wake-ups are coalesced there.
  wake_ = Napi::ThreadSafeFunction::New(env, on_events, "sconce events", 0, 1);
  wake_.Unref(env);
  env_ = env;
  // Runs before the function's own hook because it is added after it: hooks run in reverse.
  env.AddCleanupHook([this] { release(); });
}

std::shared_ptr<Executor> Runtime::create(ExecutorOptions options) {
  options.id = take_id();
  auto executor = std::make_shared<Executor>(std::move(options), *this);
  start(executor);
  return executor;
}

std::shared_ptr<PlanSearch> Runtime::create(PlanSearchOptions options) {
  options.id = take_id();
  auto search = std::make_shared<PlanSearch>(std::move(options), *this);
  start(search);
  return search;
}

int Runtime::take_id() {
  const std::scoped_lock lock(mutex_);
  if (!running_) throw Error("INTERNAL", "the runtime is not started");
  return next_id_++;
}

void Runtime::start(std::shared_ptr<ThreadOwner> owner) {
  owner->start();
  owners_.emplace(owner->id(), std::move(owner));
  // The loop stays alive while there are threads that have something to say.
  if (owners_.size() == 1) wake_.Ref(env_);
}

void Runtime::post(Event event) {
  const std::scoped_lock lock(mutex_);
  if (!running_) return;
  events_.push_back(std::move(event));
  if (events_.size() > 1) return;  // a wake-up is already on its way
  wake_.NonBlockingCall(
      [this](Napi::Env env, Napi::Function on_events) { deliver(env, on_events); });
}

void Runtime::deliver(Napi::Env env, Napi::Function on_events) {
  std::deque<Event> events;
  {
    const std::scoped_lock lock(mutex_);
    events.swap(events_);
  }
  if (events.empty()) return;
  const Napi::HandleScope scope(env);
  Napi::Array list = Napi::Array::New(env, events.size());
  uint32_t index = 0;
  for (Event& event : events) {
    prepare(env, event);
    list[index++] = event_to_js(env, std::move(event));
  }
  on_events.Call({list});
}

void Runtime::prepare(Napi::Env env, Event& event) {
  if (auto* loop = std::get_if<LoopEvent>(&event)) {
    const auto found = owners_.find(loop->model);
    if (found != owners_.end()) found->second->settle_in(*loop);
  } else if (const auto* closed = std::get_if<ClosedEvent>(&event)) {
    const auto found = owners_.find(closed->model);
    if (found == owners_.end()) return;
    // One that failed was not told to close.
    found->second->close();
    found->second->join();
    owners_.erase(found);
    if (owners_.empty()) wake_.Unref(env);
  }
}

bool Runtime::stop(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (auto& [id, owner] : owners_) owner->close();
  for (auto& [id, owner] : owners_) {
    if (!owner->wait_until_ended(deadline)) return false;
    owner->join();
  }
  return true;
}

void Runtime::release() {
  for (auto& [id, owner] : owners_) owner->close();
  for (auto& [id, owner] : owners_) owner->join();
  owners_.clear();
  const std::scoped_lock lock(mutex_);
  running_ = false;
  events_.clear();
  wake_.Release();
}

}  // namespace sconce
