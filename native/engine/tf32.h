// TensorFloat-32 in matrix products, for some models beside others without.
#pragma once

#include "precision_gate.h"

namespace sconce {

// While it lives the calling thread may queue products on a GPU. cuBLAS may use TensorFloat-32 for
// them as `tf32` says, or anyway where TORCH_ALLOW_TF32_CUBLAS_OVERRIDE lets it. Waits for threads
// that need the other. Replaying a CUDA graph needs none: its kernels are chosen.
class TF32Pass {
 public:
  explicit TF32Pass(bool tf32);

 private:
  PrecisionGate::Pass pass_;
};

}  // namespace sconce
