// One field of a JSON request, and the limits of what a reader takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dtype.h"
#include "integer_range.h"

namespace sconce {

// Fields of a model, and dimensions of one row of a field, at most.
inline constexpr size_t kMaxJsonFields = 64;
inline constexpr size_t kMaxJsonRank = 16;

// `dims` excludes the batch dimension; -1 = any size, nullopt = any rank.
struct JsonField {
  std::string name;
  DType dtype = DType::kFloat32;
  std::optional<std::vector<int64_t>> dims;
  IntegerRange range;  // of its elements, where they are integers
};

}  // namespace sconce
