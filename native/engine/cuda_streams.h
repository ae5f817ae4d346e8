// The CUDA streams of an instance.
#pragma once

#include <c10/cuda/CUDAStream.h>

namespace sconce {

struct CudaStreams {
  c10::cuda::CUDAStream compute;
  c10::cuda::CUDAStream copy_in;
  c10::cuda::CUDAStream copy_out;
  c10::cuda::CUDAStream capture;  // of graphs, which are launched on `compute`

  // Waits until nothing is queued. False when the device failed.
  [[nodiscard]] bool drain() const noexcept;
};

// Streams that nobody else has meanwhile. LibTorch's pool gives the same stream to several owners,
// and what one of them queues while another captures would become part of its graph. They are used
// again, never destroyed: LibTorch's allocator keeps memory for each stream that it has seen.
class CudaStreamsLease {
 public:
  // On the device that is current, which must be this one. Throws c10::Error.
  explicit CudaStreamsLease(int device);
  // Nothing may be queued any more and no graph may be left, unless the device failed.
  ~CudaStreamsLease();
  CudaStreamsLease(const CudaStreamsLease&) = delete;
  CudaStreamsLease& operator=(const CudaStreamsLease&) = delete;

  [[nodiscard]] const CudaStreams& streams() const { return streams_; }

 private:
  int device_;
  CudaStreams streams_;
};

}  // namespace sconce
