// Warm-up: batches of zeros that an instance runs before the first real one, so that the graph is
// profiled and optimised, kernels are made for each number of rows, and memory is in place.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "engine/engine.h"

namespace sconce {

struct WarmUp {
  std::vector<TensorMeta> inputs;
  std::vector<int> rows;  // one batch for each number of rows
};

struct WarmUpResult {
  std::optional<Signature> signature;  // of the last outputs; none when there was nothing to run
  std::vector<double> microseconds;    // of a batch of each number of rows: the median
};

// How long batches of one number of rows are repeated to time them, at most.
inline constexpr std::chrono::milliseconds kTimingBudget{10};

// Runs every number of rows until it has settled, and then as often as fits the budget, twice at
// least and a hundred times at most. Throws Error with the code of the batch that failed, or
// OUT_OF_MEMORY.
WarmUpResult run_warm_up(EngineInstance& instance, const WarmUp& warm_up,
                         std::chrono::microseconds budget = kTimingBudget);

}  // namespace sconce
