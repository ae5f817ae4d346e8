#include "json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "error.h"
#include "half.h"
#include "json_syntax.h"

namespace sconce {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr size_t kKeptBytes = size_t{1} << 20;  // scratch that is kept whatever a request needs

// What a key of a request means: a field's index, or one of these.
constexpr size_t kInstancesSlot = JsonReader::kMaxFields;
constexpr size_t kInputsSlot = kInstancesSlot + 1;
constexpr size_t kIgnoredSlot = kInputsSlot + 1;
constexpr size_t kNowhere = std::numeric_limits<size_t>::max();

// Memory that grows without being cleared and is given back after an unusually large request.
class Scratch {
 public:
  [[nodiscard]] uint8_t* data() { return data_.get(); }
  [[nodiscard]] uint8_t* end() { return data_.get() + size_; }
  [[nodiscard]] uint8_t* limit() { return data_.get() + capacity_; }
  [[nodiscard]] std::span<const uint8_t> bytes() const { return {data_.get(), size_}; }

  // Empties it. Memory far beyond `expected` bytes goes back to the allocator.
  void reset(size_t expected) {
    size_ = 0;
    if (capacity_ > kKeptBytes && expected < capacity_ / 4) {
      data_.reset();
      capacity_ = 0;
    }
  }

  // Makes room for `more` bytes at end(), which moves.
  void reserve(size_t more) {
    if (capacity_ - size_ >= more) return;
    const size_t capacity = std::max({size_ + more, capacity_ * 2, size_t{256}});
    auto data = std::make_unique_for_overwrite<uint8_t[]>(capacity);
    if (size_ != 0) std::memcpy(data.get(), data_.get(), size_);
    data_ = std::move(data);
    capacity_ = capacity;
  }

  void set_end(const uint8_t* end) { size_ = static_cast<size_t>(end - data_.get()); }

