// A graph cut behind its embedding: what was looked up can be seen, and something else put in its
// place, so that gradients can be taken of vectors where the input is integers.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/ir/ir.h>

#include <optional>

namespace sconce {

// Inserts the cut behind a call of aten::embedding or aten::embedding_bag.
void insert_embedding_cut(torch::jit::Graph& graph, torch::jit::Node* lookup);

// What graphs that run on this thread do at their cut while this lives.
class EmbeddingCut {
 public:
  // Without a replacement what was looked up goes on. One of another shape makes the graph throw.
  explicit EmbeddingCut(std::optional<at::Tensor> replacement);
  ~EmbeddingCut();
  EmbeddingCut(const EmbeddingCut&) = delete;
  EmbeddingCut& operator=(const EmbeddingCut&) = delete;

  // How often the cut was passed.
  [[nodiscard]] int lookups() const { return lookups_; }
  // What was looked up last.
  [[nodiscard]] const at::Tensor& embedded() const { return embedded_; }

 private:
  friend struct CutOperator;
  at::Tensor pass(at::Tensor embedded);

  std::optional<at::Tensor> replacement_;
  int lookups_ = 0;
  at::Tensor embedded_;
};

}  // namespace sconce
