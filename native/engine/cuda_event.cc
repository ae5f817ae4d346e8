#include "cuda_event.h"

#include <c10/cuda/CUDAException.h>

namespace sconce {

CudaEvent::CudaEvent() { C10_CUDA_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDefault)); }

CudaEvent::~CudaEvent() {
  if (cudaEventDestroy(event_) != cudaSuccess) (void)cudaGetLastError();
}

void CudaEvent::record(const c10::cuda::CUDAStream& stream) {
  C10_CUDA_CHECK(cudaEventRecord(event_, stream.stream()));
}

void CudaEvent::hold_back(const c10::cuda::CUDAStream& stream) const {
  C10_CUDA_CHECK(cudaStreamWaitEvent(stream.stream(), event_, /*flags=*/0));
}

bool CudaEvent::reached() const {
  const cudaError_t status = cudaEventQuery(event_);
  if (status == cudaErrorNotReady) {
    (void)cudaGetLastError();
    return false;
  }
  C10_CUDA_CHECK(status);
  return true;
}

bool CudaEvent::wait() const noexcept {
  if (cudaEventSynchronize(event_) == cudaSuccess) return true;
  (void)cudaGetLastError();
  return false;
}

double CudaEvent::seconds_since(const CudaEvent& earlier) const {
  float milliseconds = 0;
  C10_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, earlier.event_, event_));
  return static_cast<double>(milliseconds) / 1000;
}

}  // namespace sconce
