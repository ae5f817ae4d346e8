// Which devices failed for good. A CUDA error that is sticky leaves nothing but the end of the
// process to get the device back, for all instances that compute there.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace sconce {

// Remembers the first failure of each device. Thread-safe.
void mark_device_failed(int device, const std::string& message);

// What failed; none while the device works. One atomic load as long as no device failed.
std::optional<std::string> device_failure(int device);
bool has_device_failed(int device);

// Keeps something until the process ends. What belongs to a device that failed must not be
// destroyed: the destructors of tensors, graphs and events call CUDA, which throws then, and an
// exception out of a destructor ends the process with requests unanswered.
void keep_for_good(std::shared_ptr<void> object);

}  // namespace sconce
