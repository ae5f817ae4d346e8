// Tensors over memory of ours.
#pragma once

#include <ATen/ops/from_blob.h>

#include <span>
#include <vector>

#include "scalar_type.h"

namespace sconce {

// A tensor [rows, ...dims] on the CPU over memory that must outlive it. from_blob takes a mutable
// pointer: a model that writes to its input writes to rows of the slab, which is why its batches
// are never run twice.
inline at::Tensor wrap_memory(const void* data, int rows, std::span<const int64_t> dims,
                              DType dtype) {
  std::vector<int64_t> sizes{rows};
  sizes.insert(sizes.end(), dims.begin(), dims.end());
  return at::from_blob(const_cast<void*>(data), sizes, at::TensorOptions(to_scalar_type(dtype)));
}

}  // namespace sconce
