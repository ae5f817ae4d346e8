#include "cuda.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

namespace sconce {

int cuda_device_count() { return static_cast<int>(c10::cuda::device_count()); }

bool cuda_computes_bfloat16(const std::string& device) {
  constexpr int kAmpere = 8;  // the first compute capability that has them
  try {
    const c10::Device parsed(device);
    if (!parsed.is_cuda()) return false;
    const int index = parsed.has_index() ? parsed.index() : 0;
    if (index >= cuda_device_count()) return false;
    int major = 0;
    return cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index) ==
               cudaSuccess &&
           major >= kAmpere;
  } catch (const std::exception&) {
    return false;
  }
}

bool pin_memory(void* memory, size_t bytes) {
  if (cuda_device_count() == 0) return false;
  if (cudaHostRegister(memory, bytes, cudaHostRegisterPortable) == cudaSuccess) return true;
  (void)cudaGetLastError();  // clears the error, which is not sticky
  return false;
}

void unpin_memory(void* memory) {
  if (cudaHostUnregister(memory) != cudaSuccess) (void)cudaGetLastError();
}

void release_device_memory() noexcept {
  try {
    if (cuda_device_count() > 0) c10::cuda::CUDACachingAllocator::emptyCache();
  } catch (const std::exception&) {
    // A device that failed keeps its memory; its next batch says so.
  }
}

CudaPipeline::CudaPipeline(int device)
    : device_(device),
      compute_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true,
                                            static_cast<c10::DeviceIndex>(device))),
      copy_in_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false,
                                            static_cast<c10::DeviceIndex>(device))),
      copy_out_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false,
                                             static_cast<c10::DeviceIndex>(device))) {}

CudaPipeline::Completion::Completion() : event_(nullptr) {
  cudaEvent_t event = nullptr;
  C10_CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  event_ = event;
}

CudaPipeline::Completion::~Completion() {
  (void)cudaEventDestroy(static_cast<cudaEvent_t>(event_));
}

void CudaPipeline::Completion::record(c10::cuda::CUDAStream stream) {
  C10_CUDA_CHECK(cudaEventRecord(static_cast<cudaEvent_t>(event_), stream.stream()));
}

bool CudaPipeline::Completion::reached() const {
  const cudaError_t status = cudaEventQuery(static_cast<cudaEvent_t>(event_));
  if (status == cudaErrorNotReady) {
    (void)cudaGetLastError();
    return false;
  }
  C10_CUDA_CHECK(status);
  return true;
}

void CudaPipeline::Completion::wait() const {
  C10_CUDA_CHECK(cudaEventSynchronize(static_cast<cudaEvent_t>(event_)));
}

void CudaPipeline::order(c10::cuda::CUDAStream before, c10::cuda::CUDAStream after) {
  // An event may be destroyed once the wait on it is queued: the runtime keeps it alive.
  Completion reached;
  reached.record(before);
  C10_CUDA_CHECK(
      cudaStreamWaitEvent(after.stream(), static_cast<cudaEvent_t>(reached.event_), /*flags=*/0));
}

at::Tensor CudaPipeline::upload(const at::Tensor& host) {
  at::Tensor device_tensor;
  {
    const c10::cuda::CUDAStreamGuard guard(copy_in_);
    device_tensor =
        at::empty(host.sizes(), host.options().device(at::kCUDA, static_cast<int8_t>(device_)));
    device_tensor.copy_(host, /*non_blocking=*/true);
  }
  // Allocated on the copy stream and read on the compute stream: the allocator must know.
  device_tensor.record_stream(compute_.unwrap());
  order(copy_in_, compute_);
  return device_tensor;
}

void CudaPipeline::download(const at::Tensor& source, at::Tensor host) {
  order(compute_, copy_out_);
  const c10::cuda::CUDAStreamGuard guard(copy_out_);
  source.record_stream(copy_out_.unwrap());
  host.copy_(source, /*non_blocking=*/true);
}

std::unique_ptr<CudaPipeline::Completion> CudaPipeline::complete() {
  order(compute_, copy_out_);
  auto completion = std::make_unique<Completion>();
  completion->record(copy_out_);
  return completion;
}

}  // namespace sconce
