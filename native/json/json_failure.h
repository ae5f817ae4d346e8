// What is told of a request that was refused.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json_form.h"

namespace sconce::json {

// "1 row", "2 rows".
std::string counted(size_t count, std::string_view noun);

// Why a request was refused, collected on the way out of the recursion: first what is wrong, then
// where, innermost first. All but report() return false, for their caller to return.
class Failure {
 public:
  bool fail(std::string what);
  bool syntax();  // the text is no JSON
  bool expected(std::string_view what, simdjson::ondemand::value value);

  bool at_index(size_t index);             // in an array below the field
  bool in_field(const std::string& name);  // which must outlive this
  bool unnamed();                          // the field's value stood there without its name
  bool in_row(size_t row);                 // of instances

  // Throws Error("INVALID_REQUEST"). `form` is kNamed as long as the request's is unknown.
  [[noreturn]] void report(std::span<const uint8_t> text, RequestForm form) const;

 private:
  [[nodiscard]] std::string describe(RequestForm form) const;

  std::string what_;  // empty: the text is no JSON
  std::vector<size_t> path_;
  const std::string* field_ = nullptr;
  std::optional<size_t> row_;
  bool is_bare_ = false;
  bool is_nonfinite_ = false;  // NaN and the like: no JSON either, but told with its place
};

}  // namespace sconce::json
