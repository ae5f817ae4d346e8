// Models whose forward goes one way only.
#pragma once

#include <torch/csrc/jit/api/module.h>

namespace sconce {

// True when forward does the same operations for every input of the same shapes: no loops, no
// branches but those that end in a failure, no calls that cannot be inlined, nothing forked,
// nothing printed, no attribute changed, no sizes that are made of values, and no operators but
// LibTorch's. To be asked of a module as it will run, for freezing removes branches.
bool is_straight_line(const torch::jit::Module& module);

}  // namespace sconce
