#include "graph_conditions.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <string_view>
#include <unordered_set>

#include "forward_signature.h"

namespace sconce {

namespace {

// Their numbers come from the state of a generator, which a graph would repeat.
const std::unordered_set<std::string_view> kDrawsNumbers{
    "aten::bernoulli",  "aten::bernoulli_", "aten::exponential_", "aten::multinomial",
    "aten::normal",     "aten::normal_",    "aten::poisson",      "aten::rand",
    "aten::rand_like",  "aten::randint",    "aten::randint_like", "aten::randn",
    "aten::randn_like", "aten::random_",    "aten::randperm",     "aten::uniform_"};

// Their outputs are as large as the values of their inputs say, which the host waits for.
const std::unordered_set<std::string_view> kSizedByValues{
    "aten::argwhere",      "aten::masked_select",      "aten::nonzero",
    "aten::nonzero_numpy", "aten::unique_consecutive", "aten::unique_dim"};

// They tell the host what a tensor holds, which is not asked again when a graph is launched.
const std::unordered_set<std::string_view> kAsksForValues{
    "aten::Bool", "aten::allclose", "aten::equal", "aten::is_nonzero", "aten::item"};

bool asks_for_values(const torch::jit::Node& node) {
  if (!kAsksForValues.contains(node.kind().toQualString())) return false;
  const auto inputs = node.inputs();
  return std::any_of(inputs.begin(), inputs.end(), [](const torch::jit::Value* input) {
    return input->type()->isSubtypeOf(*c10::TensorType::get()) &&
           input->node()->kind() != c10::prim::NumToTensor;
  });
}

// Dropout draws them only while a model is trained, as this one may say that it is.
bool may_draw(const torch::jit::Block& block) {
  const auto nodes = block.nodes();
  return std::any_of(nodes.begin(), nodes.end(), [](const torch::jit::Node* node) {
    const std::string_view kind = node->kind().toQualString();
    const auto inner = node->blocks();
    return kDrawsNumbers.contains(kind) || kind.find("dropout") != std::string_view::npos ||
           std::any_of(inner.begin(), inner.end(),
                       [](const torch::jit::Block* within) { return may_draw(*within); });
  });
}

// The first operator of the block that no graph can have.
std::optional<std::string> obstacle(const torch::jit::Block& block) {
  for (const torch::jit::Node* node : block.nodes()) {
    const std::string_view kind = node->kind().toQualString();
    if (kDrawsNumbers.contains(kind)) return "it draws random numbers: " + std::string(kind);
    if (kSizedByValues.contains(kind)) {
      return "the shape of what it computes depends on values: " + std::string(kind);
    }
    if (asks_for_values(*node)) return "it asks the device for values: " + std::string(kind);
    for (const torch::jit::Block* inner : node->blocks()) {
      if (auto found = obstacle(*inner)) return found;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string graphs_problem(const torch::jit::Module& module, bool straight_line,
                           std::span<const InputForm> forms) {
  const bool in_rows = std::all_of(forms.begin(), forms.end(),
                                   [](InputForm form) { return form == InputForm::kRows; });
  if (!in_rows) return "an input is no tensor with one entry for each row";
  const std::shared_ptr<torch::jit::Graph> graph = inlined_forward(module);
  if (const std::optional<std::string> found = obstacle(*graph->block())) return *found;
  if (writes_attributes(module)) return "it changes what it remembers";
  if (!straight_line) return "it has loops or branches, or asks for values";
  // A later batch would find what an earlier one has written.
  if (writes_arguments(module)) return "it writes to its inputs";
  return {};
}

bool draws_numbers(const torch::jit::Module& module) {
  return may_draw(*inlined_forward(module)->block());
}

std::string outputs_problem(const ForwardResult& result, std::span<const at::Tensor> inputs,
                            c10::Device device) {
  for (size_t i = 0; i < result.outputs.size(); ++i) {
    const at::Tensor& output = result.outputs[i];
    const std::string name = "output " + std::to_string(i);
    if (output.device() != device) {
      std::ostringstream where;
      where << output.device();
      return name + " is on " + where.str();
    }
    if (result.signature.outputs[i].padded) return name + " has another length for each row";
    const bool is_input = std::any_of(inputs.begin(), inputs.end(), [&](const at::Tensor& input) {
      return output.is_alias_of(input);
    });
    if (is_input) return name + " is part of an input";
  }
  return {};
}

}  // namespace sconce
