#include "json_column.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "error.h"
#include "json_element.h"
#include "json_syntax.h"
#include "json_value.h"

namespace sconce::json {

namespace ondemand = simdjson::ondemand;

Column::Column(const JsonField& field)
    : dtype_(field.dtype), declared_(field.dims), range_(field.range) {
  if (!declared_) return;
  if (declared_->size() > kMaxJsonRank ||
      std::any_of(declared_->begin(), declared_->end(), [](int64_t dim) { return dim < -1; })) {
    throw Error("INTERNAL", "the dims of field " + json::quoted(field.name) + " cannot be");
  }
}

void Column::reset(size_t body_bytes) {
  scratch_.reset(body_bytes);
  has_rank_ = declared_.has_value();
  rank_ = 0;
  if (has_rank_) {
    rank_ = declared_->size();
    std::copy(declared_->begin(), declared_->end(), extents_.begin());
  }
}

bool Column::read_rows(ondemand::value& value, size_t& rows, Failure& failure) {
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) {
    return failure.expected("an array of rows", value);
  }
  rows = 0;
  for (auto item : array) {
    ondemand::value element;
    if (item.get(element) != simdjson::SUCCESS) return failure.syntax();
    if (!read_row(element, failure)) return failure.at_index(rows);
    ++rows;
  }
  return rows > 0 || failure.fail("expected at least one row, found an empty array");
}

bool Column::read_row(ondemand::value& value, Failure& failure) {
  if (!has_rank_ && !settle_rank(value, failure)) return false;
  return with_element(
      dtype_, [&](auto element) { return read_level<decltype(element)>(value, 0, failure); });
}

// Counts the brackets that a row starts with; whether the rest agrees is found while reading.
bool Column::settle_rank(ondemand::value& value, Failure& failure) {
  const std::string_view token = token_of(value);
  size_t rank = 0;
  // The text ends in zeros, so a delimiter comes before its end.
  const char* at = token.data();
  for (; *at == '[' || *at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'; ++at) {
    if (*at == '[') ++rank;
  }
  if (rank > kMaxJsonRank) {
    return failure.fail("more than " + std::to_string(kMaxJsonRank) + " dimensions");
  }
  if (*at == ']' && rank > 0) {
    for (size_t i = 1; i < rank; ++i) failure.at_index(0);
    return failure.fail("an empty array has no shape");
  }
  rank_ = rank;
  has_rank_ = true;
  std::fill_n(extents_.begin(), rank, -1);
  return true;
}

template <typename Element>
bool Column::read_level(ondemand::value& value, size_t depth, Failure& failure) {
  if (depth == rank_) {
    typename Element::Type element{};
    if (!Element::read(value, element)) return refuse_element(dtype_, value, failure);
    if (!check_range<Element>(element, failure)) return false;
    scratch_.reserve(sizeof element);
    std::memcpy(scratch_.end(), &element, sizeof element);
    scratch_.set_end(scratch_.end() + sizeof element);
    return true;
  }
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) {
    const int64_t extent = extents_[depth];
    return failure.expected(extent < 0 ? "an array" : "an array of " + counted_items(extent, depth),
                            value);
  }
  if (depth + 1 == rank_) return read_elements<Element>(array, depth, failure);
  size_t count = 0;
  for (auto item : array) {
    ondemand::value inner;
    if (item.get(inner) != simdjson::SUCCESS) return failure.syntax();
    if (!read_level<Element>(inner, depth + 1, failure)) return failure.at_index(count);
    ++count;
  }
  return settle_extent(depth, count, failure);
}

// The innermost arrays: where the time goes.
template <typename Element>
bool Column::read_elements(ondemand::array array, size_t depth, Failure& failure) {
  constexpr size_t kSize = sizeof(typename Element::Type);
  uint8_t* out = scratch_.end();
  const uint8_t* limit = scratch_.limit();
  const int64_t extent = extents_[depth];
  const size_t expected_count =
      extent < 0 ? std::numeric_limits<size_t>::max() : static_cast<size_t>(extent);
  size_t count = 0;
  for (auto item : array) {
    ondemand::value value;
    if (item.get(value) != simdjson::SUCCESS) [[unlikely]]
      return failure.syntax();
    typename Element::Type element;
    if (!Element::read(value, element)) [[unlikely]] {
      failure.at_index(count);
      return refuse_element(dtype_, value, failure);
    }
    if (!check_range<Element>(element, failure)) [[unlikely]]
      return failure.at_index(count);
    if (count++ >= expected_count) [[unlikely]]
      continue;  // only counted, for the message
    if (static_cast<size_t>(limit - out) < kSize) [[unlikely]] {
      scratch_.set_end(out);
      scratch_.reserve(kSize);
      out = scratch_.end();
      limit = scratch_.limit();
    }
    std::memcpy(out, &element, kSize);
    out += kSize;
  }
  if (out != nullptr) scratch_.set_end(out);
  return settle_extent(depth, count, failure);
}

template <typename Element>
bool Column::check_range(const typename Element::Type& element, Failure& failure) const {
  if constexpr (kIsInteger<Element>) {
    if (!range_.contains(element)) [[unlikely]] {
      return failure.fail("expected " + range_.describe() + ", found " + std::to_string(element));
    }
  }
  return true;
}

bool Column::settle_extent(size_t depth, size_t count, Failure& failure) {
  int64_t& extent = extents_[depth];
  if (extent == static_cast<int64_t>(count)) [[likely]]
    return true;
  if (extent >= 0) {
    const bool is_declared = declared_ && (*declared_)[depth] == extent;
    return failure.fail("expected " + counted_items(extent, depth) +
                        (is_declared ? "" : " as before") + ", found " + std::to_string(count));
  }
  const auto inner = extents_.begin() + static_cast<std::ptrdiff_t>(depth) + 1;
  const auto end = extents_.begin() + static_cast<std::ptrdiff_t>(rank_);
  if (count == 0 && std::find(inner, end, -1) != end) {
    return failure.fail("an empty array has no shape");
  }
  extent = static_cast<int64_t>(count);
  return true;
}

std::string Column::counted_items(int64_t count, size_t depth) const {
  return counted(static_cast<size_t>(count), depth + 1 == rank_ ? "value" : "array");
}

}  // namespace sconce::json
