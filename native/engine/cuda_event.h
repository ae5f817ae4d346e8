// A CUDA event, with its time.
#pragma once

#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <utility>

namespace sconce {

// Belongs to the device that is current when it is made. Throws c10::Error where CUDA fails.
class CudaEvent {
 public:
  CudaEvent();
  ~CudaEvent();
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;

  // Marks what the stream has been given so far. May be called again.
  void record(const c10::cuda::CUDAStream& stream);
  // What the stream is given from now on begins after the mark.
  void hold_back(const c10::cuda::CUDAStream& stream) const;
  // True when the device has come to the mark, or none was made.
  [[nodiscard]] bool reached() const;
  // Waits until the device has. False when it failed.
  [[nodiscard]] bool wait() const noexcept;
  // Of two events that were both reached.
  [[nodiscard]] double seconds_since(const CudaEvent& earlier) const;

  friend void swap(CudaEvent& left, CudaEvent& right) noexcept {
    std::swap(left.event_, right.event_);
  }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace sconce
