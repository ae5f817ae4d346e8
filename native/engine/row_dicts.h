// Results that hold one dict for each row, as detection models give them.
#pragma once

#include <ATen/core/ivalue.h>

#include <string>
#include <vector>

namespace sconce {

// One field of all rows: [rows, …]. A padded one is [rows, n, …], where n is the length of the
// longest row, and shorter rows end in zeros.
struct RowField {
  std::string name;
  at::Tensor values;
  bool padded;
};

// The name of the field that holds the length of each row: int64 [rows].
inline constexpr const char* kCountField = "count";

// The fields of `rows` dicts of tensors, in the order of the first dict, and the count when a field
// is padded. All tensors of one row that have a dimension must have the same first one. Throws
// Error INVALID_OUTPUT naming the row and the field.
std::vector<RowField> join_row_dicts(const c10::List<c10::IValue>& dicts, int rows);

}  // namespace sconce
