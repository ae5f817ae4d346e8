#include "channels_last.h"

#include <map>
#include <utility>
#include <vector>

namespace sconce {

namespace {

bool is_weight(const at::Tensor& tensor) {
  return tensor.defined() && tensor.dim() == 4 && tensor.is_floating_point() &&
         tensor.layout() == at::kStrided && !tensor.is_quantized();
}

}  // namespace

bool order_channels_last(torch::jit::Module& module) {
  // By tensor, which is kept so that nothing else can come to lie at its address meanwhile.
  std::map<const c10::TensorImpl*, std::pair<at::Tensor, at::Tensor>> ordered;
  for (torch::jit::Module part : module.modules()) {
    std::vector<std::pair<std::string, at::Tensor>> weights;
    for (const torch::jit::NameTensor& parameter : part.named_parameters(/*recurse=*/false)) {
      if (is_weight(parameter.value)) weights.emplace_back(parameter.name, parameter.value);
    }
    for (auto& [name, weight] : weights) {
      auto found = ordered.find(weight.unsafeGetTensorImpl());
      if (found == ordered.end()) {
        at::Tensor copy = weight.contiguous(at::MemoryFormat::ChannelsLast);
        found =
            ordered.emplace(weight.unsafeGetTensorImpl(), std::pair{weight, std::move(copy)}).first;
      }
      part.setattr(name, found->second.second);
    }
  }
  return !ordered.empty();
}

}  // namespace sconce
