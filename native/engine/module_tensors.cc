#include "module_tensors.h"

#include "scalar_type.h"

namespace sconce {

ModuleTensors::ModuleTensors(const torch::jit::Module& module) {
  for (const at::Tensor& tensor : module.parameters()) add(tensor);
  for (const at::Tensor& tensor : module.buffers()) add(tensor);
  for (const auto& attribute : module.attributes()) add(attribute);
  add(*module.get_method("forward").graph()->block());
}

void ModuleTensors::add(const at::Tensor& tensor) {
  if (!tensor.defined()) return;
  if (tensor.is_mkldnn()) {
    // In an order of its own behind a handle, which is not copied either.
    const auto handle = reinterpret_cast<uint64_t>(tensor.unsafeGetTensorImpl());
    if (pointers_.insert(handle).second) bytes_ += tensor.numel() * tensor.element_size();
    return;
  }
  if (!tensor.has_storage()) return;
  const auto pointer = reinterpret_cast<uint64_t>(tensor.storage().data());
  if (pointer == 0) return;
  if (pointers_.insert(pointer).second) bytes_ += tensor.storage().nbytes();
  if (!floating_dtype_ && tensor.is_floating_point()) {
    floating_dtype_ = from_scalar_type(tensor.scalar_type());
  }
}

void ModuleTensors::add(const c10::IValue& value) {
  if (value.isTensor()) {
    add(value.toTensor());
  } else if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) add(tensor);
  }
}

void ModuleTensors::add(const torch::jit::Block& block) {
  for (const torch::jit::Node* node : block.nodes()) {
    const bool is_constant =
        node->kind() == c10::prim::Constant || node->kind() == c10::prim::ConstantMKLDNNTensor;
    if (is_constant && node->hasAttribute(c10::attr::value)) {
      if (node->kindOf(c10::attr::value) == torch::jit::AttributeKind::t) {
        add(node->t(c10::attr::value));
      } else if (node->kindOf(c10::attr::value) == torch::jit::AttributeKind::ival) {
        add(node->ival(c10::attr::value));
      }
    }
    for (const torch::jit::Block* inner : node->blocks()) add(*inner);
  }
}

}  // namespace sconce
