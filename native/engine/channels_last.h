// Channels-last order, [n, height, width, channels] in memory, which convolutions of some devices
// compute in.
#pragma once

#include <torch/csrc/jit/api/module.h>

namespace sconce {

// Replaces every parameter of 4 dimensions and floating point by one in channels-last order; tied
// weights stay tied. To be called before the module runs. Returns false when there is none.
bool order_channels_last(torch::jit::Module& module);

}  // namespace sconce
