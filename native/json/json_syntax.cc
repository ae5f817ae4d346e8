#include "json_syntax.h"

#include <array>
#include <cctype>
#include <cstring>
#include <utility>

namespace sconce::json {
namespace {

constexpr size_t kMaxExcerpt = 40;
constexpr std::string_view kHex = "0123456789abcdef";

bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

bool is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The code unit of four hexadecimal digits at `raw[at]`, or -1.
int code_unit(std::string_view raw, size_t at) {
  if (raw.size() < 4 || at > raw.size() - 4) return -1;
  int unit = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const int digit = hex_value(raw[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

// Bytes of the escape at raw[at] == '\\', or 0 when it is not one.
size_t escape_length(std::string_view raw, size_t at) {
  if (at + 1 >= raw.size()) return 0;
  if (raw[at + 1] == 'u') return code_unit(raw, at + 2) < 0 ? 0 : 6;
  return std::string_view("\"\\/bfnrt").find(raw[at + 1]) == std::string_view::npos ? 0 : 2;
}

// Bytes of the UTF-8 sequence at the start of `text`, or 0 when it is malformed (overlong, a
// surrogate, beyond U+10FFFF or cut short).
size_t utf8_length(std::span<const uint8_t> text) {
  const uint8_t first = text[0];
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((text[i] & 0xc0U) != 0x80) return 0;
  }
  const uint8_t second = text[1];
  const bool malformed = (first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
                         (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90);
  return malformed ? 0 : length;
}

void append_utf8(std::string& text, uint32_t point) {
  const auto put = [&text](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0U | (point >> 6));
    put(0x80U | (point & 0x3fU));
  } else if (point < 0x10000) {
    put(0xe0U | (point >> 12));
    put(0x80U | ((point >> 6) & 0x3fU));
    put(0x80U | (point & 0x3fU));
  } else {
    put(0xf0U | (point >> 18));
    put(0x80U | ((point >> 12) & 0x3fU));
    put(0x80U | ((point >> 6) & 0x3fU));
    put(0x80U | (point & 0x3fU));
  }
}

// End of the number that starts at text[at]; `at` itself when none does.
size_t number_end(std::string_view text, size_t at) {
  const auto digits = [text](size_t from) {
    while (from < text.size() && is_digit(static_cast<uint8_t>(text[from]))) ++from;
    return from;
  };
  size_t begin = at;
  if (begin < text.size() && text[begin] == '-') ++begin;
  size_t end = digits(begin);
  if (end == begin || (text[begin] == '0' && end > begin + 1)) return at;
  if (end < text.size() && text[end] == '.') {
    begin = end + 1;
    end = digits(begin);
    if (end == begin) return at;
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    begin = end + 1;
    if (begin < text.size() && (text[begin] == '+' || text[begin] == '-')) ++begin;
    end = digits(begin);
    if (end == begin) return at;
  }
  return end;
}

// Recursive descent over the whole text; speed matters little, the text is already refused.
class Scanner {
 public:
  explicit Scanner(std::span<const uint8_t> text)
      : bytes_(text), text_(reinterpret_cast<const char*>(text.data()), text.size()) {}

  std::optional<SyntaxError> scan() {
    skip_space();
    if (scan_value(0)) {
      skip_space();
      if (at_ < text_.size()) fail("expected nothing after the document, found " + found());
    }
    return std::move(error_);
  }

 private:
  bool fail(std::string what) {
    error_ = SyntaxError{at_, std::move(what)};
    return false;
  }

  void skip_space() {
    while (at_ < bytes_.size() && is_space(bytes_[at_])) ++at_;
  }

  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }

  // The text up to the next delimiter, for a message.
  std::string found() const {
    if (at_ >= text_.size()) return "the end of the body";
    size_t end = at_ + 1;
    if (std::isalnum(bytes_[at_]) != 0 || text_[at_] == '-') {
      while (end < text_.size() && end - at_ <= kMaxExcerpt &&
             (std::isalnum(bytes_[end]) != 0 || std::strchr("+-._", text_[end]) != nullptr)) {
        ++end;
      }
    }
    return quoted(text_.substr(at_, end - at_));
  }

  bool scan_value(size_t depth) {
    if (at_ >= text_.size()) return fail("expected a value, found the end of the body");
    const char c = text_[at_];
    if (c == '{' || c == '[') {
      if (depth == kMaxDepth) {
        return fail("nested deeper than " + std::to_string(kMaxDepth) + " levels");
      }
      return c == '{' ? scan_object(depth + 1) : scan_array(depth + 1);
    }
    if (c == '"') return scan_string();
    for (const std::string_view literal : {"true", "false", "null"}) {
      if (text_.substr(at_, literal.size()) == literal && ends_token(at_ + literal.size())) {
        at_ += literal.size();
        return true;
      }
    }
    if (const std::string_view literal = nonfinite_literal(text_.substr(at_)); !literal.empty()) {
      return fail(std::string(literal) + " is not valid JSON; a number must be finite");
    }
    const size_t end = number_end(text_, at_);
    if (end > at_ && ends_token(end)) {
      at_ = end;
      return true;
    }
    return fail("expected a value, found " + found());
  }

  // True unless the byte at `at` would carry on the literal or number before it.
  bool ends_token(size_t at) const {
    return at >= bytes_.size() || is_space(bytes_[at]) ||
           std::string_view(",:[]{}").find(text_[at]) != std::string_view::npos;
  }

  bool scan_array(size_t depth) {
    ++at_;
    skip_space();
    if (next_is(']')) {
      ++at_;
      return true;
    }
    while (scan_value(depth)) {
      skip_space();
      if (next_is(']')) {
        ++at_;
        return true;
      }
      if (!next_is(',')) return fail("expected \",\" or \"]\", found " + found());
      ++at_;
      skip_space();
    }
    return false;
  }

  bool scan_object(size_t depth) {
    ++at_;
    skip_space();
    if (next_is('}')) {
      ++at_;
      return true;
    }
    while (true) {
      if (!next_is('"')) return fail("expected a key in double quotes, found " + found());
      if (!scan_string()) return false;
      skip_space();
      if (!next_is(':')) return fail("expected \":\", found " + found());
      ++at_;
      skip_space();
      if (!scan_value(depth)) return false;
      skip_space();
      if (next_is('}')) {
        ++at_;
        return true;
      }
      if (!next_is(',')) return fail("expected \",\" or \"}\", found " + found());
      ++at_;
      skip_space();
    }
  }

  bool scan_string() {
    ++at_;
    while (at_ < bytes_.size()) {
      const uint8_t c = bytes_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c < 0x20) return fail("a string holds an unescaped control character");
      const size_t length =
          c == '\\' ? escape_length(text_, at_) : utf8_length(bytes_.subspan(at_));
      if (length == 0) {
        return fail(c == '\\' ? "a string holds an invalid escape" : "the text is not UTF-8");
      }
      at_ += length;
    }
    return fail("a string is not closed");
  }

  std::span<const uint8_t> bytes_;
  std::string_view text_;
  size_t at_ = 0;
  std::optional<SyntaxError> error_;
};

}  // namespace

std::optional<SyntaxError> find_syntax_error(std::span<const uint8_t> text) {
  return Scanner(text).scan();
}

bool is_number(std::string_view token) {
  return !token.empty() && number_end(token, 0) == token.size();
}

bool has_valid_escapes(std::string_view raw) {
  for (size_t at = raw.find('\\'); at != std::string_view::npos;) {
    const size_t length = escape_length(raw, at);
    if (length == 0) return false;
    at = raw.find('\\', at + length);
  }
  return true;
}

std::string unescape(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  for (size_t at = 0; at < raw.size();) {
    const size_t length = raw[at] == '\\' ? escape_length(raw, at) : 0;
    if (length == 0) {
      text.push_back(raw[at++]);
      continue;
    }
    if (length == 2) {
      constexpr std::string_view kNames = "\"\\/bfnrt";
      constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
      text.push_back(kValues[kNames.find(raw[at + 1])]);
    } else {
      auto point = static_cast<uint32_t>(code_unit(raw, at + 2));
      const bool is_pair = point >= 0xd800 && point < 0xdc00 && raw.substr(at + 6, 2) == "\\u";
      const int low = is_pair ? code_unit(raw, at + 8) : -1;
      if (low >= 0xdc00 && low < 0xe000) {
        point = 0x10000 + ((point - 0xd800) << 10) + (static_cast<uint32_t>(low) - 0xdc00);
        at += 6;
      }
      append_utf8(text, point);
    }
    at += length;
  }
  return text;
}

std::string_view nonfinite_literal(std::string_view token) {
  for (const std::string_view literal : {"NaN", "Infinity", "-Infinity"}) {
    if (token.substr(0, literal.size()) == literal) return literal;
  }
  return {};
}

std::string excerpt(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMaxExcerpt)) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte > 0x7e) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 0xfU]};
    } else {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  if (text.size() > kMaxExcerpt) out += "...";
  return out;
}

std::string quoted(std::string_view text) { return '"' + excerpt(text) + '"'; }

}  // namespace sconce::json
