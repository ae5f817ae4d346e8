// What devices have done for this process: the counting side of device_statistics() in cuda.h.
#pragma once

#include <cstddef>

#include "cuda_slot.h"

namespace sconce {

// Makes a device known. Thread-safe, as all of these.
void count_device(int device);

// Adds a batch whose marks are all reached, and may exchange an event of them for another. Never
// throws: what cannot be measured is not counted.
void count_batch(int device, CudaMarks& marks, bool by_graph) noexcept;

// Device memory of CUDA graphs for as long as this object lives.
class GraphMemory {
 public:
  GraphMemory(int device, size_t bytes);
  ~GraphMemory();
  GraphMemory(const GraphMemory&) = delete;
  GraphMemory& operator=(const GraphMemory&) = delete;

 private:
  int device_;
  size_t bytes_;
};

}  // namespace sconce
