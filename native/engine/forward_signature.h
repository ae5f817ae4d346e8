// What a module's forward takes, returns and does to its arguments, as its graph tells.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <memory>
#include <vector>

#include "engine.h"

namespace sconce {

// The graph of forward with every call of the module's own code inlined: a copy that may be
// changed. Its first input is the module.
std::shared_ptr<torch::jit::Graph> inlined_forward(const torch::jit::Module& module);

// The arguments of forward without the module. Their dtype is int64 for an index of an embedding,
// `parameter_dtype` else.
std::vector<Argument> read_arguments(const torch::jit::Module& module, DType parameter_dtype);

// The declared type of the result.
std::string read_returns(const torch::jit::Module& module);

// True when forward may write to one of its arguments, also through a view of it.
bool writes_arguments(const torch::jit::Module& module);

// True when forward may change the module: write to a tensor of it or replace an attribute.
bool writes_attributes(const torch::jit::Module& module);

// The form of each argument: what was configured, and lists where forward declares List[Tensor].
std::vector<InputForm> argument_forms(const torch::jit::Module& module,
                                      const std::vector<InputForm>& configured);

}  // namespace sconce
