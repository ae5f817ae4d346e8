// Pooling of regions of interest.
#pragma once

#include <ATen/core/Tensor.h>

namespace sconce {

// How regions are sampled: He et al., Mask R-CNN (2017), section 3.
struct RoiAlignOptions {
  double spatial_scale;  // from the regions' coordinates to those of the features
  int64_t pooled_height;
  int64_t pooled_width;
  int64_t sampling_ratio;  // samples along each side of a bin; 0 and less: one for each element
  bool aligned;            // whether elements have their centre at half coordinates
};

// The mean of bilinear samples in each bin of each region: [regions, channels, pooled_height,
// pooled_width], in the dtype and on the device of `features`, which is [n, channels, height,
// width]. `regions` is [regions, 5] in the same floating dtype: the index in n, x1, y1, x2, y2.
// What lies outside of the features adds zeros, and so does a region that is not finite. Computed
// on the CPU. Throws c10::Error; also for an index that is not in n, and for a region of more than
// 2^20 samples along a side.
at::Tensor roi_align(const at::Tensor& features, const at::Tensor& regions,
                     const RoiAlignOptions& options);

}  // namespace sconce
