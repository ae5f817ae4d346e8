// What is done to a module between reading it and running it.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include "engine.h"

namespace sconce {

struct PreparedModule {
  torch::jit::Module module;
  bool frozen = false;
  bool optimized = false;
  bool channels_last = false;
  size_t parameter_bytes = 0;  // of the tensors it computes with, after conversion
};

// Prepares a module by the plan, which changes the one that is given. What cannot be frozen stays
// as it is, and what cannot be optimised stays frozen, as the result tells; channels_last is false
// too for a module without weights of 4 dimensions. Throws Error with MODEL_LOAD_FAILED or
// OUT_OF_MEMORY when it cannot be converted to the plan's precision.
PreparedModule prepare_module(torch::jit::Module module, const EnginePlan& plan);

}  // namespace sconce
