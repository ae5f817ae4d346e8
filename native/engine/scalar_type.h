// Element types as LibTorch names them.
#pragma once

#include <c10/core/ScalarType.h>

#include <array>
#include <optional>

#include "../dtype.h"

namespace sconce {

inline constexpr std::array<at::ScalarType, kDTypes.size()> kScalarTypes{
    at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kChar,
    at::kShort, at::kInt,    at::kLong, at::kByte,     at::kBool};

constexpr at::ScalarType to_scalar_type(DType dtype) {
  return kScalarTypes[static_cast<size_t>(dtype)];
}

// None for a type that no slab and no reply can carry.
constexpr std::optional<DType> from_scalar_type(at::ScalarType type) {
  for (size_t code = 0; code < kScalarTypes.size(); ++code) {
    if (kScalarTypes[code] == type) return static_cast<DType>(code);
  }
  return std::nullopt;
}

}  // namespace sconce
