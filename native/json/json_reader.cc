#include "json_reader.h"

#include <simdjson.h>

#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "error.h"
#include "json_body.h"
#include "json_column.h"
#include "json_element.h"
#include "json_failure.h"
#include "json_keys.h"
#include "json_syntax.h"
#include "json_value.h"

namespace sconce {
namespace {

namespace ondemand = simdjson::ondemand;

// Whose fields an object holds.
enum class Place : uint8_t { kRequest, kRow, kColumns };

// Containers around a value that stands in an object of each place.
constexpr size_t depth_in(Place place) {
  return place == Place::kRequest ? 1 : place == Place::kColumns ? 2 : 3;
}

}  // namespace

class JsonReader::Impl {
 public:
  explicit Impl(const std::vector<JsonField>& fields);

  void read(std::span<const uint8_t> body);
  void store(std::span<uint8_t> target, std::span<const double> offsets) const;

  [[nodiscard]] size_t fields() const { return columns_.size(); }
  [[nodiscard]] RequestForm form() const { return form_; }
  [[nodiscard]] size_t rows() const { return rows_; }
  [[nodiscard]] const json::Column& column(size_t field) const { return columns_.at(field); }

 private:
  // Each returns false after noting why in failure_.
  bool parse();
  bool parse_array(ondemand::value value);
  bool parse_scalar(ondemand::value wrapping);
  bool read_bare_request(ondemand::value value);
  bool read_fields(ondemand::object object, Place place);
  bool choose_form(const json::Survey& survey);
  bool read_wrapper(ondemand::value value, size_t slot);
  bool read_field(ondemand::value value, size_t index, Place place);
  bool read_instances(ondemand::value value);
  bool read_inputs(ondemand::value value);
  bool read_rows(json::Column& column, ondemand::value value);
  bool skip(ondemand::value value, size_t depth);

  bool give_up();  // the careful pass must decide
  bool missing(size_t index, const json::Survey* survey, Place place);

  json::Keys keys_;
  std::vector<json::Column> columns_;
  json::Body body_;
  RequestForm form_ = RequestForm::kNamed;
  bool has_form_ = false;
  size_t rows_ = 0;
  // A first, optimistic pass takes keys as they come and gives up on anything odd. The second looks
  // through each object before it reads it, and its failures are the ones to tell.
  bool is_careful_ = false;
  json::Failure failure_;
};

JsonReader::Impl::Impl(const std::vector<JsonField>& fields) {
  if (fields.empty() || fields.size() > kMaxJsonFields) {
    throw Error("INTERNAL", "a reader takes 1 to " + std::to_string(kMaxJsonFields) + " fields");
  }
  columns_.reserve(fields.size());
  for (const JsonField& field : fields) {
    keys_.add_field(field.name);
    columns_.emplace_back(field);
  }
}

void JsonReader::Impl::read(std::span<const uint8_t> body) {
  rows_ = 0;
  body_.load(body);
  is_careful_ = false;
  if (parse()) return;
  is_careful_ = true;
  if (parse()) return;
  rows_ = 0;
  failure_.report(body_.text(), has_form_ ? form_ : RequestForm::kNamed);
}

bool JsonReader::Impl::parse() {
  failure_ = json::Failure{};
  has_form_ = false;
  rows_ = 0;
  for (json::Column& column : columns_) column.reset(body_.text().size());

  ondemand::document document;
  json::Body::Root root{};
  if (!body_.start(document, root)) return failure_.syntax();
  if (root == json::Body::Root::kObject) {
    ondemand::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) return failure_.syntax();
    if (!read_fields(object, Place::kRequest)) return false;
  } else {
    ondemand::value value;
    if (document.get_value().get(value) != simdjson::SUCCESS) return failure_.syntax();
    const bool is_array = root == json::Body::Root::kArray;
    if (!(is_array ? parse_array(value) : parse_scalar(value))) return false;
  }
  return document.at_end() || failure_.syntax();
}

