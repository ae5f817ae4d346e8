// The element types that cross the boundary. The order is the code that TypeScript uses
// (src/native/dtype.ts); a test compares both tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sconce {

enum class DType : uint8_t {
  kFloat32 = 0,
  kFloat64,
  kFloat16,
  kBFloat16,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kBool,
};

struct DTypeInfo {
  std::string_view name;
  size_t size;  // bytes per element
};

inline constexpr std::array<DTypeInfo, 10> kDTypes{{{"float32", 4},
                                                    {"float64", 8},
                                                    {"float16", 2},
                                                    {"bfloat16", 2},
                                                    {"int8", 1},
                                                    {"int16", 2},
                                                    {"int32", 4},
                                                    {"int64", 8},
                                                    {"uint8", 1},
                                                    {"bool", 1}}};

constexpr const DTypeInfo& dtype_info(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }
constexpr size_t dtype_size(DType dtype) { return dtype_info(dtype).size; }
constexpr std::string_view dtype_name(DType dtype) { return dtype_info(dtype).name; }
constexpr bool is_dtype_code(int64_t code) {
  return code >= 0 && code < static_cast<int64_t>(kDTypes.size());
}

}  // namespace sconce
