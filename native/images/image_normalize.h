// Pixels as a model takes them: torchvision's ToTensor and Normalize. Pure C++.
#pragma once

#include <span>

#include "image_resample.h"

namespace sconce {

// Writes (pixel / 255 - mean) / std to `target`, float32 [channels, height, width], with one mean
// and std for each channel. Bit-equal to PyTorch, which does the same three operations in float32.
// Throws Error("INTERNAL") for sizes that do not fit together.
void normalize_image(const ImageView& source, std::span<const float> mean,
                     std::span<const float> std, std::span<float> target);

}  // namespace sconce
