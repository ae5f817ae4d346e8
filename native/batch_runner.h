// Runs one sealed slab on one instance: picks the rows that were committed, runs them, and when
// the model throws, or memory runs out, finds out which rows are to blame so that the others still
// get their answer.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "error.h"
#include "events.h"
#include "slab.h"

namespace sconce {

// A slab that has been sealed and whose run may still be under way on the device.
class SlabRun {
 public:
  SlabRun(std::shared_ptr<Slab> slab, std::chrono::steady_clock::time_point rung);

  // Seals, waits for late writers, and submits. Never throws: what goes wrong is in the event.
  void begin(EngineInstance& instance, std::chrono::microseconds commit_timeout);

  // True when the outputs are in place or the run has failed.
  bool ready();

  // What the device said when it failed for good, while this slab was run.
  [[nodiscard]] const std::optional<std::string>& device_failure() const { return device_failure_; }

  // Gives up a run that has not ended: its rows fail with DEVICE_FAILED. Asks nothing of the
  // device.
  void abandon(const std::string& message);

  struct Outcome {
    BatchEvent event;  // without the model and signature ids
    Signature signature;
    std::shared_ptr<Slab> slab;
    std::optional<std::string> device_failure;
  };
  // Writes the output rows into the slab's header. Call once, when ready.
  Outcome finish();

 private:
  void collect_rows(int reserved, bool settled);
  void gather_rows();
  [[nodiscard]] Batch make_batch(size_t first, size_t count) const;
  void submit(EngineInstance& instance);
  void run_apart(EngineInstance& instance);
  void fail(size_t first, size_t count, const Error& error);

  std::shared_ptr<Slab> slab_;
  std::chrono::steady_clock::time_point rung_;
  std::chrono::steady_clock::time_point sealed_;
  std::vector<int> live_;               // slab rows that are run, in order
  std::vector<AlignedBytes> gathered_;  // inputs, when the live rows are not adjacent
  std::unique_ptr<Run> run_;
  BatchResult result_;
  std::vector<int> answered_;  // slab rows that have an output, in output order
  std::vector<RowError> errors_;
  std::optional<std::string> device_failure_;
};

}  // namespace sconce
