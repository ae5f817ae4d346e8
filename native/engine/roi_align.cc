// After the algorithm of torchvision's operator roi_align (BSD-3-Clause; see third_party.md).
#include "roi_align.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernel_operand.h"

namespace sconce {

namespace {

constexpr double kMostSamples = 1 << 20;

// Where a sample lies between two elements along one side.
template <typename T>
struct Sample {
  bool inside;
  int64_t low;
  int64_t high;
  T low_weight;
  T high_weight;
};

template <typename T>
Sample<T> sample_at(T position, int64_t length) {
  // False also for NaN.
  if (!(position >= T(-1) && position <= static_cast<T>(length))) return {};
  position = std::max(position, T(0));
  const auto low = static_cast<int64_t>(position);
  if (low >= length - 1) return {true, length - 1, length - 1, T(1), T(0)};
  const T high_weight = position - static_cast<T>(low);
  return {true, low, low + 1, T(1) - high_weight, high_weight};
}

// The samples of all bins along one side of a region; `per_bin` of them belong to each bin.
template <typename T>
struct Side {
  int64_t per_bin = 0;
  std::vector<Sample<T>> samples;

  Side(T start, T end, int64_t length, int64_t bins, const RoiAlignOptions& options) {
    const T offset = options.aligned ? T(0.5) : T(0);
    const T scale = static_cast<T>(options.spatial_scale);
    const T first = start * scale - offset;
    T extent = (end * scale - offset) - first;
    if (!options.aligned) extent = std::max(extent, T(1));
    if (!std::isfinite(first) || !std::isfinite(extent)) return;
    const T bin = extent / static_cast<T>(bins);
    const double wanted = options.sampling_ratio > 0 ? static_cast<double>(options.sampling_ratio)
                                                     : std::ceil(static_cast<double>(bin));
    TORCH_CHECK(wanted * static_cast<double>(bins) <= kMostSamples, "roi_align: a region from ",
                start, " to ", end, " needs more than 2^20 samples");
    per_bin = static_cast<int64_t>(std::max(wanted, 0.0));
    samples.reserve(per_bin * bins);
    for (int64_t i = 0; i < bins; ++i) {
      for (int64_t j = 0; j < per_bin; ++j) {
        const T position = first + static_cast<T>(i) * bin +
                           (static_cast<T>(j) + T(0.5)) * bin / static_cast<T>(per_bin);
        samples.push_back(sample_at(position, length));
      }
    }
  }

  // The samples of a bin.
  [[nodiscard]] const Sample<T>* begin(int64_t bin) const { return &samples[bin * per_bin]; }
  [[nodiscard]] const Sample<T>* end(int64_t bin) const { return begin(bin) + per_bin; }
};

// The sum of the samples of one bin in one channel.
template <typename T>
T sum_bin(const T* channel, int64_t width, const Side<T>& rows, int64_t row_bin,
          const Side<T>& columns, int64_t column_bin) {
  T sum = 0;
  for (const Sample<T>* y = rows.begin(row_bin); y != rows.end(row_bin); ++y) {
    if (!y->inside) continue;
    const T* low = channel + y->low * width;
    const T* high = channel + y->high * width;
    for (const Sample<T>* x = columns.begin(column_bin); x != columns.end(column_bin); ++x) {
      if (!x->inside) continue;
      sum += y->low_weight * x->low_weight * low[x->low] +
             y->low_weight * x->high_weight * low[x->high] +
             y->high_weight * x->low_weight * high[x->low] +
             y->high_weight * x->high_weight * high[x->high];
    }
  }
  return sum;
}

// Pools one region of one image, [channels, height, width], to [channels, bins, bins].
template <typename T>
void pool(const T* image, at::IntArrayRef sizes, const T* region, const RoiAlignOptions& options,
          T* output) {
  const int64_t height = sizes[2];
  const int64_t width = sizes[3];
  const Side<T> columns(region[1], region[3], width, options.pooled_width, options);
  const Side<T> rows(region[2], region[4], height, options.pooled_height, options);
  const int64_t samples = rows.per_bin * columns.per_bin;
  if (samples == 0) return;
  for (int64_t channel = 0; channel < sizes[1]; ++channel) {
    for (int64_t i = 0; i < options.pooled_height; ++i) {
      for (int64_t j = 0; j < options.pooled_width; ++j) {
        *output++ = sum_bin(image + channel * height * width, width, rows, i, columns, j) /
                    static_cast<T>(samples);
      }
    }
  }
}

void check(const at::Tensor& features, const at::Tensor& regions, const RoiAlignOptions& options) {
  TORCH_CHECK(features.dim() == 4,
              "roi_align: the input must have the shape [n, channels, height, width], not ",
              features.sizes());
  TORCH_CHECK(regions.dim() == 2 && regions.size(1) == 5,
              "roi_align: rois must have the shape [k, 5], not ", regions.sizes());
  TORCH_CHECK(features.scalar_type() == regions.scalar_type(), "roi_align: the input is ",
              features.scalar_type(), " and rois are ", regions.scalar_type(),
              "; the same dtype is expected");
  TORCH_CHECK(options.pooled_height >= 0 && options.pooled_width >= 0,
              "roi_align: there cannot be ", options.pooled_height, " x ", options.pooled_width,
              " bins");
}

template <typename T>
void pool_all(const at::Tensor& features, const at::Tensor& regions, const RoiAlignOptions& options,
              at::Tensor& output) {
  const int64_t image_elements = features.size(1) * features.size(2) * features.size(3);
  const int64_t region_elements = output.numel() / output.size(0);
  const T* region = regions.const_data_ptr<T>();
  T* target = output.mutable_data_ptr<T>();
  for (int64_t i = 0; i < regions.size(0); ++i, region += 5, target += region_elements) {
    const auto index = static_cast<double>(region[0]);
    TORCH_CHECK(index > -1 && index < static_cast<double>(features.size(0)), "roi_align: rois[", i,
                "] is of the image ", index, " of ", features.size(0));
    const T* image = features.const_data_ptr<T>() + static_cast<int64_t>(index) * image_elements;
    pool(image, features.sizes(), region, options, target);
  }
}

}  // namespace

at::Tensor roi_align(const at::Tensor& features, const at::Tensor& regions,
                     const RoiAlignOptions& options) {
  check(features, regions, options);
  const at::Tensor input = kernel_operand(features);
  at::Tensor output =
      at::zeros({regions.size(0), input.size(1), options.pooled_height, options.pooled_width},
                input.options());
  if (output.numel() > 0) {
    TORCH_CHECK(input.numel() > 0, "roi_align: the input is empty: ", input.sizes());
    AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "roi_align", [&] {
      pool_all<scalar_t>(input, kernel_operand(regions), options, output);
    });
  }
  return output.to(features.device(), features.scalar_type());
}

}  // namespace sconce
