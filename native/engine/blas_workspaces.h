// Device memory that cuBLAS works in.
#pragma once

#include <cuda_runtime_api.h>

namespace sconce {

// Frees what LibTorch keeps for products on a stream, for each handle of cuBLAS that was used
// there: some 32 MiB on large GPUs. Nothing may be queued on the stream, no graph that was captured
// on it may be left, and no other thread may use it. Without effect where LibTorch is older
// than 2.13 and the build found no headers of cuBLAS.
void free_blas_workspaces(cudaStream_t stream) noexcept;

}  // namespace sconce
