#include "straight_line.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "forward_signature.h"

namespace sconce {

namespace {

// Those of prim:: that compute or build values and do nothing else.
const std::unordered_set<std::string_view> kPlainPrimitives{"prim::BroadcastMKLDNNTensors",
                                                            "prim::Constant",
                                                            "prim::ConstantMKLDNNTensor",
                                                            "prim::DictConstruct",
                                                            "prim::GetAttr",
                                                            "prim::ListConstruct",
                                                            "prim::ListUnpack",
                                                            "prim::MKLDNNClamp",
                                                            "prim::MKLDNNHardSigmoid",
                                                            "prim::MKLDNNHardSwish",
                                                            "prim::MKLDNNHardTanh",
                                                            "prim::MKLDNNLayerNorm",
                                                            "prim::MKLDNNRelu6",
                                                            "prim::NumToTensor",
                                                            "prim::TupleConstruct",
                                                            "prim::TupleIndex",
                                                            "prim::TupleSlice",
                                                            "prim::TupleUnpack",
                                                            "prim::Uninitialized",
                                                            "prim::data",
                                                            "prim::device",
                                                            "prim::dtype",
                                                            "prim::is_cuda",
                                                            "prim::layout",
                                                            "prim::max",
                                                            "prim::min",
                                                            "prim::mkldnn_convolution",
                                                            "prim::requires_grad",
                                                            "prim::shape",
                                                            "prim::unchecked_cast"};

// Those of aten:: that make of the values of a tensor a number, and so perhaps a size of any other,
// or do that inside. `aten::Int` and the like also make a number of a number.
const std::unordered_set<std::string_view> kValueDependent{
    "aten::FloatImplicit",  "aten::Float",
    "aten::IntImplicit",    "aten::Int",
    "aten::ScalarImplicit", "aten::_local_scalar_dense",
    "aten::bincount",       "aten::item",
    "aten::one_hot",        "aten::repeat_interleave"};

bool depends_on_values(const torch::jit::Node& node) {
  if (!kValueDependent.contains(node.kind().toQualString())) return false;
  const auto inputs = node.inputs();
  return std::any_of(inputs.begin(), inputs.end(), [](const torch::jit::Value* input) {
    return input->type()->isSubtypeOf(*c10::TensorType::get()) &&
           input->node()->kind() != c10::prim::NumToTensor;
  });
}

bool is_straight(const torch::jit::Block& block);

bool ends_in_failure(const torch::jit::Block& block) {
  const auto nodes = block.nodes();
  return std::any_of(nodes.begin(), nodes.end(), [](const torch::jit::Node* node) {
    return node->kind() == c10::prim::RaiseException;
  });
}

// A check: one way goes on with nothing done, the other fails.
bool is_guard(const torch::jit::Node& node) {
  if (node.kind() != c10::prim::If || !node.outputs().empty()) return false;
  const torch::jit::Block& first = *node.blocks()[0];
  const torch::jit::Block& second = *node.blocks()[1];
  const bool first_fails = ends_in_failure(first);
  const torch::jit::Block& failing = first_fails ? first : second;
  const torch::jit::Block& other = first_fails ? second : first;
  return ends_in_failure(failing) && other.nodes().begin() == other.nodes().end() &&
         is_straight(failing);
}

bool is_straight(const torch::jit::Node& node) {
  if (is_guard(node)) return true;
  if (!node.blocks().empty()) return false;
  if (node.kind() == c10::prim::RaiseException) return true;
  if (node.kind().is_prim()) return kPlainPrimitives.contains(node.kind().toQualString());
  return node.kind().is_aten() && node.kind() != c10::aten::wait &&
         node.kind() != c10::aten::warn && !depends_on_values(node);
}

bool is_straight(const torch::jit::Block& block) {
  const auto nodes = block.nodes();
  return std::all_of(nodes.begin(), nodes.end(),
                     [](const torch::jit::Node* node) { return is_straight(*node); });
}

}  // namespace

bool is_straight_line(const torch::jit::Module& module) {
  return is_straight(*inlined_forward(module)->block()) && !writes_attributes(module);
}

}  // namespace sconce
