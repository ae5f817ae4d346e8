// Reduced precision: converting a loaded module, so that it computes in bfloat16 or float16.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <optional>

#include "engine.h"

namespace sconce {

// The type that a module is converted to; none for what leaves it as it is.
std::optional<at::ScalarType> converted_type(Precision precision);

// The name that options use, for messages.
const char* precision_name(at::ScalarType type);

// Converts every floating-point tensor that the module computes with: parameters, buffers, other
// attributes and lists of tensors, and the constants in its graphs. Integer tensors stay, and
// tensors that were shared stay shared. To be called before the module runs. Throws c10::Error.
void convert_module(torch::jit::Module& module, at::ScalarType type);

}  // namespace sconce
