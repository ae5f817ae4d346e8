// The rows of a batch as the arguments of forward.
#pragma once

#include <ATen/core/ivalue.h>

#include <span>
#include <vector>

#include "engine.h"

namespace sconce {

// The arguments that stand for `rows` rows, in the given forms; missing forms are kRows. `inputs`
// are tensors [rows, …], those of the form kOffsets left out, and are shared, not copied, but for
// joined rows that are not contiguous. Throws Error INVALID_REQUEST when rows without a dimension
// are to be joined.
std::vector<c10::IValue> make_arguments(std::vector<at::Tensor> inputs, int rows,
                                        std::span<const InputForm> forms);

}  // namespace sconce
