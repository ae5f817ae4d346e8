// Turns what LibTorch throws into one line a person can act on.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace sconce {

// The first meaningful line of a LibTorch message. Errors from inside TorchScript begin with a
// traceback; there it is the line that names the error.
std::string first_line(std::string_view message);

// True for messages that mean that host or device memory ran out.
bool is_out_of_memory(std::string_view message);

// True for an error after which nothing runs on a GPU any more in this process: one that CUDA calls
// sticky, by its code, or by its text where the TorchScript interpreter has thrown it anew as a
// std::runtime_error. Never what the code of a model raises by itself.
bool is_device_failure(const std::exception& error);

// The operator that a file uses and no library has registered, where that is what the message says.
std::optional<std::string> missing_operator(std::string_view message);

// Throws Error with the first line of the exception and the note; with OUT_OF_MEMORY instead of
// `code` when memory ran out, and with DEVICE_FAILED when a device failed.
[[noreturn]] void rethrow(const char* code, const std::exception& error,
                          const std::string& note = {});

}  // namespace sconce
