#include "forward_signature.h"

#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "embedding_lookup.h"
#include "index_limit.h"

namespace sconce {

namespace {

bool is_list_of_tensors(const c10::TypePtr& type) {
  const c10::TypePtr list = type->kind() == c10::TypeKind::OptionalType
                                ? type->expectRef<c10::OptionalType>().getElementType()
                                : type;
  return list->kind() == c10::TypeKind::ListType &&
         list->expectRef<c10::ListType>().getElementType()->kind() == c10::TypeKind::TensorType;
}

bool writes_attributes(const torch::jit::Block& block, const torch::jit::AliasDb& aliases) {
  const auto nodes = block.nodes();
  return std::any_of(nodes.begin(), nodes.end(), [&](const torch::jit::Node* node) {
    if (node->kind() == c10::prim::SetAttr) return true;
    if (node->kind() == c10::prim::GetAttr && aliases.hasWriters(node->output())) return true;
    const auto blocks = node->blocks();
    return std::any_of(blocks.begin(), blocks.end(), [&](const torch::jit::Block* inner) {
      return writes_attributes(*inner, aliases);
    });
  });
}

}  // namespace

std::shared_ptr<torch::jit::Graph> inlined_forward(const torch::jit::Module& module) {
  std::shared_ptr<torch::jit::Graph> graph = module.get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  return graph;
}

std::vector<Argument> read_arguments(const torch::jit::Module& module, DType parameter_dtype) {
  const torch::jit::Method method = module.get_method("forward");
  const std::shared_ptr<torch::jit::Graph> graph = inlined_forward(module);
  const std::vector<std::optional<int64_t>> limits = index_limits(module);
  std::vector<Argument> arguments;
  const std::vector<c10::Argument>& declared = method.function().getSchema().arguments();
  for (size_t i = 1; i < declared.size(); ++i) {  // 0 is self
    const c10::Argument& argument = declared[i];
    Argument read{.name = argument.name(),
                  .type = argument.type()->annotation_str(),
                  .default_value = std::nullopt,
                  .dtype = parameter_dtype};
    if (argument.default_value()) {
      std::ostringstream text;
      text << *argument.default_value();
      read.default_value = text.str();
    }
    if (i < graph->inputs().size() && is_embedding_index(graph->inputs()[i])) {
      read.dtype = DType::kInt64;
    }
    if (i <= limits.size()) read.index_limit = limits[i - 1];
    arguments.push_back(std::move(read));
  }
  return arguments;
}

std::string read_returns(const torch::jit::Module& module) {
  const auto& returns = module.get_method("forward").function().getSchema().returns();
  return returns.empty() ? "None" : returns.front().type()->annotation_str();
}

bool writes_arguments(const torch::jit::Module& module) {
  const std::shared_ptr<torch::jit::Graph> graph = inlined_forward(module);
  const torch::jit::AliasDb aliases(graph);
  const auto arguments = graph->inputs().slice(1);  // 0 is self
  return std::any_of(arguments.begin(), arguments.end(), [&](const torch::jit::Value* argument) {
    return aliases.hasWriters(argument);
  });
}

bool writes_attributes(const torch::jit::Module& module) {
  const std::shared_ptr<torch::jit::Graph> graph = inlined_forward(module);
  const torch::jit::AliasDb aliases(graph);
  return writes_attributes(*graph->block(), aliases);
}

std::vector<InputForm> argument_forms(const torch::jit::Module& module,
                                      const std::vector<InputForm>& configured) {
  std::vector<InputForm> forms = configured;
  const torch::jit::Method method = module.get_method("forward");
  const std::vector<c10::Argument>& declared = method.function().getSchema().arguments();
  for (size_t i = 1; i < declared.size(); ++i) {  // 0 is self
    if (forms.size() < i) forms.push_back(InputForm::kRows);
    InputForm& form = forms[i - 1];
    if (form == InputForm::kRows && is_list_of_tensors(declared[i].type())) form = InputForm::kList;
  }
  return forms;
}

}  // namespace sconce
