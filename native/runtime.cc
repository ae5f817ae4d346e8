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
  {
    const std::scoped_lock lock(mutex_);
    if (!running_) throw Error("INTERNAL", "the runtime is not started");
  }
  options.id = next_model_id_++;
  auto executor = std::make_shared<Executor>(std::move(options), *this);
  executor->start();
  executors_.emplace(executor->id(), executor);
  // The loop stays alive while there are threads that have something to say.
  if (executors_.size() == 1) wake_.Ref(env_);
  return executor;
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
    if (const auto* closed = std::get_if<ClosedEvent>(&event)) {
      const auto found = executors_.find(closed->model);
      if (found != executors_.end()) {
        found->second->join();
        executors_.erase(found);
        if (executors_.empty()) wake_.Unref(env);
      }
    }
    list[index++] = event_to_js(env, std::move(event));
  }
  on_events.Call({list});
}

bool Runtime::stop(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (auto& [id, executor] : executors_) executor->close();
  for (auto& [id, executor] : executors_) {
    if (!executor->wait_until_ended(deadline)) return false;
    executor->join();
  }
  return true;
}

void Runtime::release() {
  for (auto& [id, executor] : executors_) executor->close();
  for (auto& [id, executor] : executors_) executor->join();
  executors_.clear();
  const std::scoped_lock lock(mutex_);
  running_ = false;
  events_.clear();
  wake_.Release();
}

}  // namespace sconce
