#include "cuda_graphs.h"

#include <ATen/core/CachingHostAllocator.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "../deviation.h"
#include "../error.h"
#include "capture_lock.h"
#include "device_health.h"
#include "graph_conditions.h"
#include "tf32.h"

namespace sconce {

namespace {

// How far outputs may be from each other, as part of the largest value. With the same number of
// rows the same kernels run; with another one others may, which round in other ways.
struct Tolerance {
  double same_kernels;
  double other_kernels;
};
constexpr Tolerance kFloat32Tolerance{1e-5, 1e-2};
constexpr Tolerance kReducedTolerance{1e-3, 5e-2};

// TorchScript profiles what it runs first, and optimises it.
constexpr int kSettlingRuns = 2;

std::string mebibytes(size_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

// Device memory that a pool of the allocator has.
size_t pool_bytes(GraphPool pool) {
  size_t bytes = 0;
  for (const auto& segment : c10::cuda::CUDACachingAllocator::snapshot().segments) {
    if (segment.owner_private_pool_id == pool) bytes += segment.total_size;
  }
  return bytes;
}

int pool_uses(c10::DeviceIndex device, GraphPool pool) {
  try {
    return c10::cuda::CUDACachingAllocator::getPoolUseCount(device, pool);
  } catch (const std::exception&) {
    return 0;  // nobody uses it yet, or any more
  }
}

template <typename Body>
void try_to(Body&& body) noexcept {
  try {
    body();
  } catch (const std::exception&) {
    (void)cudaGetLastError();
  }
}

// The outputs on the host, as output_offsets() says. Waits for the device.
std::vector<uint8_t> host_block(const ForwardResult& result, int rows) {
  const std::vector<size_t> offsets = output_offsets(result.signature, rows);
  std::vector<uint8_t> block(offsets.back());
  for (size_t i = 0; i < result.outputs.size(); ++i) {
    const at::Tensor host = result.outputs[i].to(at::kCPU).contiguous();
    if (host.nbytes() > 0)
      std::memcpy(block.data() + offsets[i], host.const_data_ptr(), host.nbytes());
  }
  return block;
}

void require_same(const ForwardResult& eager, const ForwardResult& replayed, int rows,
                  double tolerance) {
  if (eager.signature != replayed.signature) {
    throw Error("MODEL_FAILED", "the shapes of its outputs depend on the number of rows");
  }
  const double deviation =
      largest_deviation(eager.signature, rows, host_block(eager, rows), host_block(replayed, rows));
  if (deviation <= tolerance) return;  // not when it is NaN
  throw Error("MODEL_FAILED", "for " + std::to_string(rows) + " rows its outputs differ by " +
                                  std::to_string(deviation) +
                                  " of the largest value from those without a graph");
}

std::vector<at::Tensor> first_rows(const std::vector<at::Tensor>& tensors, int rows) {
  std::vector<at::Tensor> parts;
  parts.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) parts.push_back(tensor.narrow(0, 0, rows));
  return parts;
}

}  // namespace

CapturedForward::CapturedForward(const Batch& batch) : rows_(batch.rows) {
  graph_.emplace();
  for (const BatchInput& input : batch.inputs) {
    metas_.push_back({.dtype = input.dtype, .dims = {input.dims.begin(), input.dims.end()}});
  }
}

CapturedForward::~CapturedForward() {
  const CaptureLock alone;
  graph_.reset();
}

bool CapturedForward::takes(const Batch& batch) const {
  return batch.rows <= rows_ &&
         std::equal(batch.inputs.begin(), batch.inputs.end(), metas_.begin(), metas_.end(),
                    [](const BatchInput& input, const TensorMeta& meta) {
                      return input.dtype == meta.dtype && std::ranges::equal(input.dims, meta.dims);
                    });
}

ForwardResult CapturedForward::run(std::span<const at::Tensor> inputs, int rows) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    inputs_[i].narrow(0, 0, rows).copy_(inputs[i], /*non_blocking=*/true);
    if (rows < filled_) inputs_[i].narrow(0, rows, filled_ - rows).zero_();
  }
  filled_ = rows;
  graph_->replay();
  ForwardResult result{.signature = result_.signature, .outputs = {}};
  result.outputs.reserve(result_.outputs.size());
  for (const at::Tensor& output : result_.outputs) {
    result.outputs.push_back(output.narrow(0, 0, rows).clone());
  }
  return result;
}

CudaGraphs::CudaGraphs(ModuleForward& forward, const CudaStreams& streams)
    : forward_(forward), streams_(streams), pool_(at::cuda::graph_pool_handle()) {}

CudaGraphs::~CudaGraphs() {
  if (!has_device_failed(streams_.compute.device_index())) return;
  for (std::unique_ptr<CapturedForward>& graph : graphs_) keep_for_good(std::move(graph));
}

CapturedForward* CudaGraphs::find(const Batch& batch) const {
  const auto found = std::find_if(graphs_.begin(), graphs_.end(),
                                  [&](const auto& graph) { return graph->takes(batch); });
  return found == graphs_.end() ? nullptr : found->get();
}

bool CudaGraphs::has(const Batch& batch) const {
  const CapturedForward* found = find(batch);
  return found != nullptr && found->rows() == batch.rows;
}

