// After the algorithm of torchvision's operator nms (BSD-3-Clause; see third_party.md).
#include "nms.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/sort.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "kernel_operand.h"

namespace sconce {

namespace {

void check(const at::Tensor& boxes, const at::Tensor& scores) {
  TORCH_CHECK(boxes.dim() == 2 && boxes.size(1) == 4, "nms: boxes must have the shape [n, 4], not ",
              boxes.sizes());
  TORCH_CHECK(scores.dim() == 1 && scores.size(0) == boxes.size(0),
              "nms: scores must have the shape [", boxes.size(0), "], one for each box, not ",
              scores.sizes());
  TORCH_CHECK(boxes.scalar_type() == scores.scalar_type(), "nms: boxes are ", boxes.scalar_type(),
              " and scores are ", scores.scalar_type(), "; the same dtype is expected");
}

// The operands of std::max and std::min stand in torchvision's order: it decides what NaN becomes.
template <typename T>
std::vector<int64_t> suppress(const at::Tensor& sorted, const int64_t* order, double threshold) {
  const int64_t count = sorted.size(0);
  // One column after the other, so that the inner loop reads memory in sequence.
  const at::Tensor columns = sorted.t().contiguous();
  const T* x1 = columns.const_data_ptr<T>();
  const T* y1 = x1 + count;
  const T* x2 = y1 + count;
  const T* y2 = x2 + count;
  std::vector<T> areas(count);
  for (int64_t i = 0; i < count; ++i) areas[i] = (x2[i] - x1[i]) * (y2[i] - y1[i]);
  std::vector<uint8_t> suppressed(count);
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < count; ++i) {
    if (suppressed[i] != 0) continue;
    kept.push_back(order[i]);
    for (int64_t j = i + 1; j < count; ++j) {
      const T width = std::max(T(0), std::min(x2[i], x2[j]) - std::max(x1[i], x1[j]));
      const T height = std::max(T(0), std::min(y2[i], y2[j]) - std::max(y1[i], y1[j]));
      const T intersection = width * height;
      const T overlap = intersection / (areas[i] + areas[j] - intersection);
      suppressed[j] |= static_cast<uint8_t>(overlap > threshold);
    }
  }
  return kept;
}

}  // namespace

at::Tensor nms(const at::Tensor& boxes, const at::Tensor& scores, double iou_threshold) {
  check(boxes, scores);
  const at::Tensor order =
      std::get<1>(at::sort(kernel_operand(scores), /*stable=*/true, /*dim=*/0, /*descending=*/true))
          .contiguous();
  const at::Tensor sorted = at::index_select(kernel_operand(boxes), 0, order);
  std::vector<int64_t> kept;
  AT_DISPATCH_FLOATING_TYPES(sorted.scalar_type(), "nms", [&] {
    kept = suppress<scalar_t>(sorted, order.const_data_ptr<int64_t>(), iou_threshold);
  });
  return at::from_blob(kept.data(), {static_cast<int64_t>(kept.size())}, at::kLong)
      .to(boxes.device(), at::kLong, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace sconce
