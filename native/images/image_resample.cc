#include "image_resample.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "error.h"

namespace sconce {
namespace {

constexpr int64_t kMaxScaledSide = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxChannels = 4;
constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr int32_t kHalf = int32_t{1} << (kPrecisionBits - 1);

// The pixels of the source that a pixel of the result blends, along one axis.
struct Taps {
  int32_t first = 0;
  int32_t count = 0;
};

// Of a run of adjacent results.
class Filter {
 public:
  // `begin` and `count` choose among the `scaled` results.
  Filter(int64_t size, int64_t scaled, int64_t begin, int64_t count);

  [[nodiscard]] Taps taps(size_t i) const { return taps_[i]; }
  [[nodiscard]] const int32_t* weights(size_t i) const { return weights_.data() + i * stride_; }
  [[nodiscard]] size_t results() const { return taps_.size(); }
  // Most taps of one result.
  [[nodiscard]] size_t stride() const { return stride_; }

 private:
  std::vector<Taps> taps_;
  size_t stride_ = 0;
  std::vector<int32_t> weights_;
};

// precompute_coeffs() and normalize_coeffs_8bpc() of Resample.c, in its types and order of
// operations, for the triangle filter, whose support is 1.
Filter::Filter(int64_t size, int64_t scaled, int64_t begin, int64_t count)
    : taps_(static_cast<size_t>(count)) {
  const double scale = static_cast<double>(static_cast<float>(size)) / static_cast<double>(scaled);
  const double support = std::max(scale, 1.0);
  const double inverse = 1.0 / support;
  stride_ = static_cast<size_t>(std::ceil(support)) * 2 + 1;
  weights_.resize(taps_.size() * stride_);
  std::vector<double> exact(stride_);
  for (size_t i = 0; i < taps_.size(); ++i) {
    const double center = (static_cast<double>(begin + static_cast<int64_t>(i)) + 0.5) * scale;
    const auto first = std::max(static_cast<int64_t>(center - support + 0.5), int64_t{0});
    const auto end = std::min(static_cast<int64_t>(center + support + 0.5), size);
    const auto width =
        std::clamp(end - first, int64_t{0}, static_cast<int64_t>(stride_));  // rounding of doubles
    taps_[i] = {static_cast<int32_t>(first), static_cast<int32_t>(width)};
    double sum = 0.0;
    for (size_t tap = 0; tap < static_cast<size_t>(width); ++tap) {
      const double distance = std::fabs(
          (static_cast<double>(tap) + static_cast<double>(first) - center + 0.5) * inverse);
      exact[tap] = distance < 1.0 ? 1.0 - distance : 0.0;
      sum += exact[tap];
    }
    int32_t* weights = weights_.data() + i * stride_;
    for (size_t tap = 0; tap < static_cast<size_t>(width); ++tap) {
      const double weight = sum != 0.0 ? exact[tap] / sum : exact[tap];
      weights[tap] = static_cast<int32_t>(0.5 + weight * (int32_t{1} << kPrecisionBits));
    }
  }
}

uint8_t to_byte(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

template <size_t channels>
void resample_row(const uint8_t* row, const Filter& filter, uint8_t* out) {
  for (size_t i = 0; i < filter.results(); ++i) {
    const Taps taps = filter.taps(i);
    const int32_t* weights = filter.weights(i);
    const uint8_t* pixel = row + static_cast<size_t>(taps.first) * channels;
    int32_t sums[channels];
    std::fill_n(sums, channels, kHalf);
    for (int32_t tap = 0; tap < taps.count; ++tap, pixel += channels) {
      for (size_t c = 0; c < channels; ++c) sums[c] += pixel[c] * weights[tap];
    }
    for (size_t c = 0; c < channels; ++c) *out++ = to_byte(sums[c]);
  }
}

using ResampleRow = void (*)(const uint8_t*, const Filter&, uint8_t*);
constexpr ResampleRow kResampleRow[kMaxChannels] = {resample_row<1>, resample_row<2>,
                                                    resample_row<3>, resample_row<4>};

// Rows of the source after the pass along the rows. It keeps as many as one result blends, because
// an image that is very high would fill the memory with all of them.
class Rows {
 public:
  Rows(const ImageView& source, const Filter& filter, size_t kept)
      : source_(source),
        filter_(filter),
        resample_(kResampleRow[source.channels - 1]),
        bytes_(filter.results() * static_cast<size_t>(source.channels)),
        memory_(bytes_ * kept),
        kept_(kept) {}

  // Makes rows [taps.first, taps.first + taps.count); they may only move down from call to call.
  void advance(Taps taps) {
    const int64_t end = int64_t{taps.first} + taps.count;
    for (next_ = std::max(next_, int64_t{taps.first}); next_ < end; ++next_) {
      const auto start = static_cast<size_t>(next_ * source_.width * source_.channels);
      resample_(source_.pixels.data() + start, filter_, slot(next_));
    }
  }

  [[nodiscard]] const uint8_t* row(int64_t index) { return slot(index); }
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  uint8_t* slot(int64_t index) {
    return memory_.data() + (static_cast<size_t>(index) % kept_) * bytes_;
  }

  const ImageView& source_;
  const Filter& filter_;
  ResampleRow resample_;
  size_t bytes_;
  std::vector<uint8_t> memory_;
  size_t kept_;
  int64_t next_ = 0;
};

// What a window shows along one axis: the results [begin, begin + count), from place `offset` on.
struct Visible {
  int64_t offset = 0;
  int64_t begin = 0;
  int64_t count = 0;
};

Visible visible(int64_t start, int64_t length, int64_t scaled) {
  const int64_t begin = std::clamp(start, int64_t{0}, scaled);
  const int64_t end = std::clamp(start + length, int64_t{0}, scaled);
  return {begin - start, begin, end - begin};
}

void check_range(const char* name, int64_t number, int64_t minimum, int64_t maximum) {
  if (number >= minimum && number <= maximum) return;
  throw Error("INTERNAL", std::string(name) + " is " + std::to_string(number) + ", which is not " +
                              std::to_string(minimum) + " to " + std::to_string(maximum));
}

void check_bytes(const char* name, size_t bytes, int64_t width, int64_t height, int64_t channels) {
  // Sides of 2^24 and 4 channels take 50 bits.
  const auto expected = static_cast<size_t>(width * height * channels);
  if (bytes == expected) return;
  throw Error("INTERNAL", std::string(name) + " has " + std::to_string(bytes) + " bytes, not " +
                              std::to_string(expected));
}

}  // namespace

void check_image(const ImageView& image) {
  check_range("the image's width", image.width, 1, kMaxImageSide);
  check_range("the image's height", image.height, 1, kMaxImageSide);
  check_range("the number of channels", image.channels, 1, kMaxChannels);
  check_bytes("the image", image.pixels.size(), image.width, image.height, image.channels);
}

void resize_image(const ImageView& source, ImageSize scaled, const ImageWindow& window,
                  std::span<uint8_t> target) {
  check_image(source);
  check_range("the scaled width", scaled.width, 1, kMaxScaledSide);
  check_range("the scaled height", scaled.height, 1, kMaxScaledSide);
  check_range("the window's width", window.width, 1, kMaxImageSide);
  check_range("the window's height", window.height, 1, kMaxImageSide);
  check_range("the window's left edge", window.left, -kMaxImageSide, kMaxScaledSide);
  check_range("the window's top edge", window.top, -kMaxImageSide, kMaxScaledSide);
  check_bytes("the target", target.size(), window.width, window.height, source.channels);

  const Visible columns = visible(window.left, window.width, scaled.width);
  const Visible lines = visible(window.top, window.height, scaled.height);
  if (columns.count < window.width || lines.count < window.height) std::ranges::fill(target, 0);
  if (columns.count == 0 || lines.count == 0) return;

  const Filter along_rows(source.width, scaled.width, columns.begin, columns.count);
  const Filter along_columns(source.height, scaled.height, lines.begin, lines.count);
  Rows rows(source, along_rows, along_columns.stride());
  std::vector<int32_t> sums(rows.bytes());
  for (size_t line = 0; line < along_columns.results(); ++line) {
    const Taps taps = along_columns.taps(line);
    const int32_t* weights = along_columns.weights(line);
    rows.advance(taps);
    std::ranges::fill(sums, kHalf);
    for (int32_t tap = 0; tap < taps.count; ++tap) {
      const uint8_t* row = rows.row(int64_t{taps.first} + tap);
      const int32_t weight = weights[tap];
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += row[i] * weight;
    }
    const int64_t place =
        (lines.offset + static_cast<int64_t>(line)) * window.width + columns.offset;
    std::ranges::transform(sums, target.data() + place * source.channels, to_byte);
  }
}

}  // namespace sconce