size_t CudaGraphs::capture(const Batch& batch, const std::vector<at::Tensor>& inputs,
                           size_t budget) {
  if (!forward_.model().graphs_problem.empty()) {
    throw Error("MODEL_FAILED", forward_.model().graphs_problem);
  }
  const c10::cuda::CUDAStreamGuard guard(streams_.compute);
  // The allocator takes no pool again that was left by all.
  if (pool_uses(streams_.compute.device_index(), pool_) == 0) {
    pool_ = at::cuda::graph_pool_handle();
  }
  auto captured = std::make_unique<CapturedForward>(batch);
  size_t bytes = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const at::Tensor computed = forward_.as_computed_with(inputs[i], i);
    captured->inputs_.push_back(at::zeros_like(computed));
    bytes += captured->inputs_.back().nbytes();
  }
  for (int i = 0; i < kSettlingRuns; ++i) (void)run_eagerly(inputs, batch.rows);
  const std::string problem =
      outputs_problem(run_eagerly(inputs, batch.rows), inputs, streams_.compute.device());
  if (!problem.empty()) throw Error("MODEL_FAILED", problem);
  const size_t before = pool_bytes(pool_);
  record(*captured);
  bytes += pool_bytes(pool_) - before;
  if (bytes > budget) {
    throw Error("OUT_OF_MEMORY", "it takes " + mebibytes(bytes) + " of device memory, and " +
                                     mebibytes(budget) + " are left for CUDA graphs");
  }
  check(*captured, inputs);
  captured->memory_ = std::make_unique<GraphMemory>(streams_.compute.device_index(), bytes);
  const auto place = std::find_if(graphs_.begin(), graphs_.end(), [&](const auto& graph) {
    return graph->rows() >= captured->rows();
  });
  graphs_.insert(place, std::move(captured));
  return bytes;
}

// On a stream of its own: the workspaces of cuBLAS belong to a stream, and what it is given on this
// one while it is captured comes from the pool of the graphs.
void CudaGraphs::record(CapturedForward& captured) {
  const c10::DeviceIndex device = streams_.compute.device_index();
  C10_CUDA_CHECK(cudaStreamSynchronize(streams_.compute.stream()));
  const CaptureLock alone;
  const c10::cuda::CUDAStreamGuard guard(streams_.capture);
  const int uses = pool_uses(device, pool_);
  at::cuda::CUDAGraph& graph = *captured.graph_;
  try {
    const TF32Pass pass(forward_.model().tf32);
    graph.capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
    captured.result_ = forward_.run(captured.inputs_, captured.rows_);
    for (at::Tensor& output : captured.result_.outputs) output = output.contiguous();
    graph.capture_end();
  } catch (const std::exception&) {
    captured.result_ = {};
    give_up(graph, uses);
    throw;
  }
}

// Leaves the stream, the allocator and the generator of random numbers as they were. LibTorch 2.14
// does it in reset(), 2.11 leaves out all that comes behind the end of the stream's capture.
void CudaGraphs::give_up(at::cuda::CUDAGraph& graph, int uses) {
  const c10::DeviceIndex device = streams_.compute.device_index();
  try_to([&] { graph.capture_end(); });
  try_to([&] { graph.reset(); });
  try_to([&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(device, pool_); });
  // The allocator of page-locked memory asks every stream by a filter that refers to the graph.
  try_to([&] {
    at::HostAllocator& host = *at::getHostAllocator(at::kCUDA);
    host.end_allocate_to_pool(pool_);  // throws when LibTorch has done it, and released the pool
    host.release_pool(pool_);
  });
  for (int left = pool_uses(device, pool_) - uses; left > 0; --left) {
    try_to([&] { c10::cuda::CUDACachingAllocator::releasePool(device, pool_); });
  }
  pool_ = at::cuda::graph_pool_handle();
  (void)cudaGetLastError();
  // The generator waits for the end of a capture, as all who draw numbers without one find out.
  try_to([&] {
    at::Tensor something = at::zeros({1}, at::TensorOptions(at::kFloat).device(at::kCUDA, device));
    at::cuda::CUDAGraph last;
    last.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    something.zero_();
    last.capture_end();
  });
}

ForwardResult CudaGraphs::run_eagerly(const std::vector<at::Tensor>& inputs, int rows) {
  std::vector<at::Tensor> computed;
  computed.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    computed.push_back(forward_.as_computed_with(inputs[i], i));
  }
  const TF32Pass pass(forward_.model().tf32);
  return forward_.run(std::move(computed), rows);
}

// Also with fewer rows than it was captured for: a model whose rows are not independent would have
// answered those of the batch by the zeros behind them.
void CudaGraphs::check(CapturedForward& captured, const std::vector<at::Tensor>& inputs) {
  const SharedModel& model = forward_.model();
  const Tolerance& tolerance =
      model.converted || model.tf32 ? kReducedTolerance : kFloat32Tolerance;
  const int rows = captured.rows();
  require_same(run_eagerly(inputs, rows), captured.run(inputs, rows), rows, tolerance.same_kernels);
  if (rows == 1) return;
  const int fewer = (rows + 1) / 2;
  const std::vector<at::Tensor> part = first_rows(inputs, fewer);
  require_same(run_eagerly(part, fewer), captured.run(part, fewer), fewer, tolerance.other_kernels);
}

}  // namespace sconce
