// Memory and load of the NVIDIA GPUs of the machine, from NVML: the management library of the
// driver, which nvidia-smi reads too. It is loaded when it is asked, in builds without CUDA as
// well: Python workers may use GPUs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sconce {

struct Gpu {
  unsigned index = 0;         // as nvidia-smi counts
  std::optional<int> device;  // the N of cuda:N in this process; empty when it does not see the GPU
  std::string name;           // empty when it is not told
  // Bytes. What the driver keeps for itself is not in use, where the driver tells them apart (510).
  uint64_t memory_used = 0;
  uint64_t memory_total = 0;
  // Percent of the driver's last sampling period in which kernels ran, and in which memory was read
  // or written. Empty where they are not measured.
  std::optional<unsigned> utilization;
  std::optional<unsigned> memory_utilization;
};

struct GpuReading {
  std::vector<Gpu> gpus;  // those that could be read
  std::string problem;    // why there are not more; empty when nothing failed
};

// Asks the driver, which takes milliseconds as a rule, seconds when it has to wake a GPU, and for
// ever when it hangs: not for the main loop. Never throws but for lack of memory.
GpuReading read_gpus();

}  // namespace sconce
