#include "blas_workspaces.h"

#include <torch/version.h>

#include <exception>

// ATen/cuda/CUDAContextLight.h includes headers of cuBLAS and others: folders with the CUDA runtime
// alone lack them, and wheels lack one that they include.
#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 13
namespace at::cuda {
void clearCublasWorkspacesForStream(cudaStream_t stream);  // as that header declares it
}
#elif __has_include(<cublasLt.h>) && __has_include(<cublas_v2.h>) && \
    __has_include(<cusolverDn.h>) && __has_include(<cusparse.h>) && __has_include(<nv/target>)
#define SCONCE_HAS_WORKSPACE_MAPS 1
#include <ATen/cuda/CUDAContextLight.h>

#include <map>
#include <mutex>
#include <tuple>
#endif

namespace sconce {

namespace {

#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 13

void clear_workspaces(cudaStream_t stream) { at::cuda::clearCublasWorkspacesForStream(stream); }

#elif defined(SCONCE_HAS_WORKSPACE_MAPS)

// The keys are pairs of a handle and a stream.
void clear_workspaces(at::cuda::WorkspaceMapWithMutex& workspaces, cudaStream_t stream) {
  const std::scoped_lock lock(workspaces.mutex);
  std::erase_if(workspaces.map,
                [stream](const auto& entry) { return std::get<1>(entry.first) == stream; });
}

void clear_workspaces(cudaStream_t stream) {
  clear_workspaces(at::cuda::cublas_handle_stream_to_workspace(), stream);
  clear_workspaces(at::cuda::cublaslt_handle_stream_to_workspace(), stream);
}

#else

void clear_workspaces(cudaStream_t) {}

#endif

}  // namespace

void free_blas_workspaces(cudaStream_t stream) noexcept {
  try {
    clear_workspaces(stream);
  } catch (const std::exception&) {
    (void)cudaGetLastError();  // they stay, for who uses the stream next
  }
}

}  // namespace sconce
