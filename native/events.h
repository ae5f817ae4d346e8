// What the execution threads tell the main loop.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/engine.h"

namespace sconce {

struct RowError {
  int row = 0;   // first slab row of the range
  int rows = 0;  // length of the range
  std::string code;
  std::string message;
};

// A slab came back: every row it held is answered by this event.
struct BatchEvent {
  int model = 0;
  int slab = 0;
  int rows = 0;        // rows that have an output
  int signature = -1;  // of the outputs, -1 when no row has one
  AlignedBytes overflow;
  size_t overflow_bytes = 0;
  std::vector<RowError> errors;
  double queue_microseconds = 0;    // from ring to seal
  double compute_microseconds = 0;  // from seal to completion
};

struct LoadedEvent {
  int model = 0;
  ModelDescription description;
  std::vector<double> load_milliseconds;  // of each instance, oldest first
};

struct FailedEvent {
  int model = 0;
  std::string code;
  std::string message;
};

struct WarmedEvent {
  int model = 0;
  int signature = -1;
  std::vector<double> microseconds;  // of a batch of each number of rows
  // Of each number of rows, where graphs were wanted: as the oldest instance has them, with the
  // bytes of all instances.
  std::vector<GraphCapture> graphs;
  std::optional<FailedEvent> error;
};

// A device runs nothing more in this process. Its instances leave; what they were running fails
// with DEVICE_FAILED. Without any that remain a FailedEvent with this code follows.
struct DeviceFailedEvent {
  int model = 0;
  std::string device;
  std::string message;
  int remaining = 0;  // instances of the model, on other devices
};

// Something that whoever runs the model should know; it serves all the same.
struct NoticeEvent {
  int model = 0;
  std::string message;
};

// Answers a trial of a plan search, whose id stands for the model.
struct TrialEvent {
  int model = 0;
  std::vector<double> microseconds;  // of a batch of each number of rows
  double deviation = std::numeric_limits<double>::quiet_NaN();
  double prepare_milliseconds = 0;
  std::optional<FailedEvent> error;
};

// Answers a wish: as many instances run as were asked for last, or as could be made.
struct ScaledEvent {
  int model = 0;
  int instances = 0;
  std::vector<double> load_milliseconds;  // of each instance that is new, oldest first
  std::optional<FailedEvent> error;
};

// Answers a request to explain an output.
struct ExplainedEvent {
  int model = 0;
  int64_t id = 0;
  Attributions attributions;
  std::optional<FailedEvent> error;
};

// Answers a wish for batches on the main loop, or tells that they have ended there.
struct LoopEvent {
  int model = 0;
  int rows = 0;        // batches of up to so many rows run there
  std::string reason;  // why there are none, unless nobody asked for them
};

// The model has printed something, which waits in its PrintedLines.
struct PrintedEvent {
  int model = 0;
};

// The instances' threads are gone and their memory is freed; the last thread of the model is about
// to return and can be joined without waiting.
struct ClosedEvent {
  int model = 0;
};

using Event = std::variant<BatchEvent, TrialEvent, LoadedEvent, FailedEvent, WarmedEvent,
                           ScaledEvent, ExplainedEvent, LoopEvent, PrintedEvent, DeviceFailedEvent,
                           NoticeEvent, ClosedEvent>;

// Where events go. post() may be called from any thread.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void post(Event event) = 0;
};

}  // namespace sconce
