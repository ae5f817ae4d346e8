// One way of running a model, timed.
#pragma once

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/engine.h"
#include "engine/printing.h"
#include "error.h"
#include "sample_batch.h"

namespace sconce {

struct Trial {
  EnginePlan plan;
  std::vector<int> rows;  // at least one; a batch of each number is timed
  int instances = 1;      // that run at the same time
  int intra_op_threads = 1;
  std::chrono::microseconds budget{};  // for the repetitions, after what warms up

  [[nodiscard]] int most_rows() const;
};

// What the outputs of a trial are compared with.
struct ReferenceOutputs {
  int rows = 0;
  Signature signature;
  std::vector<uint8_t> block;
};

// Runs a trial's instances on threads of their own.
class PlanTrial {
 public:
  struct Context {
    const SampleRows& samples;  // as many rows as the trial's most
    const ReferenceOutputs& reference;
    std::shared_ptr<PrintSink> print_sink;
    const std::atomic<bool>& cancelled;
    size_t graph_memory = 0;  // bytes that the graphs of all instances may take
  };

  // `model` is prepared by the trial's plan, and everything outlives this object.
  PlanTrial(EngineModel& model, const Trial& trial, const Context& context);

  // Ends early when it is cancelled, after the batches that are running, and then has no results.
  // Throws Error with the code of what failed first, INVALID_OUTPUT for outputs of other shapes or
  // dtypes than the reference's, MODEL_FAILED where the plan has graphs and none can be captured.
  void run();

  // Of each number of rows, over all instances and repetitions: the median. Where an instance has
  // several batches under way, from the end of one to the end of the next.
  [[nodiscard]] std::vector<double> microseconds() const;
  // From the reference: the largest of the first batch of an instance and the first of its graph.
  [[nodiscard]] double deviation() const { return deviation_; }

 private:
  // The repetitions of one number of rows.
  struct Measurement {
    std::vector<double> microseconds;
    int instances_done = 0;  // that have as many as they need
  };

  void run_instance(int index);
  void warm_up(EngineInstance& instance, int index);
  // False where there is nothing to capture. Throws Error with MODEL_FAILED.
  bool capture(EngineInstance& instance);
  void compare(const SampleBatch& batch);
  void measure(EngineInstance& instance, size_t index);
  void fail(const Error& error);
  [[nodiscard]] bool is_over() const { return failed_ || context_.cancelled; }

  EngineModel& model_;
  const Trial& trial_;
  const Context context_;
  std::barrier<> in_step_;  // all instances run the same number of rows
  std::atomic<bool> failed_ = false;
  double deviation_ = 0;

  std::mutex mutex_;
  std::optional<Error> failure_;
  std::vector<Measurement> measurements_;
};

}  // namespace sconce
