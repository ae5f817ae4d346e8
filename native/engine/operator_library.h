// Operators that LibTorch does not have.
#pragma once

#include <string>

namespace sconce {

// Loads a shared library that registers operators when it is loaded, for the life of the process,
// as torch.ops.load_library does. It runs code of its own: the path must come from the operator of
// the server, never from a model. One that registers what another has registered ends the process,
// with a message of LibTorch's. Throws Error with INVALID_CONFIGURATION saying why it cannot be
// loaded.
void load_operator_library(const std::string& path);

}  // namespace sconce
