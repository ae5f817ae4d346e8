#include "cuda.h"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

#include <array>
#include <optional>
#include <utility>

#include "failure.h"

namespace sconce {

namespace {

// "13.0" of 13000.
std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// The N of "cuda:N", when there is such a device.
std::optional<int> device_index(const std::string& name) {
  const c10::Device device(name);
  if (!device.is_cuda()) return std::nullopt;
  const int index = device.has_index() ? device.index() : 0;
  return index < cuda_device_count() ? std::optional(index) : std::nullopt;
}

}  // namespace

int cuda_device_count() { return static_cast<int>(c10::cuda::device_count()); }

std::string cuda_device_name(int device) {
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) {
    (void)cudaGetLastError();
    return {};
  }
  return properties.name;
}

std::string cuda_pci_bus_id(int device) {
  std::array<char, 32> id{};
  if (cudaDeviceGetPCIBusId(id.data(), static_cast<int>(id.size()), device) != cudaSuccess) {
    (void)cudaGetLastError();
    return {};
  }
  const std::string text = id.data();
  // CUDA writes four digits of the domain, NVML eight.
  return text.find(':') == 4 ? "0000" + text : text;
}

std::string cuda_versions() {
  int runtime = 0;
  int driver = 0;
  if (cudaRuntimeGetVersion(&runtime) != cudaSuccess ||
      cudaDriverGetVersion(&driver) != cudaSuccess) {
    (void)cudaGetLastError();
  }
  return "CUDA runtime " + version_text(runtime) + ", driver " + version_text(driver);
}

bool cuda_computes_bfloat16(const std::string& device) {
  constexpr int kAmpere = 8;  // the first compute capability that has them
  try {
    const std::optional<int> index = device_index(device);
    int major = 0;
    return index &&
           cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, *index) ==
               cudaSuccess &&
           major >= kAmpere;
  } catch (const std::exception&) {
    return false;
  }
}

PageLock::PageLock(void* memory, size_t bytes, const std::string& device) {
  if (bytes == 0) return;
  if (cuda_device_count() == 0) {
    problem_ = "this process sees no GPU";
    return;
  }
  try {
    c10::cuda::OptionalCUDAGuard guard;
    const c10::Device named(device);
    if (named.has_index()) guard.set_index(named.index());
    const cudaError_t status = cudaHostRegister(memory, bytes, cudaHostRegisterPortable);
    if (status == cudaSuccess) {
      memory_ = memory;
      device_ = c10::cuda::current_device();
    } else {
      (void)cudaGetLastError();  // clears the error, which is not sticky
      problem_ = cudaGetErrorString(status);
    }
  } catch (const std::exception& error) {
    (void)cudaGetLastError();
    problem_ = first_line(error.what());
  }
}

PageLock::~PageLock() {
  if (memory_ == nullptr) return;
  try {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device_));
    if (cudaHostUnregister(memory_) != cudaSuccess) (void)cudaGetLastError();
  } catch (const std::exception&) {
    (void)cudaGetLastError();  // of a device that failed
  }
}

PageLock::PageLock(PageLock&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      device_(other.device_),
      problem_(std::move(other.problem_)) {}

PageLock& PageLock::operator=(PageLock&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(device_, other.device_);
  std::swap(problem_, other.problem_);
  return *this;
}

void release_device_memory() noexcept {
  try {
    if (cuda_device_count() > 0) c10::cuda::CUDACachingAllocator::emptyCache();
  } catch (const std::exception&) {
    // A device that failed keeps its memory, and perhaps that of the devices behind it.
    (void)cudaGetLastError();
  }
}

}  // namespace sconce
