// How one element of each dtype is read from JSON.
#pragma once

#include <simdjson.h>

#include <cmath>
#include <cstdint>
#include <string_view>

#include "dtype.h"
#include "error.h"
#include "half.h"
#include "json_failure.h"

namespace sconce::json {

// `read` of each refuses, with false, what is no element of the dtype or what it cannot hold.
template <typename T>
struct FloatElement {
  using Type = T;
  static bool read(simdjson::ondemand::value& json, T& element) {
    double number = 0;
    if (json.get_double().get(number) != simdjson::SUCCESS) return false;
    element = static_cast<T>(number);
    return std::isfinite(element);
  }
};

// As torch converts: through float, so that every path to a half gives the same bits.
template <uint16_t (*convert)(float), uint16_t infinity>
struct HalfElement {
  using Type = uint16_t;
  static bool read(simdjson::ondemand::value& json, uint16_t& element) {
    float number = 0;
    if (!FloatElement<float>::read(json, number)) return false;
    element = convert(number);
    return (element & 0x7fffU) != infinity;
  }
};

template <typename T>
struct IntegerElement {
  using Type = T;
  static constexpr bool kInteger = true;
  static bool read(simdjson::ondemand::value& json, T& element) {
    int64_t number = 0;
    if (json.get_int64().get(number) != simdjson::SUCCESS) return false;
    element = static_cast<T>(number);
    return element == number;
  }
};

struct BoolElement {
  using Type = bool;
  static bool read(simdjson::ondemand::value& json, bool& element) {
    return json.get_bool().get(element) == simdjson::SUCCESS;
  }
};

// Halves are integers in memory, and no integers.
template <typename Element>
inline constexpr bool kIsInteger = requires {
  Element::kInteger;
};

// Calls `visit` with the element reader of `dtype`.
template <typename Visit>
bool with_element(DType dtype, Visit&& visit) {
  switch (dtype) {
    case DType::kFloat32:
      return visit(FloatElement<float>{});
    case DType::kFloat64:
      return visit(FloatElement<double>{});
    case DType::kFloat16:
      return visit(HalfElement<float_to_half, 0x7c00>{});
    case DType::kBFloat16:
      return visit(HalfElement<float_to_bfloat16, 0x7f80>{});
    case DType::kInt8:
      return visit(IntegerElement<int8_t>{});
    case DType::kInt16:
      return visit(IntegerElement<int16_t>{});
    case DType::kInt32:
      return visit(IntegerElement<int32_t>{});
    case DType::kInt64:
      return visit(IntegerElement<int64_t>{});
    case DType::kUInt8:
      return visit(IntegerElement<uint8_t>{});
    case DType::kBool:
      return visit(BoolElement{});
  }
  throw Error("INTERNAL", "a dtype code that no dtype has");
}

// What an element of `dtype` is to a client: "a number", ...
std::string_view expected_element(DType dtype);

// Notes why `read` refused `value`; returns false.
bool refuse_element(DType dtype, simdjson::ondemand::value value, Failure& failure);

}  // namespace sconce::json
