#include "json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

#include "error.h"
#include "half.h"

namespace sconce {
namespace {

using Kind = OutputNode::Kind;

constexpr size_t kAlignment = 64;
constexpr size_t kNumberRoom = 32;  // more than the longest number, -2.2250738585072014e-308
constexpr std::string_view kHex = "0123456789abcdef";

size_t checked_multiply(size_t a, size_t b) {
  size_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) {
    throw Error("INTERNAL", "the size of an output overflows");
  }
  return product;
}

size_t checked_add(size_t a, size_t b) {
  size_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) {
    throw Error("INTERNAL", "the size of an output block overflows");
  }
  return sum;
}

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// As Python's repr: the shortest digits that read back as the same double, always with a point or
// an exponent, and an exponent only below 1e-4 and from 1e16 on.
char* put_double(char* out, double number) {
  if (std::isnan(number)) return put(out, "NaN");
  if (std::isinf(number)) return put(out, number < 0 ? "-Infinity" : "Infinity");
  if (std::signbit(number)) *out++ = '-';
  number = std::fabs(number);
  if (number == 0) return put(out, "0.0");

  // "d.ddde-XX": take the digits and the exponent apart.
  std::array<char, kNumberRoom> text;
  const char* end =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::scientific)
          .ptr;
  const char* mark = end - 1;
  while (*mark != 'e') --mark;
  int exponent = 0;
  std::from_chars(mark + 2, end, exponent);
  if (mark[1] == '-') exponent = -exponent;
  std::array<char, kNumberRoom> digits;
  digits[0] = text[0];
  size_t count = 1;
  for (const char* at = text.data() + 2; at < mark; ++at) digits[count++] = *at;

  if (exponent < -4 || exponent >= 16) {
    *out++ = digits[0];
    if (count > 1) {
      *out++ = '.';
      out = put(out, {digits.data() + 1, count - 1});
    }
    out = put(out, exponent < 0 ? "e-" : "e+");
    const int magnitude = std::abs(exponent);
    if (magnitude < 10) *out++ = '0';
    return std::to_chars(out, out + 3, magnitude).ptr;
  }
  if (exponent < 0) {
    out = put(out, std::string_view("0.000").substr(0, static_cast<size_t>(1 - exponent)));
    return put(out, {digits.data(), count});
  }
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (count <= whole) {
    out = put(out, {digits.data(), count});
    out = std::fill_n(out, whole - count, '0');
    return put(out, ".0");
  }
  out = put(out, {digits.data(), whole});
  *out++ = '.';
  return put(out, {digits.data() + whole, count - whole});
}

// How one element of a dtype is written. `kWidth` is the usual length, to reserve by.
template <typename T>
struct Plain {
  static constexpr size_t kSize = sizeof(T);
  static constexpr size_t kWidth = std::is_integral_v<T> ? 4 : 20;
  static char* put_element(char* out, const uint8_t* from) {
    T element;
    std::memcpy(&element, from, sizeof element);
    if constexpr (std::is_integral_v<T>) {
      return std::to_chars(out, out + kNumberRoom, element).ptr;
    } else {
      return put_double(out, element);
    }
  }
};

template <float (*widen)(uint16_t)>
struct Narrow {
  static constexpr size_t kSize = 2;
  static constexpr size_t kWidth = 14;
  static char* put_element(char* out, const uint8_t* from) {
    uint16_t element = 0;
    std::memcpy(&element, from, sizeof element);
    return put_double(out, widen(element));
  }
};

struct Boolean {
  static constexpr size_t kSize = 1;
  static constexpr size_t kWidth = 5;
  static char* put_element(char* out, const uint8_t* from) {
    return put(out, *from != 0 ? "true" : "false");
  }
};

