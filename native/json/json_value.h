// Single values of a text that simdjson reads: what they are, and how to pass over them.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <string_view>

namespace sconce::json {

// The first token of a value, without the white space that simdjson leaves behind it.
inline std::string_view token_of(simdjson::ondemand::value& value) {
  const std::string_view token = value.raw_json_token();
  const size_t last = token.find_last_not_of(" \t\r\n");
  return token.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

// "an array", "null", ...: what a token is, or empty when it starts no JSON value but a number.
std::string_view kind_of(std::string_view token);

// Passes over a value that nobody asked for and that stands in `depth` containers. False when it is
// no JSON.
bool skip(simdjson::ondemand::value value, size_t depth);

}  // namespace sconce::json
