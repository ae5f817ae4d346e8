#include "nvml.h"

#include <dlfcn.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <utility>

#include "engine/cuda.h"

namespace sconce {

namespace {

// What is used of NVML, as nvml.h of the CUDA toolkit declares it (NVML API reference,
// https://docs.nvidia.com/deploy/nvml-api). The suffixes are versions: such a function stays as it
// is.

using Return = int;  // nvmlReturn_t
constexpr Return kSuccess = 0;

using Device = struct nvmlDevice_st*;

struct Memory {  // nvmlMemory_t, bytes
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

struct MemoryV2 {  // nvmlMemory_v2_t, bytes
  unsigned version;
  unsigned long long total;
  unsigned long long reserved;
  unsigned long long free;
  unsigned long long used;
};

// NVML_STRUCT_VERSION(Memory, 2)
constexpr unsigned kMemoryV2 = static_cast<unsigned>(sizeof(MemoryV2)) | (2U << 24U);

struct Utilization {  // nvmlUtilization_t, percent
  unsigned gpu;
  unsigned memory;
};

struct PciInfo {  // nvmlPciInfo_t
  std::array<char, 16> bus_id_legacy;
  unsigned domain;
  unsigned bus;
  unsigned device;
  unsigned device_id;
  unsigned subsystem_id;
  std::array<char, 32> bus_id;
};

constexpr size_t kNameSize = 96;  // NVML_DEVICE_NAME_V2_BUFFER_SIZE

constexpr const char* kLibrary = "libnvidia-ml.so.1";

// The library while it is used. It stays in memory after that: a driver's library may have left
// something behind that does not survive it.
class Library {
 public:
  Library() : handle_(dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) {
    if (handle_ == nullptr) {
      const char* const reason = dlerror();
      problem_ = reason == nullptr ? std::string(kLibrary) + " cannot be loaded" : reason;
      return;
    }
    find(init, "nvmlInit_v2");
    find(shutdown, "nvmlShutdown");
    find(error_string, "nvmlErrorString");
    find(count, "nvmlDeviceGetCount_v2");
    find(handle, "nvmlDeviceGetHandleByIndex_v2");
    find(name, "nvmlDeviceGetName");
    find(pci_info, "nvmlDeviceGetPciInfo_v3");
    find(utilization, "nvmlDeviceGetUtilizationRates");
    find(memory, "nvmlDeviceGetMemoryInfo");
    memory_v2 = symbol<decltype(memory_v2)>("nvmlDeviceGetMemoryInfo_v2");
  }

  // Why it cannot be used; empty when every function but memory_v2 is there.
  [[nodiscard]] const std::string& problem() const { return problem_; }

  Return (*init)() = nullptr;
  Return (*shutdown)() = nullptr;
  const char* (*error_string)(Return) = nullptr;
  Return (*count)(unsigned*) = nullptr;
  Return (*handle)(unsigned, Device*) = nullptr;
  Return (*name)(Device, char*, unsigned) = nullptr;
  Return (*pci_info)(Device, PciInfo*) = nullptr;
  Return (*utilization)(Device, Utilization*) = nullptr;
  Return (*memory)(Device, Memory*) = nullptr;
  Return (*memory_v2)(Device, MemoryV2*) = nullptr;  // null before driver 510

 private:
  template <typename Function>
  [[nodiscard]] Function symbol(const char* function) const {
    return reinterpret_cast<Function>(dlsym(handle_.get(), function));
  }

  template <typename Function>
  void find(Function& function, const char* exported) {
    function = symbol<Function>(exported);
    if (function == nullptr && problem_.empty()) {
      problem_ = std::string(kLibrary) + " has no function " + exported;
    }
  }

  struct Close {
    void operator()(void* library) const { dlclose(library); }
  };
  std::unique_ptr<void, Close> handle_;
  std::string problem_;
};

// NVML in use. It is given back after each reading, so that a server does not stand in the way of a
// reset of the GPU or a change of the driver.
class Session {
 public:
  explicit Session(const Library& library) : library_(library), status_(library.init()) {}
  ~Session() {
    if (status_ == kSuccess) library_.shutdown();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] Return status() const { return status_; }

