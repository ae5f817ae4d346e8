#include "vision_operators.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#include <string>

#include "nms.h"
#include "roi_align.h"

namespace sconce {

namespace {

constexpr const char* kNamespace = "torchvision";

at::Tensor run_roi_align(const at::Tensor& input, const at::Tensor& rois, double spatial_scale,
                         int64_t pooled_height, int64_t pooled_width, int64_t sampling_ratio,
                         bool aligned) {
  return roi_align(input, rois,
                   {.spatial_scale = spatial_scale,
                    .pooled_height = pooled_height,
                    .pooled_width = pooled_width,
                    .sampling_ratio = sampling_ratio,
                    .aligned = aligned});
}

at::Tensor refuse_box_iou_rotated(const at::Tensor&, const at::Tensor&) {
  TORCH_CHECK(
      false,
      "torchvision::box_iou_rotated is not built in: set operatorLibraries to torchvision's "
      "shared library");
}

// Defines an operator, unless a library has.
template <typename Kernel>
void define(torch::Library& library, const char* name, const char* schema, Kernel* kernel,
            bool differentiable) {
  const std::string full_name = std::string(kNamespace) + "::" + name;
  if (c10::Dispatcher::singleton().findSchema({full_name, ""})) return;
  library.def((std::string(name) + schema).c_str());
  // Tensors of a GPU are copied to the CPU, and the result back, each time.
  for (const c10::DispatchKey key : {c10::DispatchKey::CPU, c10::DispatchKey::CUDA}) {
    library.impl(name, torch::dispatch(key, kernel));
  }
  if (!differentiable) return;
  // An explanation must fail here rather than take the gradient for zero.
  library.impl(name, torch::dispatch(c10::DispatchKey::Autograd,
                                     torch::autograd::autogradNotImplementedFallback()));
}

torch::Library make_library() {
  torch::Library library(torch::Library::FRAGMENT, kNamespace, std::nullopt, __FILE__, __LINE__);
  define(library, "nms", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor", &nms,
         false);
  define(library, "roi_align",
         "(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt "
         "pooled_width, int sampling_ratio, bool aligned) -> Tensor",
         &run_roi_align, true);
  define(library, "box_iou_rotated", "(Tensor boxes1, Tensor boxes2) -> Tensor",
         &refuse_box_iou_rotated, false);
  return library;
}

}  // namespace

void register_vision_operators() {
  // Its destructor takes the operators back.
  static const torch::Library library = make_library();
  (void)library;
}

}  // namespace sconce
