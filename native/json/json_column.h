// One field's rows while a request is read: their shape as it settles, and their bytes.
#pragma once

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dtype.h"
#include "json_failure.h"
#include "json_field.h"
#include "json_scratch.h"

namespace sconce::json {

class Column {
 public:
  // Throws Error("INTERNAL") for dims that cannot be.
  explicit Column(const JsonField& field);

  // Forgets the rows, and what they settled of the shape, before a request of `body_bytes`.
  void reset(size_t body_bytes);

  // Each returns false after noting why in `failure`. The first row settles what the field's
  // dims leave open.
  bool read_row(simdjson::ondemand::value& value, Failure& failure);
  // An array of at least one row; `rows` becomes their number.
  bool read_rows(simdjson::ondemand::value& value, size_t& rows, Failure& failure);

  [[nodiscard]] DType dtype() const { return dtype_; }
  // True when a row is known to be a single element.
  [[nodiscard]] bool is_scalar() const { return has_rank_ && rank_ == 0; }
  [[nodiscard]] std::span<const int64_t> dims() const { return {extents_.data(), rank_}; }
  [[nodiscard]] std::span<const uint8_t> bytes() const { return scratch_.bytes(); }

 private:
  template <typename Element>
  bool read_level(simdjson::ondemand::value& value, size_t depth, Failure& failure);
  template <typename Element>
  bool read_elements(simdjson::ondemand::array array, size_t depth, Failure& failure);
  bool settle_rank(simdjson::ondemand::value& value, Failure& failure);
  bool settle_extent(size_t depth, size_t count, Failure& failure);
  // False after noting an integer that is out of its range.
  template <typename Element>
  bool check_range(const typename Element::Type& element, Failure& failure) const;
  // What an array at `depth` holds, for a message: `count` values or arrays.
  [[nodiscard]] std::string counted_items(int64_t count, size_t depth) const;

  DType dtype_;
  std::optional<std::vector<int64_t>> declared_;
  IntegerRange range_;
  Scratch scratch_;
  std::array<int64_t, kMaxJsonRank> extents_{};  // -1 until the first row settles it
  size_t rank_ = 0;
  bool has_rank_ = false;
};

}  // namespace sconce::json