template <typename Visit>
auto with_element(DType dtype, Visit&& visit) {
  switch (dtype) {
    case DType::kFloat32:
      return visit(Plain<float>{});
    case DType::kFloat64:
      return visit(Plain<double>{});
    case DType::kFloat16:
      return visit(Narrow<half_to_float>{});
    case DType::kBFloat16:
      return visit(Narrow<bfloat16_to_float>{});
    case DType::kInt8:
      return visit(Plain<int8_t>{});
    case DType::kInt16:
      return visit(Plain<int16_t>{});
    case DType::kInt32:
      return visit(Plain<int32_t>{});
    case DType::kInt64:
      return visit(Plain<int64_t>{});
    case DType::kUInt8:
      return visit(Plain<uint8_t>{});
    case DType::kBool:
      return visit(Boolean{});
  }
  throw Error("INTERNAL", "a dtype code that no dtype has");
}

void append_unit(std::string& text, uint32_t unit) {
  text += {'\\',
           'u',
           kHex[unit >> 12],
           kHex[(unit >> 8) & 0xfU],
           kHex[(unit >> 4) & 0xfU],
           kHex[unit & 0xfU]};
}

// Reads one code point from the front of `text`; U+FFFD stands for a byte that is no UTF-8.
uint32_t take_code_point(std::string_view& text) {
  const auto byte = [&text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint32_t first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  uint32_t point = length == 1 ? first : first & (0x7fU >> length);
  bool is_valid = length != 0 && length <= text.size();
  for (size_t i = 1; is_valid && i < length; ++i) {
    is_valid = (byte(i) & 0xc0U) == 0x80;
    point = (point << 6) | (byte(i) & 0x3fU);
  }
  constexpr std::array<uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  is_valid = is_valid && point >= kSmallest[length] && point <= 0x10ffff &&
             (point < 0xd800 || point > 0xdfff);
  text.remove_prefix(is_valid ? length : 1);
  return is_valid ? point : 0xfffd;
}

// A string as Python writes it with ensure_ascii.
std::string json_string(std::string_view name) {
  constexpr std::string_view kSpecial = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  std::string text = "\"";
  while (!name.empty()) {
    const uint32_t point = take_code_point(name);
    const size_t special =
        point < 0x80 ? kSpecial.find(static_cast<char>(point)) : std::string_view::npos;
    if (special != std::string_view::npos) {
      text += {'\\', kLetters[special]};
    } else if (point >= 0x20 && point < 0x7f) {
      text.push_back(static_cast<char>(point));
    } else if (point < 0x10000) {
      append_unit(text, point);
    } else {
      append_unit(text, 0xd800 + ((point - 0x10000) >> 10));
      append_unit(text, 0xdc00 + ((point - 0x10000) & 0x3ffU));
    }
  }
  return text + '"';
}

std::string json_key(std::string_view name) { return json_string(name) + ": "; }

}  // namespace

// The text of one call of write().
class JsonWriter::Text {
 public:
  Text(const JsonWriter& writer, std::span<const uint8_t> block, int64_t batch_rows);

  void append(std::string_view text) { text_ += text; }
  // A row of `node`, or with kColumns `rows` rows of every tensor.
  void append_row(const Node& node, size_t row, size_t indent);
  void append_rows(const Node& node, size_t first_row, size_t rows, size_t indent);
  void append_columns(const Node& node, size_t first_row, size_t rows, size_t indent);
  void reserve(const JsonWriter& writer, size_t rows);
  std::string take() { return std::move(text_); }

 private:
  // "[", the items one to a line, "]"; append_item(i, indent) writes one.
  template <typename AppendItem>
  void append_list(size_t count, size_t indent, AppendItem&& append_item) {
    append_group("[]", count, indent, append_item);
  }
  template <typename AppendItem>
  void append_group(std::string_view brackets, size_t count, size_t indent,
                    AppendItem&& append_item);
  template <typename AppendTensor>
  void append_node(const Node& node, size_t indent, const AppendTensor& append_tensor);
  // `data` moves past what was written.
  void append_tensor(const uint8_t*& data, const TensorMeta& meta, size_t depth, size_t indent);
  void append_line(size_t indent) {
    text_.push_back('\n');
    text_.append(indent, ' ');
  }

  const JsonWriter& writer_;
  std::vector<const uint8_t*> data_;  // where each output starts
  std::string text_;
};

