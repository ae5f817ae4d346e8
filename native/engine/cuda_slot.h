// One batch on its way through a device: copied in, computed, copied out.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "cuda_event.h"
#include "cuda_streams.h"
#include "engine.h"

namespace sconce {

// When the stages of a batch began and ended on the device.
struct CudaMarks {
  CudaEvent in_begin;
  CudaEvent in_end;
  CudaEvent compute_begin;
  CudaEvent compute_end;
  CudaEvent out_begin;
  CudaEvent out_end;
};

// Has device memory for the inputs of a batch and the events that order its stages; used again for
// the next batch when the last mark is reached. The host waits for nothing. Call in the order of
// the declarations, on one thread; all but the constructor throw c10::Error where CUDA fails.
class CudaSlot {
 public:
  // `streams` outlives it.
  explicit CudaSlot(const CudaStreams& streams) : streams_(streams) {}

  // Queues the copies of the inputs: tensors [rows, …] on the device for the compute stream. Their
  // memory belongs to the slot. From memory that is not page-locked CUDA copies while this waits.
  std::vector<at::Tensor> copy_in(const Batch& batch);

  // Around what is queued on the compute stream.
  void begin_compute();
  void end_compute();

  // Queues the copy of a contiguous tensor, which must live until the slot is free again. Into
  // memory that is not page-locked CUDA copies while this waits for the batch.
  void copy_out(const at::Tensor& source, uint8_t* target);
  void finish();

  // True when all of it has happened.
  [[nodiscard]] bool reached() const { return marks_.out_end.reached(); }
  [[nodiscard]] bool wait() const noexcept { return marks_.out_end.wait(); }
  [[nodiscard]] CudaMarks& marks() { return marks_; }

  bool busy = false;  // for its owner

 private:
  at::Tensor input(size_t index, const BatchInput& input, int rows);

  const CudaStreams& streams_;
  CudaMarks marks_;
  std::vector<at::Tensor> inputs_;  // [as many rows as there were, …]
};

}  // namespace sconce
