// Bounds of the integers that requests hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include "dtype.h"

namespace sconce {

// From the smallest to the largest that an integer may be. The outermost int64 are no bounds.
struct IntegerRange {
  int64_t minimum = std::numeric_limits<int64_t>::min();
  int64_t maximum = std::numeric_limits<int64_t>::max();

  [[nodiscard]] bool contains(int64_t integer) const {
    return integer >= minimum && integer <= maximum;
  }
  // For messages: "an integer from 0 to 9", "an integer of at least 0", "an integer of at most 9".
  [[nodiscard]] std::string describe() const;
};

// An element that is not within its range.
struct Outlier {
  size_t index;
  int64_t value;
};

// The first element out of the range, of bytes that are elements of `dtype` one after the other;
// nullopt where there is none, and for a dtype that is no integer's. The bytes need not be aligned.
std::optional<Outlier> find_outlier(std::span<const uint8_t> bytes, DType dtype,
                                    const IntegerRange& range);

}  // namespace sconce