 private:
  std::unique_ptr<uint8_t[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// How one element of a dtype is read. `read` refuses what the dtype cannot hold.
template <DType dtype, typename T>
struct FloatElement {
  static constexpr DType kDType = dtype;
  using Type = T;
  static bool read(ondemand::value& json, T& element) {
    double number = 0;
    if (json.get_double().get(number) != simdjson::SUCCESS) return false;
    element = static_cast<T>(number);
    return std::isfinite(element);
  }
};

// As torch converts: through float, so that every path to a half gives the same bits.
template <DType dtype, uint16_t (*convert)(float), uint16_t infinity>
struct HalfElement {
  static constexpr DType kDType = dtype;
  using Type = uint16_t;
  static bool read(ondemand::value& json, uint16_t& element) {
    float number = 0;
    if (!FloatElement<DType::kFloat32, float>::read(json, number)) return false;
    element = convert(number);
    return (element & 0x7fffU) != infinity;
  }
};

template <DType dtype, typename T>
struct IntegerElement {
  static constexpr DType kDType = dtype;
  using Type = T;
  static bool read(ondemand::value& json, T& element) {
    int64_t number = 0;
    if (json.get_int64().get(number) != simdjson::SUCCESS) return false;
    element = static_cast<T>(number);
    return element == number;
  }
};

struct BoolElement {
  static constexpr DType kDType = DType::kBool;
  using Type = bool;
  static bool read(ondemand::value& json, bool& element) {
    return json.get_bool().get(element) == simdjson::SUCCESS;
  }
};

// Calls `visit` with the element reader of `dtype`.
template <typename Visit>
bool with_element(DType dtype, Visit&& visit) {
  switch (dtype) {
    case DType::kFloat32:
      return visit(FloatElement<DType::kFloat32, float>{});
    case DType::kFloat64:
      return visit(FloatElement<DType::kFloat64, double>{});
    case DType::kFloat16:
      return visit(HalfElement<DType::kFloat16, float_to_half, 0x7c00>{});
    case DType::kBFloat16:
      return visit(HalfElement<DType::kBFloat16, float_to_bfloat16, 0x7f80>{});
    case DType::kInt8:
      return visit(IntegerElement<DType::kInt8, int8_t>{});
    case DType::kInt16:
      return visit(IntegerElement<DType::kInt16, int16_t>{});
    case DType::kInt32:
      return visit(IntegerElement<DType::kInt32, int32_t>{});
    case DType::kInt64:
      return visit(IntegerElement<DType::kInt64, int64_t>{});
    case DType::kUInt8:
      return visit(IntegerElement<DType::kUInt8, uint8_t>{});
    case DType::kBool:
      return visit(BoolElement{});
  }
  throw Error("INTERNAL", "a dtype code that no dtype has");
}

bool is_float(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kFloat64 || dtype == DType::kFloat16 ||
         dtype == DType::kBFloat16;
}

std::string_view expected_element(DType dtype) {
  if (dtype == DType::kBool) return "true or false";
  return is_float(dtype) ? "a number" : "an integer";
}

// The first token of a value, without the white space that simdjson leaves behind it.
std::string_view token_of(ondemand::value& value) {
  const std::string_view token = value.raw_json_token();
  const size_t last = token.find_last_not_of(" \t\r\n");
  return token.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

// "an array", "null", ...: what a token is, or empty when it starts no JSON value but a number.
std::string_view kind_of(std::string_view token) {
  if (token.starts_with('[')) return "an array";
  if (token.starts_with('{')) return "an object";
  if (token.starts_with('"')) return "a string";
  for (const std::string_view literal : {"null", "true", "false"}) {
    if (token == literal) return literal;
  }
  return {};
}

std::string counted(size_t count, std::string_view noun) {
  return std::to_string(count) + ' ' + std::string(noun) + (count == 1 ? "" : "s");
}

// `.name` when that reads well, otherwise `."odd name"`.
std::string member(const std::string& name) {
  const bool plain = !name.empty() && name.size() <= 40 &&
                     std::all_of(name.begin(), name.end(),
                                 [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  return '.' + (plain ? name : json::quoted(name));
}

// One field's rows while a request is read.
struct Column {
  JsonField field;
  Scratch scratch;
  std::array<int64_t, JsonReader::kMaxRank> extents{};  // -1 until the first row settles it
  size_t rank = 0;
  bool has_rank = false;

  void reset(size_t body_bytes) {
    scratch.reset(body_bytes);
    has_rank = field.dims.has_value();
    rank = 0;
    if (has_rank) {
      rank = field.dims->size();
      std::copy(field.dims->begin(), field.dims->end(), extents.begin());
    }
  }
};

// Whose fields an object holds.
enum class Place : uint8_t { kRequest, kRow, kColumns };

// Containers around a value that stands in an object of each place.
constexpr size_t depth_in(Place place) {
  return place == Place::kRequest ? 1 : place == Place::kColumns ? 2 : 3;
}

// Where each key of an object last occurs: in Python, the last of equal keys wins.
struct Survey {
  std::array<size_t, kIgnoredSlot + 1> last;
  std::vector<std::string> keys;  // the first few, for a message

  Survey() { last.fill(kNowhere); }
};

// Why a request was refused, collected on the way out of the recursion.
struct Failure {
  std::string what;           // empty: the text is no JSON
  std::vector<size_t> path;   // indices below the field, innermost first
  size_t field = kNowhere;    // index of the field
  size_t row = kNowhere;      // index in instances
  bool is_bare = false;       // the field's value stood there without its name
  bool is_nonfinite = false;  // NaN and the like: no JSON either, but told with its place
};

}  // namespace

class JsonReader::Impl {
 public:
  explicit Impl(std::vector<JsonField> fields);

  void read(std::span<const uint8_t> body);
  void store(std::span<uint8_t> target, std::span<const double> offsets) const;

  [[nodiscard]] size_t fields() const { return columns_.size(); }
  [[nodiscard]] RequestForm form() const { return form_; }
  [[nodiscard]] size_t rows() const { return rows_; }
  [[nodiscard]] const Column& column(size_t field) const { return columns_.at(field); }

 private:
  // Each returns false after noting why in failure_.
  bool parse();
  bool parse_bare(ondemand::value value, bool is_wrapped);
  bool read_fields(ondemand::object object, Place place);
  bool choose_form(const Survey& survey);
  bool read_wrapper(ondemand::value value, size_t slot);
  bool read_field(ondemand::value value, size_t index, Place place);
  bool read_instances(ondemand::value value);
  bool read_inputs(ondemand::value value);
  bool read_rows(Column& column, ondemand::value value);
  bool read_row(Column& column, ondemand::value value);
  template <typename Element>
  bool read_level(Column& column, ondemand::value value, size_t depth);
  template <typename Element>
  bool read_elements(Column& column, ondemand::array array, size_t depth);
  bool settle_rank(Column& column, ondemand::value value);
  bool settle_extent(Column& column, size_t depth, size_t count);
  bool take_survey(ondemand::object object, Survey& survey);
  bool classify(std::string_view key, size_t& slot);
  bool skip(ondemand::value value, size_t depth);

  // Each notes a failure and returns false.
  bool fail(std::string what);
  bool syntax();   // the text is no JSON
  bool give_up();  // the careful pass must decide
  bool expected(std::string_view what, ondemand::value value);
  bool bad_element(const Column& column, ondemand::value value);
  bool missing(size_t index, const Survey* survey, Place place);

  [[nodiscard]] std::string describe_failure() const;
  [[noreturn]] void report(std::span<const uint8_t> text) const;

  std::vector<Column> columns_;
  ondemand::parser parser_{simdjson::SIMDJSON_MAXSIZE_BYTES};
  Scratch text_;
  size_t text_bytes_ = 0;  // of the body in text_, after one byte that is free for a bracket
  RequestForm form_ = RequestForm::kNamed;
  bool has_form_ = false;
  size_t rows_ = 0;
  // A first, optimistic pass takes keys as they come and gives up on anything odd. The second looks
  // through each object before it reads it, and its failures are the ones to tell.
  bool is_careful_ = false;
  Failure failure_;
};

JsonReader::Impl::Impl(std::vector<JsonField> fields) {
  if (fields.empty() || fields.size() > kMaxFields) {
    throw Error("INTERNAL", "a reader takes 1 to " + std::to_string(kMaxFields) + " fields");
  }
  columns_.reserve(fields.size());
  for (JsonField& field : fields) {
    for (const Column& other : columns_) {
      if (other.field.name == field.name) {
        throw Error("INTERNAL", "two fields are called " + json::quoted(field.name));
      }
    }
    if (field.dims) {
      const auto& dims = *field.dims;
      if (dims.size() > kMaxRank ||
          std::any_of(dims.begin(), dims.end(), [](int64_t dim) { return dim < -1; })) {
        throw Error("INTERNAL", "the dims of field " + json::quoted(field.name) + " cannot be");
      }
    }
    columns_.emplace_back().field = std::move(field);
  }
}

void JsonReader::Impl::read(std::span<const uint8_t> body) {
  rows_ = 0;
  constexpr std::array<uint8_t, 3> kByteOrderMark{0xef, 0xbb, 0xbf};
  if (body.size() >= 3 && std::equal(kByteOrderMark.begin(), kByteOrderMark.end(), body.begin())) {
    body = body.subspan(3);
  }
  if (body.empty()) throw Error("INVALID_REQUEST", "the body is empty; expected JSON");
  constexpr size_t kAround = 2 + simdjson::SIMDJSON_PADDING;  // brackets and padding
  if (body.size() > std::numeric_limits<uint32_t>::max() - kAround) {
    throw Error("INVALID_REQUEST", "the body is larger than 4 GiB");
  }

  // simdjson needs padding, and the body may be shared memory that changes while it is read.
  text_.reset(body.size() + kAround);
  text_.reserve(body.size() + kAround);
  std::memcpy(text_.data() + 1, body.data(), body.size());
  text_bytes_ = body.size();
  if (parser_.capacity() > kKeptBytes && body.size() < parser_.capacity() / 4) {
    parser_ = ondemand::parser(simdjson::SIMDJSON_MAXSIZE_BYTES);
  }

  is_careful_ = false;
  if (parse()) return;
  is_careful_ = true;
  if (parse()) return;
  rows_ = 0;
  report({text_.data() + 1, text_bytes_});
}

bool JsonReader::Impl::parse() {
  failure_ = Failure{};
  has_form_ = false;
  rows_ = 0;
  for (Column& column : columns_) column.reset(text_bytes_);

  uint8_t* text = text_.data() + 1;
  size_t length = text_bytes_;
  std::memset(text + length, 0, simdjson::SIMDJSON_PADDING);
  const uint8_t* first = std::find_if_not(text, text + length, [](uint8_t c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
  });
  const bool is_object = first != text + length && *first == '{';
  const bool is_array = first != text + length && *first == '[';
  const bool is_wrapped = !is_object && !is_array;
  if (is_wrapped) {  // a scalar: read as the one element of an array
    *(--text) = '[';
    text[length + 1] = ']';
    length += 2;
    std::memset(text + length, 0, simdjson::SIMDJSON_PADDING);
  }

  ondemand::document document;
  const simdjson::error_code error =
      parser_.iterate(text, length, length + simdjson::SIMDJSON_PADDING).get(document);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error != simdjson::SUCCESS) return syntax();
  if (is_object) {
    ondemand::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) return syntax();
    if (!read_fields(object, Place::kRequest)) return false;
  } else {
    ondemand::value value;
    if (document.get_value().get(value) != simdjson::SUCCESS) return syntax();
    if (!parse_bare(value, is_wrapped)) return false;
  }
  return document.at_end() || syntax();
}

bool JsonReader::Impl::parse_bare(ondemand::value value, bool is_wrapped) {
  if (!is_wrapped) {
    if (columns_.size() > 1) return fail("expected an object with the fields, found an array");
    const Column& column = columns_[0];
    if (column.has_rank && column.rank == 0) {  // simdjson reads no scalar from a root array
      failure_.field = 0;
      return expected(expected_element(column.field.dtype), value);
    }
    form_ = RequestForm::kBare;
    rows_ = 1;
    return read_field(value, 0, Place::kRequest);
  }
  ondemand::array wrapping;
  if (value.get_array().get(wrapping) != simdjson::SUCCESS) return syntax();
  for (auto item : wrapping) {
    ondemand::value scalar;
    if (rows_ == 1 || item.get(scalar) != simdjson::SUCCESS) return syntax();
    const std::string_view token = token_of(scalar);
    if (columns_.size() > 1 || token.starts_with('"') || token.starts_with('n')) {
      return expected("an object or an array", scalar);
    }
    form_ = RequestForm::kBare;
    rows_ = 1;
    if (!read_field(scalar, 0, Place::kRequest)) return false;
  }
  return rows_ == 1 || syntax();
}

// Reads the fields of a request, a row or a set of columns, and passes over every other key.
bool JsonReader::Impl::read_fields(ondemand::object object, Place place) {
  std::optional<Survey> survey;
  if (is_careful_ && !take_survey(object, survey.emplace())) return false;

  const bool is_request = place == Place::kRequest;
  if (is_request && survey && !choose_form(*survey)) return false;
  uint64_t seen = 0;
  size_t ordinal = 0;
  for (auto item : object) {
    ondemand::field field;
    if (std::move(item).get(field) != simdjson::SUCCESS) return syntax();
    size_t slot = kIgnoredSlot;
    if (!classify(field.escaped_key(), slot)) return false;
    const bool is_last = !survey || survey->last[slot] == ordinal;
    ++ordinal;

    if (slot < columns_.size() && is_last) {
      const uint64_t bit = uint64_t{1} << slot;
      const bool is_late = is_request && has_form_ && form_ != RequestForm::kNamed;
      if (!survey && ((seen & bit) != 0 || is_late)) return give_up();
      seen |= bit;
      if (is_request) {
        form_ = RequestForm::kNamed;
        has_form_ = true;
        rows_ = 1;
      }
      if (!read_field(field.value(), slot, place)) return false;
    } else if (is_request && is_last && (slot == kInstancesSlot || slot == kInputsSlot)) {
      if (!read_wrapper(field.value(), slot)) return false;
    } else if (!skip(field.value(), depth_in(place))) {
      return false;
    }
  }

  if (is_request && has_form_ && form_ != RequestForm::kNamed) return true;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (((seen >> i) & 1U) == 0) return missing(i, survey ? &*survey : nullptr, place);
  }
  return true;
}

// A field makes a request a named one, whatever else is in it.
bool JsonReader::Impl::choose_form(const Survey& survey) {
  const auto has = [&survey](size_t slot) { return survey.last[slot] != kNowhere; };
  bool has_field = false;
  for (size_t i = 0; i < columns_.size(); ++i) has_field = has_field || has(i);
  if (!has_field && has(kInstancesSlot) && has(kInputsSlot)) {
    return fail("the request has \"instances\" and \"inputs\"; send one of them");
  }
  has_form_ = has_field || has(kInstancesSlot) || has(kInputsSlot);
  form_ = has_field || !has_form_ ? RequestForm::kNamed
          : has(kInstancesSlot)   ? RequestForm::kInstances
                                  : RequestForm::kInputs;
  return true;
}

// "instances" or "inputs" at the top level: the rows, unless the request has fields.
bool JsonReader::Impl::read_wrapper(ondemand::value value, size_t slot) {
  const bool is_instances = slot == kInstancesSlot;
  if (has_form_ && form_ == RequestForm::kNamed) return skip(value, depth_in(Place::kRequest));
  if (has_form_ && !is_careful_) return give_up();  // the second of its kind
  form_ = is_instances ? RequestForm::kInstances : RequestForm::kInputs;
  has_form_ = true;
  return is_instances ? read_instances(value) : read_inputs(value);
}

bool JsonReader::Impl::read_field(ondemand::value value, size_t index, Place place) {
  Column& column = columns_[index];
  const bool is_read =
      place == Place::kColumns ? read_rows(column, value) : read_row(column, value);
  if (!is_read) failure_.field = index;
  return is_read;
}

bool JsonReader::Impl::read_instances(ondemand::value value) {
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return expected("an array of rows", value);
  size_t row = 0;
  for (auto item : array) {
    ondemand::value element;
    if (item.get(element) != simdjson::SUCCESS) return syntax();
    const std::string_view token = token_of(element);
    bool is_read = false;
    if (token.starts_with('{')) {
      ondemand::object object;
      if (element.get_object().get(object) != simdjson::SUCCESS) return syntax();
      is_read = read_fields(object, Place::kRow);
    } else if (columns_.size() == 1) {
      is_read = read_field(element, 0, Place::kRow);
      failure_.is_bare = !is_read;
    } else {
      is_read = expected("an object with the fields", element);
    }
    if (!is_read) {
      failure_.row = row;
      return false;
    }
    ++row;
  }
  rows_ = row;
  return row > 0 || fail("expected at least one row, found an empty array");
}

bool JsonReader::Impl::read_inputs(ondemand::value value) {
  const std::string_view token = token_of(value);
  if (!token.starts_with('{')) {
    if (columns_.size() > 1) return expected("an object with an array for each field", value);
    const bool is_read = read_field(value, 0, Place::kColumns);
    failure_.is_bare = !is_read;
    return is_read;
  }
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return syntax();
  return read_fields(object, Place::kColumns);
}

// An array of rows of one field. Every field of a request must have as many.
bool JsonReader::Impl::read_rows(Column& column, ondemand::value value) {
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return expected("an array of rows", value);
  size_t row = 0;
  for (auto item : array) {
    ondemand::value element;
    if (item.get(element) != simdjson::SUCCESS) return syntax();
    if (!read_row(column, element)) {
      failure_.path.push_back(row);
      return false;
    }
    ++row;
  }
  if (row == 0) return fail("expected at least one row, found an empty array");
  if (rows_ != 0 && row != rows_) {
    return fail("expected " + counted(rows_, "row") + " as in the other fields, found " +
                std::to_string(row));
  }
  rows_ = row;
  return true;
}

bool JsonReader::Impl::read_row(Column& column, ondemand::value value) {
  if (!column.has_rank && !settle_rank(column, value)) return false;
  return with_element(column.field.dtype, [&](auto element) {
    return read_level<decltype(element)>(column, value, 0);
  });
}

// Counts the brackets that a row starts with; whether the rest agrees is found while reading.
bool JsonReader::Impl::settle_rank(Column& column, ondemand::value value) {
  const std::string_view token = token_of(value);
  size_t rank = 0;
  // The text ends in zeros, so a delimiter comes before its end.
  const char* at = token.data();
  for (; *at == '[' || *at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'; ++at) {
    if (*at == '[') ++rank;
  }
  if (rank > kMaxRank) return fail("more than " + std::to_string(kMaxRank) + " dimensions");
  if (*at == ']' && rank > 0) {
    failure_.path.assign(rank - 1, 0);
    return fail("an empty array has no shape");
  }
  column.rank = rank;
  column.has_rank = true;
  std::fill_n(column.extents.begin(), rank, -1);
  return true;
}

template <typename Element>
bool JsonReader::Impl::read_level(Column& column, ondemand::value value, size_t depth) {
  if (depth == column.rank) {
    typename Element::Type element{};
    if (!Element::read(value, element)) return bad_element(column, value);
    column.scratch.reserve(sizeof element);
    std::memcpy(column.scratch.end(), &element, sizeof element);
    column.scratch.set_end(column.scratch.end() + sizeof element);
    return true;
  }
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) {
    const int64_t extent = column.extents[depth];
    const std::string_view noun = depth + 1 == column.rank ? "value" : "array";
    return expected(
        extent < 0 ? "an array" : "an array of " + counted(static_cast<size_t>(extent), noun),
        value);
  }
  if (depth + 1 == column.rank) return read_elements<Element>(column, array, depth);
  size_t count = 0;
  for (auto item : array) {
    ondemand::value inner;
    if (item.get(inner) != simdjson::SUCCESS) return syntax();
    if (!read_level<Element>(column, inner, depth + 1)) {
      failure_.path.push_back(count);
      return false;
    }
    ++count;
  }
  return settle_extent(column, depth, count);
}

// The innermost arrays: where the time goes.
template <typename Element>
bool JsonReader::Impl::read_elements(Column& column, ondemand::array array, size_t depth) {
  constexpr size_t kSize = sizeof(typename Element::Type);
  Scratch& scratch = column.scratch;
  uint8_t* out = scratch.end();
  const uint8_t* limit = scratch.limit();
  const int64_t extent = column.extents[depth];
  const size_t expected_count = extent < 0 ? kNowhere : static_cast<size_t>(extent);
  size_t count = 0;
  for (auto item : array) {
    ondemand::value value;
    if (item.get(value) != simdjson::SUCCESS) [[unlikely]]
      return syntax();
    typename Element::Type element;
    if (!Element::read(value, element)) [[unlikely]] {
      failure_.path.push_back(count);
      return bad_element(column, value);
    }
    if (count++ >= expected_count) [[unlikely]]
      continue;  // only counted, for the message
    if (static_cast<size_t>(limit - out) < kSize) [[unlikely]] {
      scratch.set_end(out);
      scratch.reserve(kSize);
      out = scratch.end();
      limit = scratch.limit();
    }
    std::memcpy(out, &element, kSize);
    out += kSize;
  }
  if (out != nullptr) scratch.set_end(out);
  return settle_extent(column, depth, count);
}

bool JsonReader::Impl::settle_extent(Column& column, size_t depth, size_t count) {
  int64_t& extent = column.extents[depth];
  if (extent == static_cast<int64_t>(count)) [[likely]]
    return true;
  const std::string_view noun = depth + 1 == column.rank ? "value" : "array";
  if (extent >= 0) {
    const bool is_declared =
        column.field.dims && (*column.field.dims)[depth] == static_cast<int64_t>(extent);
    return fail("expected " + counted(static_cast<size_t>(extent), noun) +
                (is_declared ? "" : " as before") + ", found " + std::to_string(count));
  }
  const auto inner = column.extents.begin() + static_cast<std::ptrdiff_t>(depth) + 1;
  const auto end = column.extents.begin() + static_cast<std::ptrdiff_t>(column.rank);
  if (count == 0 && std::find(inner, end, -1) != end) return fail("an empty array has no shape");
  extent = static_cast<int64_t>(count);
  return true;
}

bool JsonReader::Impl::take_survey(ondemand::object object, Survey& survey) {
  size_t ordinal = 0;
  for (auto item : object) {
    ondemand::field field;
    if (std::move(item).get(field) != simdjson::SUCCESS) return syntax();
    const std::string_view key = field.escaped_key();
    size_t slot = kIgnoredSlot;
    if (!classify(key, slot)) return false;
    survey.last[slot] = ordinal++;
    constexpr size_t kNamedKeys = 5;
    if (survey.keys.size() <= kNamedKeys) {
      survey.keys.push_back(survey.keys.size() == kNamedKeys ? "..." : json::quoted(key));
    }
  }
  return object.reset().error() == simdjson::SUCCESS || syntax();
}

bool JsonReader::Impl::classify(std::string_view key, size_t& slot) {
  std::string unescaped;
  if (key.find('\\') != std::string_view::npos) [[unlikely]] {
    if (!json::has_valid_escapes(key)) return syntax();
    unescaped = json::unescape(key);
    key = unescaped;
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].field.name == key) {
      slot = i;
      return true;
    }
  }
  slot = key == "instances" ? kInstancesSlot : key == "inputs" ? kInputsSlot : kIgnoredSlot;
  return true;
}

