#include "device_health.h"

#include <atomic>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace sconce {

namespace {

struct Health {
  std::atomic<bool> any_failed = false;
  std::mutex mutex;
  std::map<int, std::string> failures;
  std::vector<std::shared_ptr<void>> kept;
};

// Never destroyed: what it keeps must not be either.
Health& health() {
  static Health& instance = *std::make_unique<Health>().release();
  return instance;
}

}  // namespace

void mark_device_failed(int device, const std::string& message) {
  Health& state = health();
  const std::scoped_lock lock(state.mutex);
  state.failures.try_emplace(device, message);
  state.any_failed = true;
}

std::optional<std::string> device_failure(int device) {
  Health& state = health();
  if (!state.any_failed) return std::nullopt;
  const std::scoped_lock lock(state.mutex);
  const auto found = state.failures.find(device);
  return found == state.failures.end() ? std::nullopt : std::optional(found->second);
}

bool has_device_failed(int device) { return device_failure(device).has_value(); }

void keep_for_good(std::shared_ptr<void> object) {
  Health& state = health();
  const std::scoped_lock lock(state.mutex);
  state.kept.push_back(std::move(object));
}

}  // namespace sconce