JsonWriter::Text::Text(const JsonWriter& writer, std::span<const uint8_t> block, int64_t batch_rows)
    : writer_(writer) {
  size_t offset = 0;
  for (const size_t row_bytes : writer.row_bytes_) {
    const size_t end =
        checked_add(offset, checked_multiply(static_cast<size_t>(batch_rows), row_bytes));
    if (end > block.size()) {
      throw Error("INTERNAL", "the outputs need " + std::to_string(end) +
                                  " bytes and the block has " + std::to_string(block.size()));
    }
    data_.push_back(block.data() + offset);
    // The last output needs no padding; were another to follow, its own check would fail.
    offset = std::min(checked_add(end, kAlignment - 1) / kAlignment * kAlignment, block.size());
  }
}

void JsonWriter::Text::reserve(const JsonWriter& writer, size_t rows) {
  size_t room = 256;
  for (size_t i = 0; i < writer.outputs_.size(); ++i) {
    const TensorMeta& meta = writer.outputs_[i];
    const size_t line = 8 + 2 * meta.dims.size();  // comma, line break, indentation
    const size_t width =
        with_element(meta.dtype, [](auto element) { return decltype(element)::kWidth; });
    room += rows * (writer.row_bytes_[i] / dtype_size(meta.dtype)) * (width + line);
  }
  text_.reserve(room);
}

template <typename AppendItem>
void JsonWriter::Text::append_group(std::string_view brackets, size_t count, size_t indent,
                                    AppendItem&& append_item) {
  if (count == 0) return append(brackets);
  text_.push_back(brackets[0]);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text_.push_back(',');
    append_line(indent + 2);
    append_item(i, indent + 2);
  }
  append_line(indent);
  text_.push_back(brackets[1]);
}

template <typename AppendTensor>
void JsonWriter::Text::append_node(const Node& node, size_t indent,
                                   const AppendTensor& append_tensor) {
  if (node.kind == Kind::kTensor) return append_tensor(node.tensor, indent);
  const std::string_view brackets = node.kind == Kind::kFields ? "{}" : "[]";
  append_group(brackets, node.children.size(), indent, [&](size_t i, size_t inner) {
    if (node.kind == Kind::kFields) append(node.keys[i]);
    append_node(node.children[i], inner, append_tensor);
  });
}

void JsonWriter::Text::append_row(const Node& node, size_t row, size_t indent) {
  append_node(node, indent, [this, row](size_t tensor, size_t inner) {
    const uint8_t* data = data_[tensor] + row * writer_.row_bytes_[tensor];
    append_tensor(data, writer_.outputs_[tensor], 0, inner);
  });
}

void JsonWriter::Text::append_rows(const Node& node, size_t first_row, size_t rows, size_t indent) {
  append_list(rows, indent,
              [&](size_t i, size_t inner) { append_row(node, first_row + i, inner); });
}

void JsonWriter::Text::append_columns(const Node& node, size_t first_row, size_t rows,
                                      size_t indent) {
  append_node(node, indent, [&](size_t tensor, size_t inner) {
    const uint8_t* data = data_[tensor] + first_row * writer_.row_bytes_[tensor];
    append_list(rows, inner, [&](size_t /* i */, size_t innermost) {
      append_tensor(data, writer_.outputs_[tensor], 0, innermost);
    });
  });
}

void JsonWriter::Text::append_tensor(const uint8_t*& data, const TensorMeta& meta, size_t depth,
                                     size_t indent) {
  if (depth + 1 < meta.dims.size()) {
    append_list(static_cast<size_t>(meta.dims[depth]), indent,
                [&](size_t /* i */, size_t inner) { append_tensor(data, meta, depth + 1, inner); });
    return;
  }
  with_element(meta.dtype, [&](auto element) {
    using Element = decltype(element);
    std::array<char, kNumberRoom> number;
    if (depth == meta.dims.size()) {
      text_.append(number.data(), Element::put_element(number.data(), data));
      data += Element::kSize;
      return;
    }
    const auto count = static_cast<size_t>(meta.dims[depth]);
    if (count == 0) return append("[]");
    std::string separator = ",\n";
    separator.append(indent + 2, ' ');
    text_.push_back('[');
    for (size_t i = 0; i < count; ++i) {
      text_.append(separator, i == 0 ? 1 : 0);  // no comma before the first
      text_.append(number.data(), Element::put_element(number.data(), data));
      data += Element::kSize;
    }
    append_line(indent);
    text_.push_back(']');
  });
}

