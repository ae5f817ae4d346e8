// Failures that the addon reports to JavaScript. `code` is a row of the error table in
// src/errors.ts; napi_support.h is the one place that turns an Error into a JavaScript error.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace sconce {

// Code of an error after which nothing runs on its device any more in this process.
inline constexpr const char* kDeviceFailed = "DEVICE_FAILED";

class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message)
      : std::runtime_error(message), code_(std::move(code)) {}

  [[nodiscard]] const std::string& code() const noexcept { return code_; }

 private:
  std::string code_;
};

}  // namespace sconce
