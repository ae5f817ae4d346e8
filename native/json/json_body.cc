#include "json_body.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <new>

#include "error.h"

namespace sconce::json {

void Body::load(std::span<const uint8_t> body) {
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
  memory_.reset(body.size() + kAround);
  memory_.reserve(body.size() + kAround);
  std::memcpy(memory_.data() + 1, body.data(), body.size());
  memory_.set_end(memory_.data() + 1 + body.size());
  if (parser_.capacity() > kKeptBytes && body.size() < parser_.capacity() / 4) {
    parser_ = simdjson::ondemand::parser(simdjson::SIMDJSON_MAXSIZE_BYTES);
  }
}

bool Body::start(simdjson::ondemand::document& document, Root& root) {
  uint8_t* text = memory_.data() + 1;
  uint8_t* end = memory_.end();
  std::memset(end, 0, simdjson::SIMDJSON_PADDING);
  const uint8_t* first = std::find_if_not(
      text, end, [](uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  root = first != end && *first == '{'   ? Root::kObject
         : first != end && *first == '[' ? Root::kArray
                                         : Root::kScalar;
  if (root == Root::kScalar) {
    *(--text) = '[';
    *(end++) = ']';
    std::memset(end, 0, simdjson::SIMDJSON_PADDING);
  }
  const auto length = static_cast<size_t>(end - text);
  const simdjson::error_code error =
      parser_.iterate(text, length, length + simdjson::SIMDJSON_PADDING).get(document);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  return error == simdjson::SUCCESS;
}

}  // namespace sconce::json