bool JsonReader::Impl::parse_array(ondemand::value value) {
  if (columns_.size() > 1) {
    return failure_.fail("expected an object with the fields, found an array");
  }
  if (columns_[0].is_scalar()) {  // simdjson reads no scalar from a root array
    failure_.in_field(keys_.name(0));
    return failure_.expected(json::expected_element(columns_[0].dtype()), value);
  }
  return read_bare_request(value);
}

// `wrapping` is the array that json::Body puts around a scalar.
bool JsonReader::Impl::parse_scalar(ondemand::value wrapping) {
  ondemand::array array;
  if (wrapping.get_array().get(array) != simdjson::SUCCESS) return failure_.syntax();
  for (auto item : array) {
    ondemand::value scalar;
    if (rows_ == 1 || item.get(scalar) != simdjson::SUCCESS) return failure_.syntax();
    const std::string_view token = json::token_of(scalar);
    if (columns_.size() > 1 || token.starts_with('"') || token.starts_with('n')) {
      return failure_.expected("an object or an array", scalar);
    }
    if (!read_bare_request(scalar)) return false;
  }
  return rows_ == 1 || failure_.syntax();
}

// A request that is the only row of the only field.
bool JsonReader::Impl::read_bare_request(ondemand::value value) {
  form_ = RequestForm::kBare;
  rows_ = 1;
  return read_field(value, 0, Place::kRequest);
}

