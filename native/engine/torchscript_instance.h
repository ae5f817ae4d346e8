// An instance of a TorchScript model.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cuda.h"
#include "engine.h"
#include "module_copies.h"

namespace sconce {

// What all instances of a model have in common.
struct SharedModel {
  std::unique_ptr<ModuleCopies> copies;
  c10::Device device;
  std::optional<at::ScalarType> converted;  // the precision, when it is not the file's own
  bool writes_inputs = false;
  std::vector<InputForm> forms;  // of the arguments
  bool channels_last = false;    // inputs of 4 dimensions come in this order
  // Of each input of a batch: those of the arguments without what no batch holds.
  std::vector<InputForm> input_forms = {};
};

// The model outlives it.
class TorchScriptInstance : public EngineInstance {
 public:
  explicit TorchScriptInstance(SharedModel& model);
  ~TorchScriptInstance() override;

  void set_intra_op_threads(int threads) override;
  std::unique_ptr<Run> submit(const Batch& batch) override;
  [[nodiscard]] size_t max_in_flight() const override;
  [[nodiscard]] bool writes_inputs() const override { return model_.writes_inputs; }
  [[nodiscard]] std::vector<uint64_t> parameter_pointers() const override;

 private:
  class TorchRun;

  [[nodiscard]] std::string precision_note() const;
  std::vector<at::Tensor> forward(const Batch& batch, TorchRun& run);
  // An input in the precision and the order that the module computes in.
  [[nodiscard]] at::Tensor as_computed_with(const at::Tensor& input, DType dtype,
                                            size_t index) const;
  // Writes the outputs once: into the slab's output area, or into memory of their own when they
  // outgrow it.
  void place(const Batch& batch, const std::vector<at::Tensor>& outputs, TorchRun& run);

  SharedModel& model_;
  torch::jit::Module module_;
#ifdef SCONCE_CUDA
  std::optional<CudaPipeline> pipeline_;
#endif
};

}  // namespace sconce
