// Warm-up: batches of zeros that an instance runs before the first real one, so that the graph is
// profiled and optimised, kernels are made for each number of rows, and memory is in place.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "engine/engine.h"

namespace sconce {

struct WarmUp {
  std::vector<TensorMeta> inputs;
  std::vector<int> rows;  // one batch for each number of rows
  // Bytes of device memory that the CUDA graphs of the instance may take; 0: none are captured.
  size_t graph_memory = 0;
};

struct WarmUpResult {
  std::optional<Signature> signature;  // of the last outputs; none when there was nothing to run
  std::vector<double> microseconds;    // of a batch of each number of rows: the median
  std::vector<GraphCapture> graphs;    // for each number of rows; empty where nothing is captured
};

// How long batches of one number of rows are repeated to time them, at most.
inline constexpr std::chrono::milliseconds kTimingBudget{10};

// Runs every number of rows until it has settled, captures its CUDA graph, and runs it as often as
// fits the budget, twice at least and a hundred times at most. Throws Error with the code of the
// batch that failed, OUT_OF_MEMORY, or DEVICE_FAILED.
WarmUpResult run_warm_up(EngineInstance& instance, const WarmUp& warm_up,
                         std::chrono::microseconds budget = kTimingBudget);

}  // namespace sconce
