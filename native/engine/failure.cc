#include "failure.h"

#include <c10/util/Exception.h>
#include <torch/csrc/jit/runtime/jit_exception.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>

#include "../error.h"

namespace sconce {

namespace {

constexpr size_t kLongestLine = 400;

constexpr std::string_view kCudaError = "CUDA error: ";

// Errors of the CUDA runtime that say "the process must be terminated and relaunched", and those of
// a device that is gone, with the texts of cudaGetErrorString: cudaError in driver_types.h.
struct StickyError {
  int32_t code;
  std::string_view text;
};
constexpr std::array kStickyErrors{
    StickyError{214, "uncorrectable ECC error encountered"},
    StickyError{220, "uncorrectable NVLink error detected during the execution"},
    StickyError{226, "Invalid access of peer GPU memory over nvlink or a hardware error"},
    StickyError{700, "an illegal memory access was encountered"},
    StickyError{702, "the launch timed out and was terminated"},
    StickyError{709, "context is destroyed"},
    StickyError{710, "device-side assert triggered"},
    StickyError{714, "hardware stack error"},
    StickyError{715, "an illegal instruction was encountered"},
    StickyError{716, "misaligned address"},
    StickyError{717, "operation not supported on global/shared address space"},
    StickyError{718, "invalid program counter"},
    StickyError{719, "unspecified launch failure"},
    StickyError{721, "Tensor Memory not completely freed"},
    StickyError{999, "unknown error"}};

std::string_view line_at(std::string_view text, size_t start) {
  const std::string_view rest = text.substr(start);
  return rest.substr(0, rest.find('\n'));
}

// "RuntimeError: …", "builtins.ValueError: …": a word that ends in Error or Exception, a colon.
bool names_an_error(std::string_view line) {
  const size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return false;
  const std::string_view name = line.substr(0, colon);
  if (name.find(' ') != std::string_view::npos) return false;
  return name.ends_with("Error") || name.ends_with("Exception");
}

}  // namespace

std::string first_line(std::string_view message) {
  std::string_view found = line_at(message, 0);
  if (found.starts_with("The following operation failed in the TorchScript")) {
    for (size_t start = 0; start < message.size();) {
      const std::string_view line = line_at(message, start);
      if (names_an_error(line)) found = line;
      start += line.size() + 1;
    }
  }
  // LibTorch's zip reader adds a paragraph about itself.
  found = found.substr(0, found.find(". This is an internal miniz error"));
  std::string line(found.substr(0, kLongestLine));
  if (found.size() > kLongestLine) line += "…";
  return line;
}

bool is_out_of_memory(std::string_view message) {
  constexpr std::array<std::string_view, 5> kSigns{
      "CUDA out of memory", "DefaultCPUAllocator: can't allocate memory",
      "DefaultCPUAllocator: not enough memory", "CUDA error: out of memory",
      "CUBLAS_STATUS_ALLOC_FAILED"};
  for (const std::string_view sign : kSigns) {
    if (message.find(sign) != std::string_view::npos) return true;
  }
  return false;
}

bool is_device_failure(const std::exception& error) {
  if (dynamic_cast<const torch::jit::JITException*>(&error) != nullptr) return false;
  if (const auto* known = dynamic_cast<const c10::AcceleratorError*>(&error)) {
    return std::any_of(kStickyErrors.begin(), kStickyErrors.end(), [&](const StickyError& sticky) {
      return sticky.code == known->get_error_code();
    });
  }
  const std::string line = first_line(error.what());
  const size_t start = line.find(kCudaError);
  if (start == std::string::npos) return false;
  const std::string_view text = std::string_view(line).substr(start + kCudaError.size());
  return std::any_of(kStickyErrors.begin(), kStickyErrors.end(),
                     [&](const StickyError& sticky) { return text.starts_with(sticky.text); });
}

std::optional<std::string> missing_operator(std::string_view message) {
  constexpr std::string_view kSign = "Unknown builtin op: ";
  const size_t start = message.find(kSign);
  if (start == std::string_view::npos) return std::nullopt;
  std::string_view name = message.substr(start + kSign.size());
  name =
      name.substr(0, name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789_:"));
  return std::string(name);
}

void rethrow(const char* code, const std::exception& error, const std::string& note) {
  const std::string message = error.what();
  if (is_device_failure(error)) {
    const std::string line = first_line(message);
    const size_t start = line.find(kCudaError);  // the interpreter puts "RuntimeError: " before it
    throw Error("DEVICE_FAILED", start == std::string::npos ? line : line.substr(start));
  }
  const bool oom = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                   dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
                   is_out_of_memory(message);
  throw Error(oom ? "OUT_OF_MEMORY" : code, first_line(message) + note);
}

}  // namespace sconce