// Passes over a value that nobody asked for, and still refuses what is no JSON.
bool JsonReader::Impl::skip(ondemand::value value, size_t depth) {
  const std::string_view token = token_of(value);
  if (token.starts_with('[') || token.starts_with('{')) {
    if (depth == json::kMaxDepth) return syntax();
  }
  if (token.starts_with('[')) {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return syntax();
    for (auto item : array) {
      ondemand::value element;
      if (item.get(element) != simdjson::SUCCESS) return syntax();
      if (!skip(element, depth + 1)) return false;
    }
    return true;
  }
  if (token.starts_with('{')) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) return syntax();
    for (auto item : object) {
      ondemand::field field;
      if (std::move(item).get(field) != simdjson::SUCCESS) return syntax();
      if (!json::has_valid_escapes(field.escaped_key())) return syntax();
      if (!skip(field.value(), depth + 1)) return false;
    }
    return true;
  }
  if (token.starts_with('"')) {
    // simdjson has checked that it is closed and free of control characters. It is consumed here
    // because the iterator would take an unread string before a colon for a key, and go on.
    ondemand::raw_json_string text;
    if (value.get_raw_json_string().get(text) != simdjson::SUCCESS) return syntax();
    return json::has_valid_escapes(token) || syntax();
  }
  return !kind_of(token).empty() || json::is_number(token) || syntax();
}

