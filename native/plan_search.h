// Times ways of running a model file, for whoever chooses between them.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "events.h"
#include "plan_trial.h"
#include "thread_owner.h"

namespace sconce {

struct PlanSearchOptions {
  int id = 0;
  EngineOptions engine;            // its plan is not used
  std::vector<TensorMeta> inputs;  // of one row
  size_t graph_memory = 0;         // bytes that the graphs of a trial may take
};

// One thread runs the trials one after the other; it reads the file for the first. What a trial
// prepares is freed before the next, and none sees what another has done to the module.
class PlanSearch : public ThreadOwner {
 public:
  PlanSearch(PlanSearchOptions options, EventSink& sink);
  // Stops and joins; waits for the batch that is running.
  ~PlanSearch() override;

  [[nodiscard]] int id() const override { return options_.id; }

  void start() override;

  // Ends in a TrialEvent, in the order of the calls, unless the search is closed before. Throws
  // Error with MODEL_CLOSED when it is closed.
  void add(Trial trial);

  // Trials that wait or run get no event. A batch that does not end keeps its thread until the
  // process ends.
  void close() override;

  bool wait_until_ended(std::chrono::steady_clock::time_point deadline) override;
  void join() override;

 private:
  void supervise();
  void try_plan(const Trial& trial);
  [[nodiscard]] TrialEvent run(const Trial& trial);
  void make_reference(const Trial& trial);

  const PlanSearchOptions options_;
  EventSink& sink_;
  const std::shared_ptr<PrintSink> silence_;
  std::thread thread_;
  std::atomic<bool> closing_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable ended_;
  std::deque<Trial> waiting_;
  bool has_ended_ = false;

  // On the thread of the search.
  std::unique_ptr<EngineFile> file_;
  std::optional<SampleRows> samples_;
  ReferenceOutputs reference_;           // of as many rows as the samples have
  std::optional<Error> device_failure_;  // nothing more is tried
};

}  // namespace sconce
