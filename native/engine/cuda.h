// What the rest of the addon knows of CUDA devices. Builds without CUDA have the stubs at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sconce {

// Number of usable CUDA devices; 0 when there is no driver or no GPU.
int cuda_device_count();

// The name of the GPU behind cuda:N, and its address on the bus as NVML writes it, for example
// "00000000:01:00.0". Empty when unknown.
std::string cuda_device_name(int device);
std::string cuda_pci_bus_id(int device);

// "CUDA runtime 13.0, driver 13.0"; empty without CUDA.
std::string cuda_versions();

// True when the device "cuda:N" has instructions for bfloat16; false when there is no such device.
bool cuda_computes_bfloat16(const std::string& device);

// Host memory that is page-locked for all devices for as long as this object lives, so that copies
// to them are asynchronous. Where that is not possible it works as pageable memory does.
class PageLock {
 public:
  PageLock() = default;
  // The device, "cuda:N" or "cuda" for the one that is current, does it: its context is made if it
  // has none yet, and one that failed cannot.
  PageLock(void* memory, size_t bytes, const std::string& device = "cuda");
  ~PageLock();
  PageLock(PageLock&& other) noexcept;
  PageLock& operator=(PageLock&& other) noexcept;
  PageLock(const PageLock&) = delete;
  PageLock& operator=(const PageLock&) = delete;

  // Why the memory is not page-locked; empty when it is, and when there is none.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  void* memory_ = nullptr;  // null when nothing is locked
  int device_ = 0;          // that has done it
  std::string problem_;
};

// Frees what the caching allocator holds of freed tensors, on every device.
void release_device_memory() noexcept;

// What a device has done for this process.
struct DeviceStatistics {
  int device = 0;
  uint64_t batches = 0;
  uint64_t graph_batches = 0;  // of them by CUDA graphs
  double busy_seconds = 0;     // during which at least one batch was computed
  double copy_in_seconds = 0;  // sums over batches, which overlap
  double compute_seconds = 0;
  double copy_out_seconds = 0;
  size_t allocated_bytes = 0;  // in tensors
  size_t reserved_bytes = 0;   // of the device, by LibTorch's allocator
  size_t graph_bytes = 0;      // of them for CUDA graphs
};

// Of the devices that instances were made for. Never throws, and asks nothing of a device.
std::vector<DeviceStatistics> device_statistics();

#ifndef SCONCE_CUDA

inline int cuda_device_count() { return 0; }
inline std::string cuda_device_name(int) { return {}; }
inline std::string cuda_pci_bus_id(int) { return {}; }
inline std::string cuda_versions() { return {}; }
inline bool cuda_computes_bfloat16(const std::string&) { return false; }
inline PageLock::PageLock(void*, size_t, const std::string&) : problem_("this build has no CUDA") {}
inline PageLock::~PageLock() = default;
inline PageLock::PageLock(PageLock&&) noexcept = default;
inline PageLock& PageLock::operator=(PageLock&&) noexcept = default;
inline void release_device_memory() noexcept {}
inline std::vector<DeviceStatistics> device_statistics() { return {}; }

#endif

}  // namespace sconce
