// What the operators that are built in compute with.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

namespace sconce {

// A tensor as CPU kernels read it: contiguous, on the CPU, float64 where it is, and else float32.
// Throws c10::Error when it is not of floating point.
inline at::Tensor kernel_operand(const at::Tensor& tensor) {
  TORCH_CHECK(tensor.is_floating_point(), "a tensor of floating point is expected, not ",
              tensor.scalar_type());
  const at::ScalarType dtype = tensor.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return tensor.to(at::kCPU, dtype).contiguous();
}

}  // namespace sconce