bool JsonReader::Impl::fail(std::string what) {
  failure_.what = std::move(what);
  return false;
}

bool JsonReader::Impl::syntax() { return fail({}); }

bool JsonReader::Impl::give_up() { return fail({}); }

bool JsonReader::Impl::expected(std::string_view what, ondemand::value value) {
  const std::string_view token = token_of(value);
  if (const std::string_view literal = json::nonfinite_literal(token); !literal.empty()) {
    failure_.is_nonfinite = true;
    return fail(std::string(literal) + " is not valid JSON; a number must be finite");
  }
  const std::string_view kind = json::is_number(token) ? "a number" : kind_of(token);
  if (kind.empty()) return syntax();
  return fail("expected " + std::string(what) + ", found " + std::string(kind));
}

bool JsonReader::Impl::bad_element(const Column& column, ondemand::value value) {
  const std::string_view token = token_of(value);
  const DType dtype = column.field.dtype;
  if (!json::is_number(token)) return expected(expected_element(dtype), value);
  const bool is_whole = token.find_first_of(".eE") == std::string_view::npos;
  if (dtype == DType::kBool || (!is_float(dtype) && !is_whole)) {
    return fail("expected " + std::string(expected_element(dtype)) + ", found " +
                json::excerpt(token));
  }
  return fail(json::excerpt(token) + " is out of range for " + std::string(dtype_name(dtype)));
}

