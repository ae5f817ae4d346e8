// How far the outputs of one way of computing a model are from those of another.
#pragma once

#include <cstdint>
#include <span>

#include "engine/engine.h"

namespace sconce {

// The largest deviation of `rows` rows, which lie in both blocks as output_offsets() says. That of
// an output is the largest |difference| of its elements divided by the largest |value| of it in
// `expected`: infinite where only the former is not zero, NaN where only one of two elements is
// finite or two infinities have different signs.
double largest_deviation(const Signature& signature, int rows, std::span<const uint8_t> expected,
                         std::span<const uint8_t> given);

}  // namespace sconce
