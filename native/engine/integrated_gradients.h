// Explanations by integrated gradients: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep
// Networks", 2017, computed as Captum computes them.
#pragma once

#include <memory>

#include "engine.h"

namespace sconce {

// Reads the module of a TorchScript file for explanations: not frozen, and in the precision of the
// file. Throws Error with MODEL_LOAD_FAILED or OUT_OF_MEMORY.
std::unique_ptr<EngineExplainer> load_explainer(const EngineOptions& options);

}  // namespace sconce