bool JsonReader::Impl::missing(size_t index, const Survey* survey, Place place) {
  if (survey == nullptr) return give_up();
  const std::string_view whole = place == Place::kRequest ? "the request"
                                 : place == Place::kRow   ? "the row"
                                                          : "it";
  std::string what =
      "field " + json::quoted(columns_[index].field.name) + " is missing; " + std::string(whole);
  if (survey->keys.empty()) return fail(what + " is an empty object");
  const char* separator = " has ";
  for (const std::string& key : survey->keys) {
    what += separator + key;
    separator = ", ";
  }
  return fail(std::move(what));
}

std::string JsonReader::Impl::describe_failure() const {
  std::string indices;
  for (auto index = failure_.path.rbegin(); index != failure_.path.rend(); ++index) {
    indices += '[' + std::to_string(*index) + ']';
  }
  const bool has_field = failure_.field != kNowhere;
  const std::string name = has_field ? columns_[failure_.field].field.name : "";
  std::string place;
  if (has_form_ && form_ == RequestForm::kInstances) {
    place = "instances";
    if (failure_.row != kNowhere) place += '[' + std::to_string(failure_.row) + ']';
  } else if (has_form_ && form_ == RequestForm::kInputs) {
    place = "inputs";
  } else if (has_field) {
    return "field " + json::quoted(name) + indices + ": " + failure_.what;
  } else {
    return failure_.what;
  }
  if (has_field && !failure_.is_bare) place += member(name);
  place += indices;
  if (has_field && failure_.is_bare) place += " (field " + json::quoted(name) + ")";
  return place + ": " + failure_.what;
}

