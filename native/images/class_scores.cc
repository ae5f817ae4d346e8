#include "class_scores.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "error.h"

namespace sconce {
namespace {

// Pixels at a time, so that all classes of them stay in the cache.
constexpr size_t kBlock = 64;

using Ranked = std::pair<float, int32_t>;

bool is_larger(const Ranked& a, const Ranked& b) {
  return (std::isnan(a.first) && !std::isnan(b.first)) || a.first > b.first;
}

// As torch.max: NaN is larger than all.
bool exceeds(float value, float best) { return !(value <= best) && !std::isnan(best); }

}  // namespace

void softmax(std::span<const float> scores, std::span<float> target) {
  if (scores.size() != target.size()) {
    throw Error("INTERNAL", std::to_string(scores.size()) + " scores for " +
                                std::to_string(target.size()) + " probabilities");
  }
  if (scores.empty()) return;
  const double largest = *std::ranges::max_element(scores);
  double sum = 0;
  for (const float score : scores) sum += std::exp(score - largest);
  for (size_t i = 0; i < scores.size(); ++i) {
    target[i] = static_cast<float>(std::exp(scores[i] - largest) / sum);
  }
}

void top_k(std::span<const float> values, std::span<int32_t> indices) {
  const auto k = static_cast<ptrdiff_t>(indices.size());
  if (indices.size() > values.size()) {
    throw Error("INTERNAL", "the largest " + std::to_string(k) + " of " +
                                std::to_string(values.size()) + " values");
  }
  if (k == 0) return;
  std::vector<Ranked> queue(values.size());
  for (size_t i = 0; i < queue.size(); ++i) queue[i] = {values[i], static_cast<int32_t>(i)};
  // The algorithms of ATen/native/TopKImpl.h, because they decide the order of equals.
  if (indices.size() * 64 <= queue.size()) {
    std::partial_sort(queue.begin(), queue.begin() + k, queue.end(), is_larger);
  } else {
    std::nth_element(queue.begin(), queue.begin() + k - 1, queue.end(), is_larger);
    std::sort(queue.begin(), queue.begin() + k - 1, is_larger);
  }
  std::ranges::transform(queue.begin(), queue.begin() + k, indices.begin(), &Ranked::second);
}

void strongest_classes(std::span<const float> scores, size_t classes, std::span<float> target) {
  const size_t pixels = target.size() / 2;
  if (classes == 0 || target.size() % 2 != 0 || scores.size() % classes != 0 ||
      scores.size() / classes != pixels) {
    throw Error("INTERNAL", std::to_string(scores.size()) + " scores of " +
                                std::to_string(classes) + " classes for a target of " +
                                std::to_string(target.size()));
  }
  std::vector<float> powers(classes * kBlock);
  for (size_t start = 0; start < pixels; start += kBlock) {
    const size_t count = std::min(kBlock, pixels - start);
    for (size_t i = 0; i < count; ++i) {
      const float* pixel = scores.data() + start + i;
      float largest = pixel[0];
      for (size_t c = 1; c < classes; ++c) largest = std::max(largest, pixel[c * pixels]);
      float sum = 0;
      for (size_t c = 0; c < classes; ++c) {
        sum += powers[c * kBlock + i] = std::exp(pixel[c * pixels] - largest);
      }
      size_t strongest = 0;
      float best = powers[i] / sum;
      for (size_t c = 1; c < classes; ++c) {
        const float probability = powers[c * kBlock + i] / sum;
        if (!exceeds(probability, best)) continue;
        best = probability;
        strongest = c;
      }
      target[(start + i) * 2] = static_cast<float>(strongest);
      target[(start + i) * 2 + 1] = best;
    }
  }
}

}  // namespace sconce
