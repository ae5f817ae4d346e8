// Non-maximum suppression of boxes.
#pragma once

#include <ATen/core/Tensor.h>

namespace sconce {

// The boxes that overlap no better one by more than `iou_threshold`, the likeliest first: int64
// indices [kept]. Of equal scores the first box counts as the better; NaN counts as the best.
// `boxes` is [n, 4], x1, y1, x2, y2, and `scores` is [n], both in the same floating dtype. Tensors
// may be on any device and are computed on the CPU. Throws c10::Error.
at::Tensor nms(const at::Tensor& boxes, const at::Tensor& scores, double iou_threshold);

}  // namespace sconce
