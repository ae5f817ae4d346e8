#include "cuda_streams.h"

#include <c10/cuda/CUDAException.h>
#include <cuda_runtime_api.h>

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "blas_workspaces.h"
#include "device_health.h"

namespace sconce {

namespace {

struct IdleStreams {
  std::mutex mutex;
  std::map<int, std::vector<CudaStreams>> of_device;
};

IdleStreams& idle_streams() {
  static IdleStreams& instance = *std::make_unique<IdleStreams>().release();
  return instance;
}

// Does not wait for the legacy default stream, nor makes it wait.
c10::cuda::CUDAStream make_stream(int device, int priority) {
  cudaStream_t stream = nullptr;
  C10_CUDA_CHECK(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, priority));
  return c10::cuda::getStreamFromExternal(stream, static_cast<c10::DeviceIndex>(device));
}

CudaStreams take_streams(int device) {
  {
    IdleStreams& idle = idle_streams();
    const std::scoped_lock lock(idle.mutex);
    std::vector<CudaStreams>& left = idle.of_device[device];
    if (!left.empty()) {
      const CudaStreams taken = left.back();
      left.pop_back();
      return taken;
    }
  }
  int least = 0;
  int greatest = 0;
  C10_CUDA_CHECK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  return {.compute = make_stream(device, greatest),
          .copy_in = make_stream(device, least),
          .copy_out = make_stream(device, least),
          .capture = make_stream(device, least)};
}

bool drain(const c10::cuda::CUDAStream& stream) {
  if (cudaStreamSynchronize(stream.stream()) == cudaSuccess) return true;
  (void)cudaGetLastError();
  return false;
}

}  // namespace

bool CudaStreams::drain() const noexcept {
  const bool in = sconce::drain(copy_in);
  const bool computed = sconce::drain(compute);
  const bool out = sconce::drain(copy_out);
  return in && computed && out;
}

CudaStreamsLease::CudaStreamsLease(int device) : device_(device), streams_(take_streams(device)) {}

CudaStreamsLease::~CudaStreamsLease() {
  if (has_device_failed(device_)) return;
  // Else they would add up: each handle of cuBLAS that comes to use the streams makes its own.
  free_blas_workspaces(streams_.compute.stream());
  free_blas_workspaces(streams_.capture.stream());
  IdleStreams& idle = idle_streams();
  const std::scoped_lock lock(idle.mutex);
  idle.of_device[device_].push_back(streams_);
}

}  // namespace sconce
