#include "module_file.h"

#include <torch/csrc/jit/serialization/import.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "../error.h"
#include "cuda.h"
#include "device_error.h"
#include "failure.h"
#include "vision_operators.h"

namespace sconce {

namespace {

void check_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> magic{};
  if (!file) {
    throw Error("MODEL_LOAD_FAILED", std::string("cannot open the file: ") +
                                         (errno != 0 ? std::strerror(errno) : "not readable"));
  }
  file.read(magic.data(), magic.size());
  if (file.gcount() != magic.size() || std::memcmp(magic.data(), "PK\x03\x04", 4) != 0) {
    throw Error("MODEL_LOAD_FAILED",
                "not a TorchScript file: it does not begin as a zip archive; save the model with "
                "torch.jit.script(model).save(path)");
  }
}

}  // namespace

c10::Device parse_device(const std::string& name) {
  try {
    c10::Device device(name);
    if (device.is_cpu()) return device;
    if (device.is_cuda()) {
      const int index = device.has_index() ? device.index() : 0;
      if (index < cuda_device_count()) {
        device = c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
        require_working(device);
        return device;
      }
      throw Error("MODEL_LOAD_FAILED", "the device " + name + " is not there: this process sees " +
                                           std::to_string(cuda_device_count()) + " CUDA devices");
    }
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) {
    // Falls through to the message below, which says what is allowed.
  }
  throw Error("MODEL_LOAD_FAILED", "the device \"" + name + "\" is not cpu or cuda:N");
}

torch::jit::Module read_module(const std::string& path, c10::Device device) {
  check_file(path);
  register_vision_operators();
  torch::jit::Module module;
  try {
    module = torch::jit::load(path, device);
  } catch (const std::exception& error) {
    const std::string line = first_line(error.what());
    if (line.find("constants.pkl") != std::string::npos) {
      throw Error("MODEL_LOAD_FAILED",
                  "not a TorchScript file: it holds no code; save the model with "
                  "torch.jit.script(model).save(path) instead of torch.save (" +
                      line + ")");
    }
    if (is_out_of_memory(error.what()) || is_device_failure(error)) {
      rethrow("MODEL_LOAD_FAILED", error);
    }
    if (const std::optional<std::string> missing = missing_operator(error.what())) {
      throw Error("MODEL_LOAD_FAILED", "the file uses " + *missing +
                                           ", which no library has registered: set "
                                           "operatorLibraries to the shared library that has it");
    }
    throw Error("MODEL_LOAD_FAILED",
                "the file is damaged or was not written by torch.jit.save: " + line);
  }
  if (!module.find_method("forward")) {
    throw Error("MODEL_LOAD_FAILED", "the module has no forward method");
  }
  module.eval();
  // Nothing learns here: TorchScript would compile formulas of derivatives all the same.
  for (const at::Tensor& parameter : module.parameters()) parameter.set_requires_grad(false);
  return module;
}

}  // namespace sconce
