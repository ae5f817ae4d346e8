#include "device_error.h"

#ifdef SCONCE_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>
#endif

#include <optional>

#include "../error.h"
#include "cuda.h"
#include "device_health.h"
#include "failure.h"

namespace sconce {

namespace {

#ifdef SCONCE_CUDA

// What the device answers to every call from now on, if it failed for good. Clears an error that is
// not of this kind.
std::optional<std::string> ask_device(c10::Device device) {
  (void)cudaGetLastError();
  try {
    const c10::cuda::CUDAGuard guard(device);
    size_t free = 0;
    size_t total = 0;
    const cudaError_t status = cudaMemGetInfo(&free, &total);
    if (status == cudaSuccess) return std::nullopt;
    (void)cudaGetLastError();
    if (status == cudaErrorMemoryAllocation) return std::nullopt;
    return std::string("CUDA error: ") + cudaGetErrorString(status);
  } catch (const std::exception& error) {
    (void)cudaGetLastError();
    return first_line(error.what());
  }
}

#else

std::optional<std::string> ask_device(c10::Device) { return std::nullopt; }

#endif

[[noreturn]] void rethrow_as_error(const char* code, const std::exception& error,
                                   const std::string& note) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) throw Error(*known);
  rethrow(code, error, note);
}

}  // namespace

void rethrow_from(c10::Device device, const char* code, const std::exception& error,
                  const std::string& note) {
  if (!device.is_cuda()) rethrow_as_error(code, error, note);
  const std::optional<std::string> answer = ask_device(device);
  try {
    rethrow_as_error(code, error, note);
  } catch (const Error& translated) {
    if (translated.code() == "DEVICE_FAILED") {
      mark_device_failed(device.index(), translated.what());
    } else if (answer) {
      mark_device_failed(device.index(), *answer);
      throw Error("DEVICE_FAILED", *answer);
    } else if (translated.code() == "OUT_OF_MEMORY") {
      release_device_memory();
    }
    throw;
  }
}

void require_working(c10::Device device) {
  if (!device.is_cuda()) return;
  if (const std::optional<std::string> failure = device_failure(device.index())) {
    throw Error("DEVICE_FAILED", *failure);
  }
}

}  // namespace sconce
