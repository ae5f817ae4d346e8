#include "image_normalize.h"

#include <array>
#include <cstddef>
#include <string>

#include "error.h"

namespace sconce {

void normalize_image(const ImageView& source, std::span<const float> mean,
                     std::span<const float> std, std::span<float> target) {
  check_image(source);
  const auto channels = static_cast<size_t>(source.channels);
  if (mean.size() != channels || std.size() != channels) {
    throw Error("INTERNAL", "mean and std have " + std::to_string(mean.size()) + " and " +
                                std::to_string(std.size()) + " values for " +
                                std::to_string(channels) + " channels");
  }
  if (target.size() != source.pixels.size()) {
    throw Error("INTERNAL", "the target has " + std::to_string(target.size()) +
                                " elements, the image " + std::to_string(source.pixels.size()));
  }
  const size_t plane = source.pixels.size() / channels;
  for (size_t channel = 0; channel < channels; ++channel) {
    std::array<float, 256> values;
    for (size_t level = 0; level < values.size(); ++level) {
      values[level] = (static_cast<float>(level) / 255.0F - mean[channel]) / std[channel];
    }
    const uint8_t* from = source.pixels.data() + channel;
    float* to = target.data() + channel * plane;
    for (size_t i = 0; i < plane; ++i) to[i] = values[from[i * channels]];
  }
}

}  // namespace sconce
