// What the runtime knows of those who have threads.
#pragma once

#include <chrono>

#include "events.h"

namespace sconce {

// Has threads that post events with its id. Main loop only.
class ThreadOwner {
 public:
  virtual ~ThreadOwner() = default;
  ThreadOwner() = default;
  ThreadOwner(const ThreadOwner&) = delete;
  ThreadOwner& operator=(const ThreadOwner&) = delete;

  [[nodiscard]] virtual int id() const = 0;

  // Throws Error when no thread can be started.
  virtual void start() = 0;

  // Does what is to be done on the main loop when such an event has arrived there.
  virtual void settle_in(LoopEvent&) {}

  // Asks the threads to stop after what they are running; ends in a ClosedEvent. Never waits.
  virtual void close() = 0;

  // True when every thread has nothing more to do, waiting for that until `deadline`.
  virtual bool wait_until_ended(std::chrono::steady_clock::time_point deadline) = 0;

  virtual void join() = 0;
};

}  // namespace sconce
