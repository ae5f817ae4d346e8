// What the JSON reader needs off its fast path: strict checks of single tokens, bounded quotes of
// client text, and a scanner that says where and why a text is not JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sconce::json {

// Containers within containers that a request may have.
inline constexpr size_t kMaxDepth = 32;

struct SyntaxError {
  size_t offset;  // bytes from the start of the text
  std::string what;
};

// The first place where `text` is not JSON (RFC 8259) or nests deeper than kMaxDepth.
std::optional<SyntaxError> find_syntax_error(std::span<const uint8_t> text);

// True for a number as JSON writes it, with nothing around it.
bool is_number(std::string_view token);

// True when every backslash in `raw`, the inside of a string, starts a valid escape.
bool has_valid_escapes(std::string_view raw);

// The text of a string whose escapes are valid, as UTF-8. A lone surrogate becomes three bytes.
std::string unescape(std::string_view raw);

// The literals that Python writes and JSON does not have: "NaN", "Infinity" or "-Infinity" when
// `token` starts with one, otherwise empty.
std::string_view nonfinite_literal(std::string_view token);

// At most 40 characters of `text` in printable ASCII; the quoted form is between double quotes.
std::string excerpt(std::string_view text);
std::string quoted(std::string_view text);

}  // namespace sconce::json
