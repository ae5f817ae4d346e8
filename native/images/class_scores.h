// What classifiers say, from a model's scores: probabilities, the strongest classes. Pure C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sconce {

// Writes e^score / sum of all e^score to `target`. A NaN or an infinity among the scores makes
// every probability NaN, as in PyTorch. Throws Error("INTERNAL") unless both have the same size.
void softmax(std::span<const float> scores, std::span<float> target);

// Fills `indices` with the positions of the largest values, the largest first and NaN before all.
// It chooses among equals as torch.topk does on the CPU. Throws Error("INTERNAL") for more indices
// than values.
void top_k(std::span<const float> values, std::span<int32_t> indices);

// For each pixel of `scores`, [classes, pixels], writes the strongest class and its probability
// among them to `target`, [pixels, 2]; of equal ones the first. Throws Error("INTERNAL") for sizes
// that do not fit together.
void strongest_classes(std::span<const float> scores, size_t classes, std::span<float> target);

}  // namespace sconce
