#include "capture_lock.h"

namespace sconce {

namespace {

// Who wants to be alone has `turn` while it waits: a shared_mutex lets those in who draw numbers as
// long as one of them is inside.
struct CaptureMutex {
  std::mutex turn;
  std::shared_mutex inside;
};

CaptureMutex& mutex() {
  static CaptureMutex mutex;
  return mutex;
}

}  // namespace

CaptureLock::CaptureLock() : turn_(mutex().turn), alone_(mutex().inside) {}

DrawLock::DrawLock() {
  const std::scoped_lock turn(mutex().turn);
  together_ = std::shared_lock(mutex().inside);
}

}  // namespace sconce
