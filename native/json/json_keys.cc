#include "json_keys.h"

#include <algorithm>
#include <utility>

#include "error.h"
#include "json_syntax.h"

namespace sconce::json {

std::string Survey::describe() const {
  if (keys.empty()) return "is an empty object";
  std::string text;
  const char* separator = "has ";
  for (const std::string& key : keys) {
    text += separator + key;
    separator = ", ";
  }
  return text;
}

void Keys::add_field(const std::string& name) {
  if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
    throw Error("INTERNAL", "two fields are called " + json::quoted(name));
  }
  names_.push_back(name);
}

size_t Keys::search(std::string_view key) const {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == key) return i;
  }
  return key == "instances" ? kInstancesSlot : key == "inputs" ? kInputsSlot : kIgnoredSlot;
}

size_t Keys::search_escaped(std::string_view key) const {
  if (!has_valid_escapes(key)) return kInvalidSlot;
  return search(unescape(key));
}

bool Keys::take_survey(simdjson::ondemand::object object, Survey& survey) const {
  size_t ordinal = 0;
  for (auto item : object) {
    simdjson::ondemand::field field;
    if (std::move(item).get(field) != simdjson::SUCCESS) return false;
    const std::string_view key = field.escaped_key();
    const size_t slot = slot_of(key, ordinal);
    if (slot == kInvalidSlot) return false;
    survey.last[slot] = ordinal++;
    constexpr size_t kNamedKeys = 5;
    if (survey.keys.size() <= kNamedKeys) {
      survey.keys.push_back(survey.keys.size() == kNamedKeys ? "..." : json::quoted(key));
    }
  }
  return object.reset().error() == simdjson::SUCCESS;
}

}  // namespace sconce::json
