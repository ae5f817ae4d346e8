// Whether a forward can be replayed from a CUDA graph, which repeats the same kernels on the same
// memory without asking the host anything.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <span>
#include <string>

#include "module_forward.h"

namespace sconce {

// Why no graph can be captured of a prepared module, empty when nothing speaks against it yet.
std::string graphs_problem(const torch::jit::Module& module, bool straight_line,
                           std::span<const InputForm> forms);

// Whether its forward may draw random numbers, for which LibTorch has one generator on each device.
bool draws_numbers(const torch::jit::Module& module);

// Why these outputs cannot be those of a graph: on another device, padded, or part of an input.
std::string outputs_problem(const ForwardResult& result, std::span<const at::Tensor> inputs,
                            c10::Device device);

}  // namespace sconce
