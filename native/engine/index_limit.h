// Which indices forward may be given.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace sconce {

// For each argument of forward, without the module: how many rows the smallest embedding has that
// every element of the argument is an index of, whatever else forward is given. nullopt where there
// is none, or where the graph does not show it. Then elements must be at least 0 and below that: on
// the CPU LibTorch refuses others, on a GPU they are an assertion after which the device is lost to
// the process.
std::vector<std::optional<int64_t>> index_limits(const torch::jit::Module& module);

}  // namespace sconce
