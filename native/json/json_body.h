// The text of a request, laid out as simdjson needs it.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <span>

#include "json_scratch.h"

namespace sconce::json {

class Body {
 public:
  // What the text is. A scalar is parsed as the one element of an array, because simdjson gives no
  // scalar at the root as a value.
  enum class Root : uint8_t { kObject, kArray, kScalar };

  // Copies `body` without its byte order mark. Throws Error("INVALID_REQUEST") when nothing is left
  // or it is too large.
  void load(std::span<const uint8_t> body);

  // Starts a pass over the text. False when simdjson sees at once that it is no JSON.
  [[nodiscard]] bool start(simdjson::ondemand::document& document, Root& root);

  // As it was sent, without the byte order mark.
  [[nodiscard]] std::span<const uint8_t> text() const { return memory_.bytes().subspan(1); }

 private:
  simdjson::ondemand::parser parser_{simdjson::SIMDJSON_MAXSIZE_BYTES};
  Scratch memory_;  // the text after one byte that is free for a bracket
};

}  // namespace sconce::json
