// Warm-up: batches of zeros that an instance runs before the first real one, so that the graph is
// profiled and optimised and memory is in place.
#pragma once

#include <vector>

#include "engine/engine.h"

namespace sconce {

struct WarmUp {
  std::vector<TensorMeta> inputs;
  std::vector<int> rows;  // one batch for each number of rows
};

// Returns the signature of the last outputs; none when there was nothing to run. Throws Error with
// the code of the batch that failed, or OUT_OF_MEMORY.
std::optional<Signature> run_warm_up(EngineInstance& instance, const WarmUp& warm_up);

}  // namespace sconce
