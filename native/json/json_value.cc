#include "json_value.h"

#include <utility>

#include "json_syntax.h"

namespace sconce::json {

namespace ondemand = simdjson::ondemand;

std::string_view kind_of(std::string_view token) {
  if (token.starts_with('[')) return "an array";
  if (token.starts_with('{')) return "an object";
  if (token.starts_with('"')) return "a string";
  for (const std::string_view literal : {"null", "true", "false"}) {
    if (token == literal) return literal;
  }
  return {};
}

bool skip(ondemand::value value, size_t depth) {
  const std::string_view token = token_of(value);
  if (token.starts_with('[') || token.starts_with('{')) {
    if (depth == kMaxDepth) return false;
  }
  if (token.starts_with('[')) {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return false;
    for (auto item : array) {
      ondemand::value element;
      if (item.get(element) != simdjson::SUCCESS) return false;
      if (!skip(element, depth + 1)) return false;
    }
    return true;
  }
  if (token.starts_with('{')) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) return false;
    for (auto item : object) {
      ondemand::field field;
      if (std::move(item).get(field) != simdjson::SUCCESS) return false;
      if (!has_valid_escapes(field.escaped_key())) return false;
      if (!skip(field.value(), depth + 1)) return false;
    }
    return true;
  }
  if (token.starts_with('"')) {
    // simdjson has checked that it is closed and free of control characters. It is consumed here
    // because the iterator would take an unread string before a colon for a key, and go on.
    ondemand::raw_json_string text;
    if (value.get_raw_json_string().get(text) != simdjson::SUCCESS) return false;
    return has_valid_escapes(token);
  }
  return !kind_of(token).empty() || is_number(token);
}

}  // namespace sconce::json
