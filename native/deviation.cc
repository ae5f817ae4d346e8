#include "deviation.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "error.h"
#include "half.h"
#include "slab.h"

namespace sconce {

namespace {

struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

double to_double(Half value) { return half_to_float(value.bits); }
double to_double(BFloat16 value) { return bfloat16_to_float(value.bits); }
template <typename Number>
double to_double(Number value) {
  return static_cast<double>(value);
}

// Infinite or NaN in the same way.
bool are_same(double expected, double given) {
  return expected == given || (std::isnan(expected) && std::isnan(given));
}

template <typename Element>
double deviation_of(const uint8_t* expected, const uint8_t* given, size_t elements) {
  double largest_difference = 0;
  double largest_value = 0;
  for (size_t i = 0; i < elements; ++i) {
    Element left;
    Element right;
    std::memcpy(&left, expected + i * sizeof(Element), sizeof(Element));
    std::memcpy(&right, given + i * sizeof(Element), sizeof(Element));
    const double a = to_double(left);
    const double b = to_double(right);
    if (!std::isfinite(a) || !std::isfinite(b)) {
      if (are_same(a, b)) continue;
      return std::numeric_limits<double>::quiet_NaN();
    }
    largest_difference = std::max(largest_difference, std::abs(a - b));
    largest_value = std::max(largest_value, std::abs(a));
  }
  return largest_difference == 0 ? 0 : largest_difference / largest_value;
}

double deviation_of(DType dtype, const uint8_t* expected, const uint8_t* given, size_t elements) {
  switch (dtype) {
    case DType::kFloat32:
      return deviation_of<float>(expected, given, elements);
    case DType::kFloat64:
      return deviation_of<double>(expected, given, elements);
    case DType::kFloat16:
      return deviation_of<Half>(expected, given, elements);
    case DType::kBFloat16:
      return deviation_of<BFloat16>(expected, given, elements);
    case DType::kInt8:
      return deviation_of<int8_t>(expected, given, elements);
    case DType::kInt16:
      return deviation_of<int16_t>(expected, given, elements);
    case DType::kInt32:
      return deviation_of<int32_t>(expected, given, elements);
    case DType::kInt64:
      return deviation_of<int64_t>(expected, given, elements);
    case DType::kUInt8:
    case DType::kBool:
      return deviation_of<uint8_t>(expected, given, elements);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

double largest_deviation(const Signature& signature, int rows, std::span<const uint8_t> expected,
                         std::span<const uint8_t> given) {
  const std::vector<size_t> offsets = output_offsets(signature, rows);
  if (expected.size() < offsets.back() || given.size() < offsets.back()) {
    throw Error("INTERNAL", "a block is smaller than its outputs");
  }
  double largest = 0;
  for (size_t i = 0; i < signature.outputs.size(); ++i) {
    const TensorMeta& output = signature.outputs[i];
    const size_t elements =
        row_bytes(output.dtype, output.dims) * static_cast<size_t>(rows) / dtype_size(output.dtype);
    const double deviation = deviation_of(output.dtype, expected.data() + offsets[i],
                                          given.data() + offsets[i], elements);
    if (std::isnan(deviation)) return deviation;
    largest = std::max(largest, deviation);
  }
  return largest;
}

}  // namespace sconce
