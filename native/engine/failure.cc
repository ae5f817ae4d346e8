#include "failure.h"

#include <c10/util/Exception.h>

#include <array>
#include <new>

#include "../error.h"

namespace sconce {

namespace {

constexpr size_t kLongestLine = 400;

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
  const bool oom = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                   dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
                   is_out_of_memory(message);
  throw Error(oom ? "OUT_OF_MEMORY" : code, first_line(message) + note);
}

}  // namespace sconce