// A body that is no JSON is told as such, whatever else is wrong with it; only NaN and the like
// are better told with their place.
void JsonReader::Impl::report(std::span<const uint8_t> text) const {
  if (!failure_.is_nonfinite) {
    if (const auto error = json::find_syntax_error(text)) {
      throw Error("INVALID_REQUEST", "the body is not valid JSON at byte " +
                                         std::to_string(error->offset) + ": " + error->what);
    }
  }
  if (failure_.what.empty()) throw Error("INVALID_REQUEST", "the body is not valid JSON");
  throw Error("INVALID_REQUEST", describe_failure());
}

void JsonReader::Impl::store(std::span<uint8_t> target, std::span<const double> offsets) const {
  if (rows_ == 0) throw Error("INTERNAL", "store without a request that was read");
  if (offsets.size() != columns_.size()) {
    throw Error("INTERNAL",
                "store expects one offset for each of " + counted(columns_.size(), "field"));
  }
  constexpr double kMaxOffset = 9007199254740991;  // the largest integer of a JavaScript number
  for (size_t i = 0; i < columns_.size(); ++i) {
    const double offset = offsets[i];
    const size_t size = columns_[i].scratch.bytes().size();
    const bool is_whole = offset >= 0 && offset <= kMaxOffset && std::trunc(offset) == offset;
    if (!is_whole || size > target.size() || static_cast<uint64_t>(offset) > target.size() - size) {
      throw Error("INTERNAL", "field " + json::quoted(columns_[i].field.name) + " has " +
                                  std::to_string(size) + " bytes, which do not fit " +
                                  std::to_string(target.size()) + " at offset " +
                                  std::to_string(offset));
    }
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    const std::span<const uint8_t> bytes = columns_[i].scratch.bytes();
    if (bytes.empty()) continue;
    std::memcpy(target.data() + static_cast<size_t>(offsets[i]), bytes.data(), bytes.size());
  }
}

JsonReader::JsonReader(std::vector<JsonField> fields)
    : impl_(std::make_unique<Impl>(std::move(fields))) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

void JsonReader::read(std::span<const uint8_t> body) { impl_->read(body); }
size_t JsonReader::fields() const { return impl_->fields(); }
RequestForm JsonReader::form() const { return impl_->form(); }
size_t JsonReader::rows() const { return impl_->rows(); }

std::span<const int64_t> JsonReader::dims(size_t field) const {
  const Column& column = impl_->column(field);
  return {column.extents.data(), column.rank};
}

std::span<const uint8_t> JsonReader::bytes(size_t field) const {
  return impl_->column(field).scratch.bytes();
}

void JsonReader::store(std::span<uint8_t> target, std::span<const double> offsets) const {
  impl_->store(target, offsets);
}

}  // namespace sconce
