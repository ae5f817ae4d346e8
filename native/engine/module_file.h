// Reading a TorchScript file.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>

namespace sconce {

// A device by name: "cpu" or "cuda:N". Throws Error with MODEL_LOAD_FAILED when it is not there.
c10::Device parse_device(const std::string& name);

// A module in evaluation mode that has a forward method. Throws Error with MODEL_LOAD_FAILED or
// OUT_OF_MEMORY.
torch::jit::Module read_module(const std::string& path, c10::Device device);

}  // namespace sconce
