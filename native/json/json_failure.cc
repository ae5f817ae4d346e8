#include "json_failure.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "error.h"
#include "json_syntax.h"
#include "json_value.h"

namespace sconce::json {
namespace {

// `.name` when that reads well, otherwise `."odd name"`.
std::string member(const std::string& name) {
  const bool plain = !name.empty() && name.size() <= 40 &&
                     std::all_of(name.begin(), name.end(),
                                 [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  return '.' + (plain ? name : json::quoted(name));
}

}  // namespace

std::string counted(size_t count, std::string_view noun) {
  return std::to_string(count) + ' ' + std::string(noun) + (count == 1 ? "" : "s");
}

bool Failure::fail(std::string what) {
  what_ = std::move(what);
  return false;
}

bool Failure::syntax() { return fail({}); }

bool Failure::expected(std::string_view what, simdjson::ondemand::value value) {
  const std::string_view token = token_of(value);
  if (const std::string_view literal = nonfinite_literal(token); !literal.empty()) {
    is_nonfinite_ = true;
    return fail(std::string(literal) + " is not valid JSON; a number must be finite");
  }
  const std::string_view kind = is_number(token) ? "a number" : kind_of(token);
  if (kind.empty()) return syntax();
  return fail("expected " + std::string(what) + ", found " + std::string(kind));
}

bool Failure::at_index(size_t index) {
  path_.push_back(index);
  return false;
}

bool Failure::in_field(const std::string& name) {
  field_ = &name;
  return false;
}

bool Failure::unnamed() {
  is_bare_ = true;
  return false;
}

bool Failure::in_row(size_t row) {
  row_ = row;
  return false;
}

// A body that is no JSON is told as such, whatever else is wrong with it; only NaN and the like
// are better told with their place.
void Failure::report(std::span<const uint8_t> text, RequestForm form) const {
  if (!is_nonfinite_) {
    if (const auto error = find_syntax_error(text)) {
      throw Error("INVALID_REQUEST", "the body is not valid JSON at byte " +
                                         std::to_string(error->offset) + ": " + error->what);
    }
  }
  if (what_.empty()) throw Error("INVALID_REQUEST", "the body is not valid JSON");
  throw Error("INVALID_REQUEST", describe(form));
}

std::string Failure::describe(RequestForm form) const {
  std::string indices;
  for (auto index = path_.rbegin(); index != path_.rend(); ++index) {
    indices += '[' + std::to_string(*index) + ']';
  }
  std::string place;
  if (form == RequestForm::kInstances) {
    place = "instances";
    if (row_) place += '[' + std::to_string(*row_) + ']';
  } else if (form == RequestForm::kInputs) {
    place = "inputs";
  } else if (field_ != nullptr) {
    return "field " + json::quoted(*field_) + indices + ": " + what_;
  } else {
    return what_;
  }
  if (field_ != nullptr && !is_bare_) place += member(*field_);
  place += indices;
  if (field_ != nullptr && is_bare_) place += " (field " + json::quoted(*field_) + ")";
  return place + ": " + what_;
}

}  // namespace sconce::json
