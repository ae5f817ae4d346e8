// A copy of a module, and how batches go through it on any device.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine.h"
#include "module_copies.h"

namespace sconce {

// What all instances of a model have in common.
struct SharedModel {
  std::unique_ptr<ModuleCopies> copies;
  c10::Device device;
  std::optional<at::ScalarType> converted;  // the precision, when it is not the file's own
  bool tf32 = false;                        // cuBLAS may use TensorFloat-32
  bool writes_inputs = false;
  bool draws_numbers = false;    // random ones, on a GPU
  bool graphs = false;           // CUDA graphs are wanted
  std::string graphs_problem;    // why there can be none
  std::vector<InputForm> forms;  // of the arguments
  bool channels_last = false;    // inputs of 4 dimensions come in this order
  // Of each input of a batch: those of the arguments without what no batch holds.
  std::vector<InputForm> input_forms = {};
};

// What forward returned: tensors [rows, …] in the order of the signature.
struct ForwardResult {
  Signature signature;
  std::vector<at::Tensor> outputs;
};

// The model outlives it.
class ModuleForward {
 public:
  explicit ModuleForward(SharedModel& model);
  ~ModuleForward();
  ModuleForward(const ModuleForward&) = delete;
  ModuleForward& operator=(const ModuleForward&) = delete;

  // `inputs` are as as_computed_with() makes them. Throws Error INVALID_OUTPUT, and whatever the
  // module throws.
  ForwardResult run(std::vector<at::Tensor> inputs, int rows);

  // An input of a batch in the precision and the order that the module computes in.
  [[nodiscard]] at::Tensor as_computed_with(const at::Tensor& input, size_t index) const;

  [[nodiscard]] const SharedModel& model() const { return model_; }
  // For messages: what was done to the module that may be to blame.
  [[nodiscard]] std::string precision_note() const;
  [[nodiscard]] std::vector<uint64_t> parameter_pointers() const;

 private:
  SharedModel& model_;
  torch::jit::Module module_;
};

}  // namespace sconce
