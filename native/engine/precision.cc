#include "precision.h"

#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace sconce {

namespace {

// Converts tensors, the same tensor once.
class Converter {
 public:
  explicit Converter(at::ScalarType type) : type_(type) {}

  // The value with its tensors converted; none when there is nothing to convert.
  std::optional<c10::IValue> convert(const c10::IValue& value) {
    if (value.isTensor() && concerns(value.toTensor())) return convert(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      bool changed = false;
      for (const at::Tensor& tensor : value.toTensorVector()) {
        changed = changed || concerns(tensor);
        list.push_back(concerns(tensor) ? convert(tensor) : tensor);
      }
      if (changed) return list;
    }
    return std::nullopt;
  }

  // The tensors among a graph's constants.
  void convert(torch::jit::Block& block) {
    for (torch::jit::Node* node : block.nodes()) {
      if (node->kind() == c10::prim::Constant && node->hasAttribute(c10::attr::value)) {
        convert_constant(*node);
      }
      for (torch::jit::Block* inner : node->blocks()) convert(*inner);
    }
  }

 private:
  // Two tensors of the same key hold the same elements: tied weights are stored as such.
  using Key =
      std::tuple<const void*, int64_t, at::ScalarType, std::vector<int64_t>, std::vector<int64_t>>;

  [[nodiscard]] bool concerns(const at::Tensor& tensor) const {
    return tensor.defined() && tensor.is_floating_point() && tensor.scalar_type() != type_ &&
           tensor.layout() == at::kStrided && !tensor.is_quantized();
  }

  at::Tensor convert(const at::Tensor& tensor) {
    const Key key{tensor.storage().unsafeGetStorageImpl(), tensor.storage_offset(),
                  tensor.scalar_type(), tensor.sizes().vec(), tensor.strides().vec()};
    auto found = converted_.find(key);
    if (found == converted_.end()) {
      found = converted_.emplace(key, std::pair{tensor, tensor.to(type_)}).first;
    }
    return found->second.second;
  }

  void convert_constant(torch::jit::Node& node) {
    const torch::jit::AttributeKind kind = node.kindOf(c10::attr::value);
    if (kind == torch::jit::AttributeKind::t && concerns(node.t(c10::attr::value))) {
      at::Tensor tensor = convert(node.t(c10::attr::value));
      node.output()->inferTypeFrom(tensor);
      node.t_(c10::attr::value, std::move(tensor));
    } else if (kind == torch::jit::AttributeKind::ival) {
      std::optional<c10::IValue> value = convert(node.ival(c10::attr::value));
      if (value) node.ival_(c10::attr::value, *std::move(value));
    }
  }

  at::ScalarType type_;
  // With the original, so that nothing else can come to lie at its address meanwhile.
  std::map<Key, std::pair<at::Tensor, at::Tensor>> converted_;
};

}  // namespace

std::optional<at::ScalarType> converted_type(Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
    case Precision::kTF32:
      return std::nullopt;
    case Precision::kBFloat16:
      return at::kBFloat16;
    case Precision::kFloat16:
      return at::kHalf;
  }
  return std::nullopt;
}

const char* precision_name(at::ScalarType type) {
  return type == at::kBFloat16 ? "bfloat16" : "float16";
}

void convert_module(torch::jit::Module& module, at::ScalarType type) {
  Converter converter(type);
  for (torch::jit::Module part : module.modules()) {
    std::vector<std::pair<std::string, c10::IValue>> changed;
    for (const torch::jit::NameValue& attribute : part.named_attributes(/*recurse=*/false)) {
      std::optional<c10::IValue> value = converter.convert(attribute.value);
      if (value) changed.emplace_back(attribute.name, *std::move(value));
    }
    for (auto& [name, value] : changed) part.setattr(name, std::move(value));
  }
  for (torch::jit::Function* function : module._ivalue()->compilation_unit()->get_functions()) {
    torch::jit::GraphFunction* graph_function = torch::jit::tryToGraphFunction(*function);
    if (graph_function == nullptr) continue;
    graph_function->ensure_defined();
    converter.convert(*graph_function->graph()->block());
  }
}

}  // namespace sconce
