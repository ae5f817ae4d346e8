#include "plan_trial.h"

#include <algorithm>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "deviation.h"
#include "execution_thread.h"

namespace sconce {

namespace {

constexpr size_t kLeastRepetitions = 2;

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
}

void PlanTrial::compare(const SampleBatch& batch) {
  const ReferenceOutputs& reference = context_.reference;
  if (batch.signature() != reference.signature) {
    throw Error("INVALID_OUTPUT",
                "run in this way the model has outputs of other shapes or dtypes");
  }
  deviation_ =
      largest_deviation(reference.signature, reference.rows, reference.block, batch.outputs());
}

void PlanTrial::measure(EngineInstance& instance, size_t index) {
  using Clock = std::chrono::steady_clock;
  Measurement& measurement = measurements_[index];
  SampleBatch batch(instance, context_.samples, trial_.rows[index]);
  if (!is_over()) batch.run();  // makes what is kept for this number of rows
  const auto end = Clock::now() + trial_.budget / static_cast<int64_t>(trial_.rows.size());
  // An instance goes on until all are done, so that each is timed beside the others.
  bool is_last = false;
  for (size_t repetitions = 1; !is_last && !is_over(); ++repetitions) {
    const double microseconds = batch.run().count();
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
