#include "explained_forward.h"

#include <string>
#include <string_view>
#include <utility>

#include "../error.h"
#include "argument_list.h"
#include "embedding_cut.h"
#include "embedding_lookup.h"
#include "forward_signature.h"
#include "output_reader.h"

namespace sconce {

size_t argument_of_input(std::span<const InputForm> forms, size_t input) {
  for (size_t argument = 0; argument < forms.size(); ++argument) {
    if (forms[argument] == InputForm::kOffsets) continue;
    if (input == 0) return argument;
    --input;
  }
  return forms.size() + input;
}

ExplainedForward::ExplainedForward(const torch::jit::Module& module, std::vector<InputForm> forms,
                                   std::optional<size_t> cut_input)
    : module_(module), forms_(std::move(forms)) {
  const std::shared_ptr<torch::jit::Graph> graph = inlined_forward(module_);
  if (cut_input) cut(*graph, argument_of_input(forms_, *cut_input));
  executor_ =
      torch::jit::GraphExecutor(graph, "forward", torch::jit::ExecutorExecutionMode::SIMPLE);
}

void ExplainedForward::cut(torch::jit::Graph& graph, size_t argument) {
  if (argument + 1 >= graph.inputs().size()) {
    throw Error("INVALID_REQUEST", "forward has no such input");
  }
  const torch::jit::Value* value = graph.inputs()[argument + 1];  // 0 is self
  const std::vector<torch::jit::Node*> lookups = embedding_lookups(value);
  const std::string name = value->hasDebugName() ? value->debugNameBase() : "the input";
  if (lookups.empty()) {
    throw Error("EXPLANATION_UNSUPPORTED",
                "\"" + name +
                    "\" is of integers and is not the index of an embedding: it has no "
                    "gradient");
  }
  if (lookups.size() > 1) {
    throw Error("EXPLANATION_UNSUPPORTED", "\"" + name + "\" is the index of " +
                                               std::to_string(lookups.size()) +
                                               " embeddings; only one can be explained");
  }
  bag_ = std::string_view(lookups.front()->kind().toQualString()) == "aten::embedding_bag";
  insert_embedding_cut(graph, lookups.front());
}

c10::IValue ExplainedForward::call(const std::vector<at::Tensor>& inputs, int rows) {
  torch::jit::Stack stack = make_arguments(inputs, rows, forms_);
  stack.insert(stack.begin(), module_._ivalue());
  const torch::jit::Method method = module_.get_method("forward");
  method.function().getSchema().checkAndNormalizeInputs(stack, {});
  executor_.run(stack);
  return stack.front();
}

at::Tensor ExplainedForward::target(const std::vector<at::Tensor>& inputs, int rows, size_t output,
                                    int64_t target) {
  OutputReader reader(rows, std::nullopt);
  const Signature signature = reader.read(call(inputs, rows));
  if (output >= signature.outputs.size()) {
    throw Error("INVALID_REQUEST", "there is no output " + std::to_string(output) +
                                       ": the model returns " +
                                       std::to_string(signature.outputs.size()));
  }
  if (signature.outputs[output].padded) {
    throw Error("EXPLANATION_UNSUPPORTED",
                "the output has another length for each row: no element can be followed");
  }
  const at::Tensor& tensor = reader.tensors()[output];
  const int64_t elements = tensor.numel() / rows;
  if (target < 0 || target >= elements) {
    throw Error("INVALID_REQUEST", "target " + std::to_string(target) +
                                       " is out of range: output " + std::to_string(output) +
                                       " has " + std::to_string(elements) +
                                       " elements, counted from 0");
  }
  if (!tensor.is_floating_point()) {
    throw Error("EXPLANATION_UNSUPPORTED", "the output is not of floating point");
  }
  return tensor.reshape({rows, elements}).select(1, target);
}

}  // namespace sconce
