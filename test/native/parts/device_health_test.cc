// What is remembered of devices that failed.
#include "engine/device_health.h"

#include <memory>
#include <thread>
#include <vector>

#include "check.h"

namespace {

void remembers_the_first_failure_of_each_device() {
  CHECK(!sconce::has_device_failed(0));
  sconce::mark_device_failed(1, "first");
  sconce::mark_device_failed(1, "second");
  CHECK(sconce::device_failure(1) == "first");
  CHECK(!sconce::has_device_failed(0));
  std::vector<std::thread> threads;
  for (int device = 2; device < 10; ++device) {
    threads.emplace_back([device] { sconce::mark_device_failed(device, "one of many"); });
  }
  for (std::thread& thread : threads) thread.join();
  for (int device = 2; device < 10; ++device) CHECK(sconce::has_device_failed(device));
}

// Would end the program with another exit code if it were destroyed.
struct NeverDestroyed {
  ~NeverDestroyed() { std::_Exit(2); }
};

}  // namespace

int main() {
  remembers_the_first_failure_of_each_device();
  sconce::keep_for_good(std::make_unique<NeverDestroyed>());
}