JsonWriter::JsonWriter(std::vector<TensorMeta> outputs, const OutputNode& structure,
                       const std::optional<std::vector<std::string>>& names)
    : outputs_(std::move(outputs)) {
  for (const TensorMeta& meta : outputs_) {
    size_t bytes = dtype_size(meta.dtype);
    for (const int64_t dim : meta.dims) {
      if (dim < 0) throw Error("INTERNAL", "an output has a negative dimension");
      bytes = checked_multiply(bytes, static_cast<size_t>(dim));
    }
    row_bytes_.push_back(bytes);
  }
  row_ = compile(structure, 0);
  columns_ = row_;

  const size_t elements = structure.kind == Kind::kList ? row_.children.size() : 1;
  if (names && structure.kind != Kind::kFields) {
    if (names->size() != elements) {
      throw Error("INTERNAL", std::to_string(names->size()) + " names for " +
                                  std::to_string(elements) + " outputs");
    }
    if (structure.kind == Kind::kTensor) row_ = Node{Kind::kFields, 0, {}, {std::move(row_)}};
    row_.kind = Kind::kFields;
    for (const std::string& name : *names) row_.keys.push_back(json_key(name));
  }
  if (structure.kind == Kind::kList) {
    columns_.kind = Kind::kFields;
    for (size_t i = 0; i < elements; ++i) {
      columns_.keys.push_back(names ? row_.keys[i] : json_key("output_" + std::to_string(i)));
    }
  }
}

JsonWriter::Node JsonWriter::compile(const OutputNode& structure, int nesting) const {
  Node node{structure.kind, 0, {}, {}};
  if (structure.kind == Kind::kTensor) {
    if (structure.tensor < 0 || static_cast<size_t>(structure.tensor) >= outputs_.size()) {
      throw Error("INTERNAL", "the structure names output " + std::to_string(structure.tensor) +
                                  " of " + std::to_string(outputs_.size()));
    }
    node.tensor = static_cast<size_t>(structure.tensor);
    return node;
  }
  if (nesting == kMaxNesting) throw Error("INTERNAL", "the structure of the outputs is too deep");
  if (structure.kind == Kind::kFields && structure.keys.size() != structure.children.size()) {
    throw Error("INTERNAL", "the structure of the outputs has keys without values");
  }
  for (const std::string& key : structure.keys) node.keys.push_back(json_key(key));
  for (const OutputNode& child : structure.children) {
    node.children.push_back(compile(child, nesting + 1));
  }
  return node;
}

std::string JsonWriter::write(std::span<const uint8_t> block, int64_t batch_rows, int64_t first_row,
                              int64_t rows, RequestForm form) const {
  if (batch_rows < 0 || first_row < 0 || rows < 0 || first_row > batch_rows ||
      rows > batch_rows - first_row) {
    throw Error("INTERNAL", "rows " + std::to_string(first_row) + " and on for " +
                                std::to_string(rows) + " lie outside a batch of " +
                                std::to_string(batch_rows));
  }
  const auto first = static_cast<size_t>(first_row);
  const auto count = static_cast<size_t>(rows);
  Text text(*this, block, batch_rows);
  text.reserve(*this, count);
  switch (form) {
    case RequestForm::kNamed:
    case RequestForm::kBare:
      if (rows == 1) {
        text.append_row(row_, first, 0);
      } else {
        text.append_rows(row_, first, count, 0);
      }
      break;
    case RequestForm::kInstances:
      text.append("{\n  \"predictions\": ");
      text.append_rows(row_, first, count, 2);
      text.append("\n}");
      break;
    case RequestForm::kInputs:
      text.append("{\n  \"outputs\": ");
      text.append_columns(columns_, first, count, 2);
      text.append("\n}");
      break;
  }
  return text.take();
}

}  // namespace sconce
