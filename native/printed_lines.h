// What a model has printed and the main loop has not taken yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/printing.h"
#include "events.h"

namespace sconce {

// Holds a bounded number of lines: those that do not fit are counted, and only that is kept of
// them. One event tells the main loop that there is something to take, until it has been taken.
// Thread-safe.
class PrintedLines : public PrintSink {
 public:
  struct Taken {
    std::string text;  // each line ends with a line break
    uint64_t dropped = 0;
  };

  PrintedLines(int model, EventSink& sink) : model_(model), sink_(sink) {}

  void print(const std::string& text) override;
  [[nodiscard]] Taken take();

 private:
  // With the mutex held.
  void add(std::string_view line);

  const int model_;
  EventSink& sink_;
  std::mutex mutex_;
  Taken waiting_;
  size_t lines_ = 0;
  bool told_ = false;
};

}  // namespace sconce
