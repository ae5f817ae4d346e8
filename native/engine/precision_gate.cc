#include "precision_gate.h"

namespace sconce {

void PrecisionGate::enter(bool tf32) {
  std::unique_lock lock(mutex_);
  if (inside_ == 0 && mode_ != tf32) change_mode();
  // Who comes while others wait for the other mode lets these have their turn first.
  if (mode_ == tf32 && waiting_[!tf32] == 0) {
    ++inside_;
    return;
  }
  ++waiting_[tf32];
  // Let in by change_mode(), which counts it.
  turn_.wait(lock, [&, turn = turns_] { return mode_ == tf32 && turns_ != turn; });
}

void PrecisionGate::leave() {
  const std::scoped_lock lock(mutex_);
  --inside_;
  if (inside_ == 0 && waiting_[!mode_] > 0) change_mode();
}

// With the mutex held and nobody inside: all who wait for the other mode are let in.
void PrecisionGate::change_mode() {
  mode_ = !mode_;
  set_(mode_);
  inside_ += waiting_[mode_];
  waiting_[mode_] = 0;
  ++turns_;
  turn_.notify_all();
}

}  // namespace sconce
