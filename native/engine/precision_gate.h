// Who computes while a setting of the whole process has which value.
#pragma once

#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace sconce {

// Lets threads through together that need the same of two modes, and those of the other mode only
// when these are gone: LibTorch reads from global flags whether cuBLAS may use TensorFloat-32, each
// time that a product is queued. Threads of one mode never wait for each other; where both are
// wanted all the time they take turns. Thread-safe.
class PrecisionGate {
 public:
  // Sets the mode of the process. Called while nobody is inside.
  using Set = std::function<void(bool tf32)>;

  // `tf32` is the mode that the process has now.
  PrecisionGate(bool tf32, Set set) : mode_(tf32), set_(std::move(set)) {}

  // Being inside.
  class Pass {
   public:
    Pass(PrecisionGate& gate, bool tf32) : gate_(gate) { gate_.enter(tf32); }
    ~Pass() { gate_.leave(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    PrecisionGate& gate_;
  };

 private:
  void enter(bool tf32);
  void leave();
  void change_mode();

  std::mutex mutex_;
  std::condition_variable turn_;
  bool mode_;
  const Set set_;
  int inside_ = 0;                    // let in and not gone
  std::array<int, 2> waiting_{0, 0};  // of each mode
  unsigned turns_ = 0;                // rises when those who wait are let in
};

}  // namespace sconce
