// The forward of a module, run so that gradients can be taken of one of its outputs.
#pragma once

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <optional>
#include <span>
#include <vector>

#include "engine.h"

namespace sconce {

// Without the optimisations that the first runs of a graph pay for.
class ExplainedForward {
 public:
  // With a cut behind the embedding that the input `cut_input` is the index of. Throws Error with
  // EXPLANATION_UNSUPPORTED when there is not exactly one.
  ExplainedForward(const torch::jit::Module& module, std::vector<InputForm> forms,
                   std::optional<size_t> cut_input);

  // Element `target` of a flat output's row, for each of the rows: [rows]. `inputs` are tensors
  // [rows, …]. Throws Error, and what LibTorch throws.
  [[nodiscard]] at::Tensor target(const std::vector<at::Tensor>& inputs, int rows, size_t output,
                                  int64_t target);

  // Runs it for what happens at its cut. Throws as target().
  void run(const std::vector<at::Tensor>& inputs, int rows) { (void)call(inputs, rows); }

  // True when the embedding is an EmbeddingBag: it has one vector for each row.
  [[nodiscard]] bool bag() const { return bag_; }

 private:
  c10::IValue call(const std::vector<at::Tensor>& inputs, int rows);
  void cut(torch::jit::Graph& graph, size_t argument);

  torch::jit::Module module_;
  std::vector<InputForm> forms_;
  bool bag_ = false;
  torch::jit::GraphExecutor executor_;
};

// Which argument of forward an input of a batch is: those of the form kOffsets are not in a batch.
size_t argument_of_input(std::span<const InputForm> forms, size_t input);

}  // namespace sconce
