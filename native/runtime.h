// The one place where execution threads meet the main loop: a queue of events and a single
// ThreadSafeFunction in the main environment. It also knows every owner of threads, so that all
// are joined before the environment goes.
#pragma once

#include <napi.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "events.h"
#include "executor.h"
#include "plan_search.h"

namespace sconce {

// Process-wide; JavaScript may use it from the main thread only.
class Runtime : public EventSink {
 public:
  static Runtime& instance();

  // Sets where events are delivered. Throws Error when called twice in a living environment.
  void start(Napi::Env env, Napi::Function on_events);

  // Creates and starts an executor. Throws Error before start().
  std::shared_ptr<Executor> create(ExecutorOptions options);

  // Creates and starts a plan search. Throws Error before start().
  std::shared_ptr<PlanSearch> create(PlanSearchOptions options);

  void post(Event event) override;

  // Main thread only.
  [[nodiscard]] LoopTime& loop_time() { return loop_time_; }

  // Stops every owner of threads. Must happen before the process runs static destructors, because
  // LibTorch does not survive them. Returns false when a batch is still running at the deadline.
  bool stop(std::chrono::milliseconds timeout);

 private:
  Runtime() = default;
  // The id of a new owner. Throws Error before start().
  int take_id();
  void start(std::shared_ptr<ThreadOwner> owner);
  void deliver(Napi::Env env, Napi::Function on_events);
  // What the main loop has to do before JavaScript hears of an event.
  void prepare(Napi::Env env, Event& event);
  // Joins every thread, however long it takes, then lets go of the environment.
  void release();

  std::mutex mutex_;  // guards the queue and running_
  std::deque<Event> events_;
  bool running_ = false;
  Napi::ThreadSafeFunction wake_;
  napi_env env_ = nullptr;
  // Main thread only:
  std::map<int, std::shared_ptr<ThreadOwner>> owners_;
  int next_id_ = 1;
  LoopTime loop_time_;
};

}  // namespace sconce
