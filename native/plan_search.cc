#include "plan_search.h"

#include <new>
#include <system_error>
#include <utility>

#include "engine/memory.h"
#include "execution_thread.h"
#include "normal_samples.h"

namespace sconce {

namespace {

class Silence : public PrintSink {
 public:
  void print(const std::string&) override {}
};

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace

PlanSearch::PlanSearch(PlanSearchOptions options, EventSink& sink)
    : options_(std::move(options)), sink_(sink), silence_(std::make_shared<Silence>()) {}

PlanSearch::~PlanSearch() {
  close();
  join();
}

void PlanSearch::start() {
  try {
    thread_ = std::thread([this] { supervise(); });
  } catch (const std::system_error& error) {
    throw Error("OUT_OF_MEMORY", std::string("no thread can be started: ") + error.what());
  }
}

void PlanSearch::add(Trial trial) {
  {
    const std::scoped_lock lock(mutex_);
    if (closing_) throw Error("MODEL_CLOSED", "the search was closed");
    waiting_.push_back(std::move(trial));
  }
  wake_.notify_one();
}

void PlanSearch::close() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
}

bool PlanSearch::wait_until_ended(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return ended_.wait_until(lock, deadline, [this] { return has_ended_; });
}

void PlanSearch::join() {
  if (thread_.joinable()) thread_.join();
}

void PlanSearch::supervise() {
  become_execution_thread("sconce plans");
  const PrintRedirection redirection(silence_);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
    if (closing_) break;
    const Trial trial = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try_plan(trial);
    lock.lock();
  }
  lock.unlock();
  reference_ = {};
  samples_.reset();
  file_.reset();
  return_free_memory(options_.engine.device);
  sink_.post(ClosedEvent{options_.id});
  lock.lock();
  has_ended_ = true;
  ended_.notify_all();
}

void PlanSearch::try_plan(const Trial& trial) {
  TrialEvent event;
  event.model = options_.id;
  const auto fail = [&](const std::string& code, const std::string& message) {
    event.error = FailedEvent{options_.id, code, message};
  };
  try {
    if (device_failure_) throw Error(*device_failure_);
    event = run(trial);
  } catch (const Error& error) {
    if (error.code() == kDeviceFailed) device_failure_ = error;
    fail(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    fail("OUT_OF_MEMORY", "there is no memory for a trial of the model");
  } catch (const std::exception& error) {
    fail("MODEL_FAILED", error.what());
  }
  return_free_memory(options_.engine.device);
  if (!closing_) sink_.post(std::move(event));
}

TrialEvent PlanSearch::run(const Trial& trial) {
  if (file_ == nullptr) file_ = open_torchscript(options_.engine);
  make_reference(trial);
  TrialEvent event;
  event.model = options_.id;
  if (closing_) return event;
  const auto start = std::chrono::steady_clock::now();
  const std::unique_ptr<EngineModel> model = file_->prepare(trial.plan);
  event.prepare_milliseconds = milliseconds_since(start);
  PlanTrial timed(*model, trial,
                  {.samples = *samples_,
                   .reference = reference_,
                   .print_sink = silence_,
                   .cancelled = closing_,
                   .graph_memory = options_.graph_memory});
  timed.run();
  if (closing_) return event;
  event.microseconds = timed.microseconds();
  event.deviation = timed.deviation();
  return event;
}

void PlanSearch::make_reference(const Trial& trial) {
  const int rows = trial.most_rows();
  if (reference_.rows == rows) return;
  reference_ = {};
  samples_.emplace(normal_samples(options_.inputs, rows));  // its locks end before its memory does
  const std::unique_ptr<EngineModel> model = file_->prepare({.freeze = false});
  const std::unique_ptr<EngineInstance> instance = model->make_instance();
  instance->set_intra_op_threads(trial.instances * trial.intra_op_threads);
  if (instance->copies_batches()) samples_->lock_pages();
  SampleBatch batch(*instance, *samples_, rows);
  batch.run();
  reference_.signature = batch.signature();
  reference_.block.assign(batch.outputs().begin(), batch.outputs().end());
  reference_.rows = rows;
}

}  // namespace sconce
