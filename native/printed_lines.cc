#include "printed_lines.h"

#include <utility>

namespace sconce {

namespace {

// What the main loop can take in about a millisecond.
constexpr size_t kMaxLines = 500;
constexpr size_t kMaxBytes = size_t{64} * 1024;
// Longer lines are cut.
constexpr size_t kMaxLineBytes = size_t{8} * 1024;
constexpr std::string_view kEllipsis = "…";

// At most `bytes` of the text, without a part of a UTF-8 character at the end.
std::string_view cut(std::string_view text, size_t bytes) {
  while (bytes > 0 && (static_cast<uint8_t>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

}  // namespace

void PrintedLines::print(const std::string& text) {
  {
    const std::scoped_lock lock(mutex_);
    for (std::string_view rest = text; !rest.empty();) {
      const size_t end = rest.find('\n');
      add(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    if (std::exchange(told_, true)) return;
  }
  sink_.post(PrintedEvent{model_});
}

void PrintedLines::add(std::string_view line) {
  if (lines_ == kMaxLines || waiting_.text.size() >= kMaxBytes) {
    ++waiting_.dropped;
    return;
  }
  ++lines_;
  if (line.size() > kMaxLineBytes) {
    waiting_.text += cut(line, kMaxLineBytes);
    waiting_.text += kEllipsis;
  } else {
    waiting_.text += line;
  }
  waiting_.text += '\n';
}

PrintedLines::Taken PrintedLines::take() {
  const std::scoped_lock lock(mutex_);
  told_ = false;
  lines_ = 0;
  return std::exchange(waiting_, {});
}

}  // namespace sconce
