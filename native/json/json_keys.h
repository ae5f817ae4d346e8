// What the keys of a request's objects mean.
#pragma once

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "json_field.h"

namespace sconce::json {

// The slot of a key: a field's index, or one of these. A plain number, because an optional one is
// spilled and stalls the loop over the keys.
inline constexpr size_t kInstancesSlot = kMaxJsonFields;
inline constexpr size_t kInputsSlot = kInstancesSlot + 1;
inline constexpr size_t kIgnoredSlot = kInputsSlot + 1;
inline constexpr size_t kInvalidSlot = kIgnoredSlot + 1;  // an escape in the key is no JSON

// The keys of one object, looked through before it is read.
struct Survey {
  static constexpr size_t kNowhere = std::numeric_limits<size_t>::max();

  // Where the keys of each slot last occur: in Python, the last of equal keys wins.
  std::array<size_t, kIgnoredSlot + 1> last;
  std::vector<std::string> keys;  // the first few, for a message

  Survey() { last.fill(kNowhere); }
  [[nodiscard]] bool has(size_t slot) const { return last[slot] != kNowhere; }
  // "has ..., ..." or "is an empty object".
  [[nodiscard]] std::string describe() const;
};

class Keys {
 public:
  // Throws Error("INTERNAL") for the name of another field.
  void add_field(const std::string& name);
  [[nodiscard]] const std::string& name(size_t field) const { return names_[field]; }

  // The slot of a key as it stands between its quotes. `ordinal` is its place in the object: fields
  // mostly come in the order in which they are known.
  [[nodiscard]] size_t slot_of(std::string_view key, size_t ordinal) const {
    const bool is_plain = key.find('\\') == std::string_view::npos;
    if (is_plain && ordinal < names_.size() && names_[ordinal] == key) return ordinal;
    return is_plain ? search(key) : search_escaped(key);
  }

  // Leaves `object` as it was. False when it is no JSON, as far as this sees.
  [[nodiscard]] bool take_survey(simdjson::ondemand::object object, Survey& survey) const;

 private:
  [[nodiscard]] size_t search(std::string_view key) const;
  [[nodiscard]] size_t search_escaped(std::string_view key) const;

  std::vector<std::string> names_;
};

}  // namespace sconce::json
