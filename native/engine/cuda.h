// The CUDA side of an instance: its streams, asynchronous copies and completion events. Builds
// without CUDA compile the stubs at the end.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#ifdef SCONCE_CUDA
#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace sconce {

// Number of usable CUDA devices; 0 when there is no driver or no GPU.
int cuda_device_count();

// True when the device "cuda:N" has instructions for bfloat16; false when there is no such device.
bool cuda_computes_bfloat16(const std::string& device);

// Page-locks host memory so that copies to the device are asynchronous. Returns false when that is
// not possible; the memory then works as pageable memory does.
bool pin_memory(void* memory, size_t bytes);
void unpin_memory(void* memory);

// Frees what the caching allocator holds of freed tensors, on every device.
void release_device_memory() noexcept;

#ifdef SCONCE_CUDA

// One compute stream and one stream for each direction of copy. The order of a batch is held by
// events on the device: the host never waits before forward.
class CudaPipeline {
 public:
  explicit CudaPipeline(int device);

  [[nodiscard]] c10::cuda::CUDAStream compute() const { return compute_; }

  // Queues a copy of host memory to the device; the compute stream will wait for it.
  [[nodiscard]] at::Tensor upload(const at::Tensor& host);

  // Queues a copy of `source` into host memory, after what the compute stream has been given.
  void download(const at::Tensor& source, at::Tensor host);

  // Fires when everything queued so far has arrived on the host.
  class Completion {
   public:
    Completion();
    ~Completion();
    Completion(const Completion&) = delete;
    Completion& operator=(const Completion&) = delete;
    void record(c10::cuda::CUDAStream stream);
    // Throws c10::Error when the device failed.
    [[nodiscard]] bool reached() const;
    void wait() const;

   private:
    friend class CudaPipeline;
    void* event_;
  };
  [[nodiscard]] std::unique_ptr<Completion> complete();

 private:
  void order(c10::cuda::CUDAStream before, c10::cuda::CUDAStream after);

  int device_;
  c10::cuda::CUDAStream compute_;
  c10::cuda::CUDAStream copy_in_;
  c10::cuda::CUDAStream copy_out_;
};

#else

inline int cuda_device_count() { return 0; }
inline bool cuda_computes_bfloat16(const std::string&) { return false; }
inline bool pin_memory(void*, size_t) { return false; }
inline void unpin_memory(void*) {}
inline void release_device_memory() noexcept {}

#endif

}  // namespace sconce
