// What was thrown while something ran on a device, as an Error.
#pragma once

#include <c10/core/Device.h>

#include <exception>
#include <string>

namespace sconce {

// As rethrow(), for what was thrown on this device; an Error stays what it is. On a GPU the device
// is asked whether it still works: if it does not, it is marked as failed and the Error is
// DEVICE_FAILED, whatever was thrown. After OUT_OF_MEMORY the caches of LibTorch's allocator are
// emptied, so that smaller batches go on.
[[noreturn]] void rethrow_from(c10::Device device, const char* code, const std::exception& error,
                               const std::string& note = {});

// Throws Error DEVICE_FAILED when the device failed before.
void require_working(c10::Device device);

}  // namespace sconce
