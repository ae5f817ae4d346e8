#include "index_limit.h"

#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/constant_propagation.h>

#include <algorithm>
#include <string>
#include <unordered_set>

#include "forward_signature.h"

namespace sconce {

namespace {

using torch::jit::Graph;
using torch::jit::Module;
using torch::jit::Node;
using torch::jit::Value;

// Operators whose result has every element of the first operand, and no others.
const std::unordered_set<std::string> kKeepsEveryElement{
    "aten::view",       "aten::reshape",   "aten::flatten",
    "aten::unsqueeze",  "aten::squeeze",   "aten::permute",
    "aten::t",          "aten::transpose", "aten::expand",
    "aten::contiguous", "aten::clone",     "aten::detach",
    "aten::_cast_Long", "aten::alias",     "prim::unchecked_cast"};

bool is_lookup(const Node& node) {
  const std::string kind = node.kind().toQualString();
  return kind == "aten::embedding" || kind == "aten::embedding_bag";
}

bool converts_to_int64(const Node& node) {
  if (node.kind() != c10::aten::to || node.inputs().size() < 2) return false;
  const std::optional<c10::IValue> type = torch::jit::toIValue(node.input(1));
  return type && type->isInt() && type->toInt() == static_cast<int64_t>(c10::ScalarType::Long);
}

// The input of the graph whose elements a value has, in another arrangement perhaps.
const Value* argument_behind(const Value* value, const Graph& graph) {
  while (true) {
    const Node& node = *value->node();
    if (&node == graph.param_node()) return value;
    if (node.kind() == c10::prim::If) {
      const Value* common = nullptr;
      for (const torch::jit::Block* branch : node.blocks()) {
        const Value* result = branch->outputs().at(value->offset());
        // Of a branch that ends in a failure.
        if (result->node()->kind() == c10::prim::Uninitialized) continue;
        const Value* argument = argument_behind(result, graph);
        if (argument == nullptr || (common != nullptr && common != argument)) return nullptr;
        common = argument;
      }
      return common;
    }
    if (!kKeepsEveryElement.contains(node.kind().toQualString()) && !converts_to_int64(node)) {
      return nullptr;
    }
    value = node.inputs().at(0);
  }
}

// The tensor that a value is whatever forward is given: an attribute of the module, or a constant.
std::optional<at::Tensor> tensor_behind(const Value* value, const Graph& graph,
                                        const Module& module) {
  std::vector<std::string> path;
  for (; value->node()->kind() == c10::prim::GetAttr; value = value->node()->inputs().at(0)) {
    path.push_back(value->node()->s(c10::attr::name));
  }
  std::optional<c10::IValue> found = path.empty() ? torch::jit::toIValue(value) : std::nullopt;
  if (!path.empty() && value == graph.inputs().at(0)) {
    found = module._ivalue();
    for (auto name = path.rbegin(); name != path.rend() && found->isObject(); ++name) {
      found = found->toObject()->getAttr(*name);
    }
  }
  if (!found || !found->isTensor()) return std::nullopt;
  return found->toTensor();
}

// Decides the branches of torch.nn.functional: `if max_norm is not None`, and of embedding_bag
// those that the dtype of the weight decides.
void decide_branches(std::shared_ptr<Graph>& graph, const Module& module) {
  for (Node* node : graph->block()->nodes()) {
    if (node->kind() != c10::prim::dtype) continue;
    const std::optional<at::Tensor> tensor = tensor_behind(node->inputs().at(0), *graph, module);
    if (!tensor) continue;
    const torch::jit::WithInsertPoint before(node);
    Value* dtype = graph->insertConstant(static_cast<int64_t>(tensor->scalar_type()));
    node->output()->replaceAllUsesWith(dtype);
  }
  torch::jit::ConstantPropagationImmutableTypes(graph);
}

}  // namespace

std::vector<std::optional<int64_t>> index_limits(const Module& module) {
  std::shared_ptr<Graph> graph = inlined_forward(module);
  std::vector<std::optional<int64_t>> limits(graph->inputs().size() - 1);
  if (writes_attributes(module)) return limits;  // another weight may take the place of this one
  decide_branches(graph, module);
  const torch::jit::AliasDb aliases(graph);
  // What stands in a branch or a loop may not be reached.
  for (const Node* node : graph->block()->nodes()) {
    if (!is_lookup(*node)) continue;
    const Value* argument = argument_behind(node->inputs().at(1), *graph);
    if (argument == nullptr || argument->offset() == 0 || aliases.hasWriters(argument)) continue;
    const std::optional<at::Tensor> weight = tensor_behind(node->inputs().at(0), *graph, module);
    if (!weight || weight->dim() == 0) continue;
    std::optional<int64_t>& limit = limits.at(argument->offset() - 1);  // 0 is self
    limit = std::min(limit.value_or(weight->size(0)), weight->size(0));
  }
  return limits;
}

}  // namespace sconce