 private:
  const Library& library_;
  Return status_;
};

std::string describe(const Library& library, Return status) {
  const char* const text = library.error_string(status);
  return text == nullptr ? "NVML error " + std::to_string(status) : text;
}

struct PciAddress {
  unsigned domain = 0;
  unsigned bus = 0;
  unsigned device = 0;
  bool operator==(const PciAddress&) const = default;
};

// Where cuda:0, cuda:1, … are; empty where it is not known. CUDA counts only what
// CUDA_VISIBLE_DEVICES shows, and the fastest first: only the address says which GPU it is.
std::vector<std::optional<PciAddress>> visible_devices() {
  std::vector<std::optional<PciAddress>> addresses;
  const int count = cuda_device_count();
  for (int device = 0; device < count; ++device) {
    PciAddress address;
    const bool is_known = std::sscanf(cuda_pci_bus_id(device).c_str(), "%x:%x:%x", &address.domain,
                                      &address.bus, &address.device) == 3;
    addresses.push_back(is_known ? std::optional(address) : std::nullopt);
  }
  return addresses;
}

std::optional<int> device_at(const PciAddress& address) {
  // Asked once: CUDA may not answer any more when a device has failed.
  static const auto devices = visible_devices();
  for (size_t device = 0; device < devices.size(); ++device) {
    if (devices[device] == address) return static_cast<int>(device);
  }
  return std::nullopt;
}

Return read_memory(const Library& library, Device device, Gpu& gpu) {
  if (library.memory_v2 != nullptr) {
    MemoryV2 memory{};
    memory.version = kMemoryV2;
    if (library.memory_v2(device, &memory) == kSuccess) {
      gpu.memory_used = memory.used;
      gpu.memory_total = memory.total;
      return kSuccess;
    }
  }
  Memory memory{};
  const Return status = library.memory(device, &memory);
  gpu.memory_used = memory.used;
  gpu.memory_total = memory.total;
  return status;
}

// What the rest of a reading is worth nothing without: the handle and the memory.
Return read_gpu(const Library& library, Gpu& gpu) {
  Device device = nullptr;
  if (const Return status = library.handle(gpu.index, &device); status != kSuccess) return status;
  if (const Return status = read_memory(library, device, gpu); status != kSuccess) return status;
  std::array<char, kNameSize> name{};
  if (library.name(device, name.data(), name.size() - 1) == kSuccess) gpu.name = name.data();
  PciInfo pci{};
  if (library.pci_info(device, &pci) == kSuccess) {
    gpu.device = device_at({pci.domain, pci.bus, pci.device});
  }
  Utilization utilization{};
  // NVML_ERROR_NOT_SUPPORTED where a GPU is divided into instances (MIG), and of older ones.
  if (library.utilization(device, &utilization) == kSuccess) {
    gpu.utilization = utilization.gpu;
    gpu.memory_utilization = utilization.memory;
  }
  return kSuccess;
}

}  // namespace

GpuReading read_gpus() {
  GpuReading reading;
  const Library library;
  if (!library.problem().empty()) {
    reading.problem = library.problem();
    return reading;
  }
  const Session session(library);
  if (session.status() != kSuccess) {
    reading.problem = describe(library, session.status());
    return reading;
  }
  unsigned count = 0;
  if (const Return status = library.count(&count); status != kSuccess) {
    reading.problem = describe(library, status);
    return reading;
  }
  for (unsigned index = 0; index < count; ++index) {
    Gpu gpu;
    gpu.index = index;
    if (const Return status = read_gpu(library, gpu); status == kSuccess) {
      reading.gpus.push_back(std::move(gpu));
    } else {
      reading.problem += (reading.problem.empty() ? "GPU " : "; GPU ") + std::to_string(index) +
                         ": " + describe(library, status);
    }
  }
  return reading;
}

}  // namespace sconce
