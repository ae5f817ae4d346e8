#include "plan_trial.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "deviation.h"
#include "execution_thread.h"

namespace sconce {

namespace {

constexpr size_t kLeastRepetitions = 2;

// Batches of one number of rows, as many under way as the instance takes: on a GPU copies overlap
// with what is computed.
class SampleStream {
 public:
  // Runs each batch once, which makes what is kept for this number of rows.
  SampleStream(EngineInstance& instance, const SampleRows& samples, int rows) {
    for (size_t i = 0; i < instance.max_in_flight(); ++i) {
      batches_.emplace_back(instance, samples, rows).run();
    }
    for (size_t i = 1; i < batches_.size(); ++i) batches_[i].start();
    last_end_ = Clock::now();
  }

  // Microseconds of one more batch: until its end from its start or, where there are several, from
  // the end of the one before.
  double time_next() {
    batches_[next_].start();
    next_ = (next_ + 1) % batches_.size();  // the oldest
    const std::chrono::duration<double, std::micro> alone = batches_[next_].finish();
    const Clock::time_point end = Clock::now();
    const std::chrono::duration<double, std::micro> beside = end - last_end_;
    last_end_ = end;
    return batches_.size() == 1 ? alone.count() : beside.count();
  }

 private:
  using Clock = std::chrono::steady_clock;

  std::deque<SampleBatch> batches_;
  size_t next_ = 0;
  Clock::time_point last_end_;
};

}  // namespace

int Trial::most_rows() const { return *std::max_element(rows.begin(), rows.end()); }

PlanTrial::PlanTrial(EngineModel& model, const Trial& trial, const Context& context)
    : model_(model),
      trial_(trial),
      context_(context),
      in_step_(trial.instances),
      measurements_(trial.rows.size()) {}

void PlanTrial::run() {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(trial_.instances));
  for (int i = 0; i < trial_.instances; ++i) {
    try {
      threads.emplace_back([this, i] { run_instance(i); });
    } catch (const std::system_error& error) {
      fail({"OUT_OF_MEMORY", std::string("no thread can be started: ") + error.what()});
      in_step_.arrive_and_drop();
    }
  }
  for (std::thread& thread : threads) thread.join();
  if (failure_) throw *failure_;
}

void PlanTrial::run_instance(int index) {
  become_execution_thread("sconce trial");
  const PrintRedirection redirection(context_.print_sink);
  try {
    const std::unique_ptr<EngineInstance> instance = model_.make_instance();
    instance->set_intra_op_threads(trial_.intra_op_threads);
    warm_up(*instance, index);
    for (size_t i = 0; i < trial_.rows.size(); ++i) {
      in_step_.arrive_and_wait();
      measure(*instance, i);
    }
  } catch (const Error& error) {
    fail(error);
  } catch (const std::bad_alloc&) {
    fail({"OUT_OF_MEMORY", "there is no memory for a batch"});
  } catch (const std::exception& error) {
    fail({"MODEL_FAILED", error.what()});
  }
  in_step_.arrive_and_drop();
}

// The first batch shows the outputs, before anything can have changed what a model remembers.
void PlanTrial::warm_up(EngineInstance& instance, int index) {
  SampleBatch largest(instance, context_.samples, trial_.most_rows());
  if (is_over()) return;
  largest.run();  // TorchScript profiles the graph
  if (index == 0) compare(largest);
  if (is_over()) return;
  const int fewest = *std::min_element(trial_.rows.begin(), trial_.rows.end());
  SampleBatch(instance, context_.samples, fewest).run();  // and optimises it
  if (!trial_.plan.graphs || !capture(instance) || is_over()) return;
  largest.run();
  if (index == 0) compare(largest);
}

// The largest first: what it takes from the allocator is enough for the others. Sizes that have no
// graph run without, as they do in service.
bool PlanTrial::capture(EngineInstance& instance) {
  std::vector<int> descending = trial_.rows;
  std::sort(descending.begin(), descending.end(), std::greater<>());
  size_t budget = context_.graph_memory / static_cast<size_t>(trial_.instances);
  bool has_any = false;
  std::string problem;
  for (const int rows : descending) {
    if (is_over()) return false;
    const auto captured = instance.capture(context_.samples.batch(rows), budget);
    if (!captured) return false;
    if (captured->problem.empty()) {
      budget -= std::min(budget, captured->bytes);
      has_any = true;
    } else {
      problem = captured->problem;
    }
  }
  if (!has_any) throw Error("MODEL_FAILED", "no CUDA graphs: " + problem);
  return true;
}

void PlanTrial::compare(const SampleBatch& batch) {
  const ReferenceOutputs& reference = context_.reference;
  if (batch.signature() != reference.signature) {
    throw Error("INVALID_OUTPUT",
                "run in this way the model has outputs of other shapes or dtypes");
  }
  const double deviation =
      largest_deviation(reference.signature, reference.rows, reference.block, batch.outputs());
  if (!std::isnan(deviation_) && !(deviation <= deviation_)) deviation_ = deviation;
}

void PlanTrial::measure(EngineInstance& instance, size_t index) {
  using Clock = std::chrono::steady_clock;
  Measurement& measurement = measurements_[index];
  if (is_over()) return;
  SampleStream stream(instance, context_.samples, trial_.rows[index]);
  const auto end = Clock::now() + trial_.budget / static_cast<int64_t>(trial_.rows.size());
  // An instance goes on until all are done, so that each is timed beside the others.
  bool is_last = false;
  for (size_t repetitions = 1; !is_last && !is_over(); ++repetitions) {
    const double microseconds = stream.time_next();
    const std::scoped_lock lock(mutex_);
    measurement.microseconds.push_back(microseconds);
    if (repetitions == kLeastRepetitions) ++measurement.instances_done;
    is_last = measurement.instances_done == trial_.instances && Clock::now() >= end;
  }
}

void PlanTrial::fail(const Error& error) {
  failed_ = true;
  const std::scoped_lock lock(mutex_);
  if (!failure_) failure_ = error;
}

std::vector<double> PlanTrial::microseconds() const {
  std::vector<double> medians;
  for (const Measurement& measurement : measurements_) {
    medians.push_back(median(measurement.microseconds));
  }
  return medians;
}

}  // namespace sconce
