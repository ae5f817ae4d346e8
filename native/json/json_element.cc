#include "json_element.h"

#include <string>

#include "json_syntax.h"
#include "json_value.h"

namespace sconce::json {
namespace {

bool is_float(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kFloat64 || dtype == DType::kFloat16 ||
         dtype == DType::kBFloat16;
}

}  // namespace

std::string_view expected_element(DType dtype) {
  if (dtype == DType::kBool) return "true or false";
  return is_float(dtype) ? "a number" : "an integer";
}

bool refuse_element(DType dtype, simdjson::ondemand::value value, Failure& failure) {
  const std::string_view token = token_of(value);
  if (!is_number(token)) return failure.expected(expected_element(dtype), value);
  const bool is_whole = token.find_first_of(".eE") == std::string_view::npos;
  if (dtype == DType::kBool || (!is_float(dtype) && !is_whole)) {
    return failure.fail("expected " + std::string(expected_element(dtype)) + ", found " +
                        excerpt(token));
  }
  return failure.fail(excerpt(token) + " is out of range for " + std::string(dtype_name(dtype)));
}

}  // namespace sconce::json
