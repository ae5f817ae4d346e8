// Keeps threads that capture CUDA graphs apart from each other and from those that draw random
// numbers on a GPU. LibTorch 2.11 has one generator for each device: it lists graphs without a
// mutex, and drawing fails everywhere while any thread captures there.
#pragma once

#include <mutex>
#include <shared_mutex>

namespace sconce {

// While it lives nobody else captures or destroys a graph, and nobody draws numbers. Needed for
// both. Waits for those who do; who comes later waits for it. No thread may have two locks of this
// file, nor take one while it has a TF32Pass: who captures takes them the other way round.
class CaptureLock {
 public:
  CaptureLock();

 private:
  std::unique_lock<std::mutex> turn_;
  std::unique_lock<std::shared_mutex> alone_;
};

// While it lives nothing is captured. Needed to draw numbers; any number of threads may have one.
class DrawLock {
 public:
  DrawLock();

 private:
  std::shared_lock<std::shared_mutex> together_;
};

}  // namespace sconce
