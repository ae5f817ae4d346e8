#include "tf32.h"

#include <ATen/Context.h>

namespace sconce {

namespace {

// What the process allowed before anybody came through the gate.
bool allowed_anyway() {
  static const bool allowed = at::globalContext().allowTF32CuBLAS();
  return allowed;
}

// at::NoTF32Guard belongs to a thread, but only cuBLAS heeds it: cublasLt, which computes products
// with a bias, reads the global flag alone (gemm_and_bias in ATen/cuda/CUDABlas.cpp).
PrecisionGate& gate() {
  static PrecisionGate gate(allowed_anyway(),
                            [](bool tf32) { at::globalContext().setAllowTF32CuBLAS(tf32); });
  return gate;
}

}  // namespace

TF32Pass::TF32Pass(bool tf32) : pass_(gate(), tf32 || allowed_anyway()) {}

}  // namespace sconce
