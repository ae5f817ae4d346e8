// Where a graph looks rows of an embedding up.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <vector>

namespace sconce {

// The calls of aten::embedding and aten::embedding_bag whose index is `value`, or is computed from
// it without mixing it with anything but constants: reshaped, converted, clamped, moved.
std::vector<torch::jit::Node*> embedding_lookups(const torch::jit::Value* value);

// True when the elements of `value` reach such a call unconverted, as its index or as the offsets
// of its bags: they must be int64 whatever the parameters are.
bool is_embedding_index(const torch::jit::Value* value);

}  // namespace sconce
