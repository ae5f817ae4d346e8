// CUDA graphs of an instance: forward for fixed numbers of rows, launched as a whole.
#pragma once

#include <ATen/cuda/CUDAGraph.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cuda_statistics.h"
#include "cuda_streams.h"
#include "module_forward.h"

namespace sconce {

// One of them, with the memory that it reads and writes each time.
class CapturedForward {
 public:
  // For batches of so many rows of the same inputs.
  explicit CapturedForward(const Batch& batch);
  ~CapturedForward();
  CapturedForward(const CapturedForward&) = delete;
  CapturedForward& operator=(const CapturedForward&) = delete;

  [[nodiscard]] int rows() const { return rows_; }
  [[nodiscard]] bool takes(const Batch& batch) const;

  // On the compute stream, which must be current: rows in, launch, rows out. `inputs` are as the
  // batch has them, on the device. The outputs are copies: the next launch writes over its own.
  ForwardResult run(std::span<const at::Tensor> inputs, int rows);

 private:
  friend class CudaGraphs;

  int rows_;
  std::vector<TensorMeta> metas_;   // of the inputs as batches have them
  std::vector<at::Tensor> inputs_;  // [rows_, …], as the module computes with them
  int filled_ = 0;                  // rows of them that are not zeros
  ForwardResult result_;
  std::optional<at::cuda::CUDAGraph> graph_;  // always there
  std::unique_ptr<GraphMemory> memory_;
};

// Names a pool of LibTorch's allocator.
using GraphPool = decltype(at::cuda::graph_pool_handle());

// All of an instance. They share one pool of memory, for they never run at the same time.
class CudaGraphs {
 public:
  // Both outlive it.
  CudaGraphs(ModuleForward& forward, const CudaStreams& streams);
  // Nothing of them may be under way.
  ~CudaGraphs();

  // Captures forward for as many rows as the batch has. `inputs` are the batch on the device, rows
  // that look like real ones. Returns the bytes that it took. Waits for the device. Throws Error
  // when that is more than `budget`, when forward cannot be captured, and when what is replayed is
  // not what forward computes; c10::Error and others where LibTorch throws.
  size_t capture(const Batch& batch, const std::vector<at::Tensor>& inputs, size_t budget);

  // The smallest one that takes the batch; null when there is none.
  [[nodiscard]] CapturedForward* find(const Batch& batch) const;
  // Whether one for exactly as many rows of the same inputs is there.
  [[nodiscard]] bool has(const Batch& batch) const;

 private:
  void record(CapturedForward& captured);
  void give_up(at::cuda::CUDAGraph& graph, int uses);
  void check(CapturedForward& captured, const std::vector<at::Tensor>& inputs);
  ForwardResult run_eagerly(const std::vector<at::Tensor>& inputs, int rows);

  ModuleForward& forward_;
  const CudaStreams& streams_;
  GraphPool pool_;                                        // of the next one
  std::vector<std::unique_ptr<CapturedForward>> graphs_;  // the fewest rows first
};

}  // namespace sconce
