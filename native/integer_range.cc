#include "integer_range.h"

#include <cstring>

namespace sconce {

namespace {

template <typename Integer>
std::optional<Outlier> find_among(std::span<const uint8_t> bytes, const IntegerRange& range) {
  const size_t count = bytes.size() / sizeof(Integer);
  for (size_t i = 0; i < count; ++i) {
    Integer element;
    std::memcpy(&element, bytes.data() + i * sizeof element, sizeof element);
    if (!range.contains(element)) return Outlier{.index = i, .value = element};
  }
  return std::nullopt;
}

}  // namespace

std::string IntegerRange::describe() const {
  const IntegerRange unbounded;
  const bool has_minimum = minimum != unbounded.minimum;
  const bool has_maximum = maximum != unbounded.maximum;
  if (has_minimum && has_maximum) {
    return "an integer from " + std::to_string(minimum) + " to " + std::to_string(maximum);
  }
  if (has_minimum) return "an integer of at least " + std::to_string(minimum);
  if (has_maximum) return "an integer of at most " + std::to_string(maximum);
  return "an integer";
}

std::optional<Outlier> find_outlier(std::span<const uint8_t> bytes, DType dtype,
                                    const IntegerRange& range) {
  switch (dtype) {
    case DType::kInt8:
      return find_among<int8_t>(bytes, range);
    case DType::kInt16:
      return find_among<int16_t>(bytes, range);
    case DType::kInt32:
      return find_among<int32_t>(bytes, range);
    case DType::kInt64:
      return find_among<int64_t>(bytes, range);
    case DType::kUInt8:
      return find_among<uint8_t>(bytes, range);
    default:
      return std::nullopt;
  }
}

}  // namespace sconce
