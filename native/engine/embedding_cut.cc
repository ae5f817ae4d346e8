#include "embedding_cut.h"

#include <torch/csrc/jit/runtime/custom_operator.h>

#include <mutex>
#include <stdexcept>
#include <utility>

namespace sconce {

namespace {

constexpr const char* kName = "sconce::embedded";

thread_local EmbeddingCut* current = nullptr;

}  // namespace

// Known to the interpreter only, not to the dispatcher: autograd passes through it.
struct CutOperator {
  static void run(torch::jit::Stack& stack) {
    at::Tensor embedded = torch::jit::pop(stack).toTensor();
    torch::jit::push(stack, current == nullptr ? embedded : current->pass(std::move(embedded)));
  }

  static void register_once() {
    static std::once_flag registered;
    std::call_once(registered, [] {
      torch::jit::registerOperator(
          torch::jit::Operator(std::string(kName) + "(Tensor embedded) -> Tensor", &run,
                               c10::AliasAnalysisKind::CONSERVATIVE));
    });
  }
};

void insert_embedding_cut(torch::jit::Graph& graph, torch::jit::Node* lookup) {
  CutOperator::register_once();
  torch::jit::Node* cut = graph.create(c10::Symbol::fromQualString(kName), 1);
  cut->output()->setType(c10::TensorType::get());
  cut->insertAfter(lookup);
  torch::jit::Value* embedded = lookup->outputs().at(0);
  embedded->replaceAllUsesWith(cut->output());
  cut->addInput(embedded);
}

EmbeddingCut::EmbeddingCut(std::optional<at::Tensor> replacement)
    : replacement_(std::move(replacement)) {
  current = this;
}

EmbeddingCut::~EmbeddingCut() { current = nullptr; }

at::Tensor EmbeddingCut::pass(at::Tensor embedded) {
  ++lookups_;
  embedded_ = std::move(embedded);
  if (!replacement_) return embedded_;
  if (replacement_->sizes() != embedded_.sizes()) {
    throw std::runtime_error("the embedding has another shape than that of a single row");
  }
  return *replacement_;
}

}  // namespace sconce