// Reads the fields of a request, a row or a set of columns, and passes over every other key.
bool JsonReader::Impl::read_fields(ondemand::object object, Place place) {
  std::optional<json::Survey> survey;
  if (is_careful_ && !keys_.take_survey(object, survey.emplace())) return failure_.syntax();

  const bool is_request = place == Place::kRequest;
  if (is_request && survey && !choose_form(*survey)) return false;
  uint64_t seen = 0;
  size_t ordinal = 0;
  for (auto item : object) {
    ondemand::field field;
    if (std::move(item).get(field) != simdjson::SUCCESS) return failure_.syntax();
    const size_t slot = keys_.slot_of(field.escaped_key(), ordinal);
    if (slot == json::kInvalidSlot) return failure_.syntax();
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
    } else if (is_request && is_last &&
               (slot == json::kInstancesSlot || slot == json::kInputsSlot)) {
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
bool JsonReader::Impl::choose_form(const json::Survey& survey) {
  bool has_field = false;
  for (size_t i = 0; i < columns_.size(); ++i) has_field = has_field || survey.has(i);
  const bool has_instances = survey.has(json::kInstancesSlot);
  const bool has_inputs = survey.has(json::kInputsSlot);
  if (!has_field && has_instances && has_inputs) {
    return failure_.fail("the request has \"instances\" and \"inputs\"; send one of them");
  }
  has_form_ = has_field || has_instances || has_inputs;
  form_ = has_field || !has_form_ ? RequestForm::kNamed
          : has_instances         ? RequestForm::kInstances
                                  : RequestForm::kInputs;
  return true;
}

// "instances" or "inputs" at the top level: the rows, unless the request has fields.
bool JsonReader::Impl::read_wrapper(ondemand::value value, size_t slot) {
  const bool is_instances = slot == json::kInstancesSlot;
  if (has_form_ && form_ == RequestForm::kNamed) return skip(value, depth_in(Place::kRequest));
  if (has_form_ && !is_careful_) return give_up();  // the second of its kind
  form_ = is_instances ? RequestForm::kInstances : RequestForm::kInputs;
  has_form_ = true;
  return is_instances ? read_instances(value) : read_inputs(value);
}

bool JsonReader::Impl::read_field(ondemand::value value, size_t index, Place place) {
  json::Column& column = columns_[index];
  const bool is_read =
      place == Place::kColumns ? read_rows(column, value) : column.read_row(value, failure_);
  return is_read || failure_.in_field(keys_.name(index));
}

// Every field of a request must have as many rows.
bool JsonReader::Impl::read_rows(json::Column& column, ondemand::value value) {
  size_t rows = 0;
  if (!column.read_rows(value, rows, failure_)) return false;
  if (rows_ != 0 && rows != rows_) {
    return failure_.fail("expected " + json::counted(rows_, "row") +
                         " as in the other fields, found " + std::to_string(rows));
  }
  rows_ = rows;
  return true;
}

bool JsonReader::Impl::read_instances(ondemand::value value) {
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) {
    return failure_.expected("an array of rows", value);
  }
  size_t row = 0;
  for (auto item : array) {
    ondemand::value element;
    if (item.get(element) != simdjson::SUCCESS) return failure_.syntax();
    const std::string_view token = json::token_of(element);
    bool is_read = false;
    if (token.starts_with('{')) {
      ondemand::object object;
      if (element.get_object().get(object) != simdjson::SUCCESS) return failure_.syntax();
      is_read = read_fields(object, Place::kRow);
    } else if (columns_.size() == 1) {
      is_read = read_field(element, 0, Place::kRow) || failure_.unnamed();
    } else {
      is_read = failure_.expected("an object with the fields", element);
    }
    if (!is_read) return failure_.in_row(row);
    ++row;
  }
  rows_ = row;
  return row > 0 || failure_.fail("expected at least one row, found an empty array");
}

bool JsonReader::Impl::read_inputs(ondemand::value value) {
  const std::string_view token = json::token_of(value);
  if (!token.starts_with('{')) {
    if (columns_.size() > 1) {
      return failure_.expected("an object with an array for each field", value);
    }
    return read_field(value, 0, Place::kColumns) || failure_.unnamed();
  }
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return failure_.syntax();
  return read_fields(object, Place::kColumns);
}

bool JsonReader::Impl::skip(ondemand::value value, size_t depth) {
  return json::skip(value, depth) || failure_.syntax();
}

bool JsonReader::Impl::give_up() { return failure_.fail({}); }

bool JsonReader::Impl::missing(size_t index, const json::Survey* survey, Place place) {
  if (survey == nullptr) return give_up();
  const std::string_view whole = place == Place::kRequest ? "the request"
                                 : place == Place::kRow   ? "the row"
                                                          : "it";
  return failure_.fail("field " + json::quoted(keys_.name(index)) + " is missing; " +
                       std::string(whole) + ' ' + survey->describe());
}

void JsonReader::Impl::store(std::span<uint8_t> target, std::span<const double> offsets) const {
  if (rows_ == 0) throw Error("INTERNAL", "store without a request that was read");
  if (offsets.size() != columns_.size()) {
    throw Error("INTERNAL",
                "store expects one offset for each of " + json::counted(columns_.size(), "field"));
  }
  constexpr double kMaxOffset = 9007199254740991;  // the largest integer of a JavaScript number
  for (size_t i = 0; i < columns_.size(); ++i) {
    const double offset = offsets[i];
    const size_t size = columns_[i].bytes().size();
    const bool is_whole = offset >= 0 && offset <= kMaxOffset && std::trunc(offset) == offset;
    if (!is_whole || size > target.size() || static_cast<uint64_t>(offset) > target.size() - size) {
      throw Error("INTERNAL", "field " + json::quoted(keys_.name(i)) + " has " +
                                  std::to_string(size) + " bytes, which do not fit " +
                                  std::to_string(target.size()) + " at offset " +
                                  std::to_string(offset));
    }
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    const std::span<const uint8_t> bytes = columns_[i].bytes();
    if (bytes.empty()) continue;
    std::memcpy(target.data() + static_cast<size_t>(offsets[i]), bytes.data(), bytes.size());
  }
}

JsonReader::JsonReader(const std::vector<JsonField>& fields)
    : impl_(std::make_unique<Impl>(fields)) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

void JsonReader::read(std::span<const uint8_t> body) { impl_->read(body); }
size_t JsonReader::fields() const { return impl_->fields(); }
RequestForm JsonReader::form() const { return impl_->form(); }
size_t JsonReader::rows() const { return impl_->rows(); }

std::span<const int64_t> JsonReader::dims(size_t field) const {
  return impl_->column(field).dims();
}

std::span<const uint8_t> JsonReader::bytes(size_t field) const {
  return impl_->column(field).bytes();
}

void JsonReader::store(std::span<uint8_t> target, std::span<const double> offsets) const {
  impl_->store(target, offsets);
}

}  // namespace sconce
