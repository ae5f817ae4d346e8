#include "executor.h"

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#endif

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "engine/cuda.h"
#include "error.h"

namespace sconce {

namespace {

// How often an instance looks at a device that is still computing while no slab is waiting.
constexpr std::chrono::microseconds kPollInterval{50};

constexpr size_t kSignaturesKept = 1024;

// TorchScript profiles the first runs of a graph and optimises the next ones.
constexpr int kWarmUpRepetitions = 3;

// A thread that is woken preempts the one that woke it when all cores are busy: the main loop would
// stand still for a whole batch at every bell. Batch scheduling keeps the thread's share of the
// cores and takes that away.
void yield_to_main_loop() {
#ifdef __linux__
  const sched_param parameters{};
  pthread_setschedparam(pthread_self(), SCHED_BATCH, &parameters);
#endif
}

}  // namespace

Executor::Executor(ExecutorOptions options, EventSink& sink)
    : options_(std::move(options)), sink_(sink) {
  parameter_pointers_.resize(static_cast<size_t>(options_.instances));
}

Executor::~Executor() {
  close();
  join();
  for (auto& [id, registered] : slabs_) {
    if (registered.pinned) unpin_memory(registered.slab->memory().data());
  }
}

void Executor::start() {
  const std::scoped_lock lock(mutex_);
  try {
    threads_.emplace_back([this] { load_and_run(); });
  } catch (const std::system_error& error) {
    throw Error("MODEL_LOAD_FAILED", std::string("no thread can be started: ") + error.what());
  }
  running_threads_ = 1;
}

void Executor::load_and_run() {
  try {
    model_ = load_torchscript(options_.engine);
    {
      const std::scoped_lock lock(mutex_);
      for (int i = 1; i < options_.instances && !closing_; ++i) {
        threads_.emplace_back([this, i] { run_instance(i); });
        ++running_threads_;
      }
    }
    run_instance(0);
  } catch (const Error& error) {
    fail(error.code(), error.what());
  } catch (const std::exception& error) {
    fail("MODEL_LOAD_FAILED", std::string("its threads cannot be started: ") + error.what());
  }
}

void Executor::fail(const std::string& code, const std::string& message) {
  sink_.post(FailedEvent{options_.id, code, message});
  close();
  leave();
}

void Executor::run_instance(int index) {
  yield_to_main_loop();
  try {
    // Made, used and destroyed on this thread: inference mode and thread counts belong to it.
    const std::unique_ptr<EngineInstance> instance = model_->make_instance();
    bool all_ready = false;
    {
      const std::scoped_lock lock(mutex_);
      parameter_pointers_[static_cast<size_t>(index)] = instance->parameter_pointers();
      all_ready = ++instances_ready_ == options_.instances;
    }
    if (all_ready) sink_.post(LoadedEvent{options_.id, model_->description()});
    serve(*instance);
  } catch (const std::exception& error) {
    sink_.post(FailedEvent{options_.id, "MODEL_LOAD_FAILED",
                           std::string("an instance could not be made: ") + error.what()});
    close();
  }
  leave();
}

void Executor::serve(EngineInstance& instance) {
  std::deque<SlabRun> in_flight;
  int warmed_generation = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    if (warm_up_.generation != warmed_generation && in_flight.empty() && !closing_) {
      const WarmUp warm_up = warm_up_;
      warmed_generation = warm_up.generation;
      lock.unlock();
      run_warm_up(instance, warm_up);
      lock.lock();
    } else if (!queue_.empty() && in_flight.size() < instance.max_in_flight() && !closing_) {
      QueuedSlab next = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      in_flight.emplace_back(std::move(next.slab), next.rung)
          .begin(instance, options_.commit_timeout);
      if (in_flight.front().ready()) {
        complete(in_flight.front());
        in_flight.pop_front();
      }
      lock.lock();
    } else if (!in_flight.empty()) {
      lock.unlock();
      const bool done = in_flight.front().ready();
      if (done) {
        complete(in_flight.front());
        in_flight.pop_front();
      }
      lock.lock();
      if (!done) wake_.wait_for(lock, kPollInterval);
    } else if (closing_) {
      return;
    } else {
      wake_.wait(lock);
    }
  }
}

void Executor::run_warm_up(EngineInstance& instance, const WarmUp& warm_up) {
  std::optional<FailedEvent> failure;
  std::optional<Signature> signature;
  try {
    for (const int rows : warm_up.rows) {
      std::vector<AlignedBytes> memory;
      Batch batch{.rows = rows, .inputs = {}, .output_area = {}};
      for (const TensorMeta& input : warm_up.inputs) {
        const size_t bytes = row_bytes(input.dtype, input.dims) * static_cast<size_t>(rows);
        memory.push_back(allocate_aligned(bytes));
        std::memset(memory.back().get(), 0, bytes);
        batch.inputs.push_back({memory.back().get(), input.dtype, input.dims});
      }
      for (int i = 0; i < kWarmUpRepetitions; ++i) {
        const std::unique_ptr<Run> run = instance.submit(batch);
        while (!run->ready()) std::this_thread::sleep_for(kPollInterval);
        signature = run->take_result().signature;
      }
    }
  } catch (const Error& error) {
    failure = FailedEvent{options_.id, error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    failure = FailedEvent{options_.id, "OUT_OF_MEMORY", "there is no memory for a batch of them"};
  }
  const int signature_id = signature ? intern(*signature) : -1;
  const std::scoped_lock lock(mutex_);
  warmed_.signature = signature_id;
  if (failure) warmed_.error = std::move(failure);
  if (--warm_ups_pending_ == 0) {
    warmed_.model = options_.id;
    sink_.post(std::exchange(warmed_, {}));
  }
}

void Executor::complete(SlabRun& run) {
  SlabRun::Outcome outcome = run.finish();
  outcome.event.model = options_.id;
  if (outcome.event.rows > 0) outcome.event.signature = intern(outcome.signature);
  {
    const std::scoped_lock lock(mutex_);
    slabs_.at(outcome.slab->id()).busy = false;
  }
  sink_.post(std::move(outcome.event));
}

void Executor::leave() {
  std::deque<QueuedSlab> unanswered;
  bool last = false;
  {
    const std::scoped_lock lock(mutex_);
    last = --running_threads_ == 0;
    if (last) {
      unanswered.swap(queue_);
      for (const QueuedSlab& queued : unanswered) slabs_.at(queued.slab->id()).busy = false;
    }
  }
  if (!last) return;
  for (const QueuedSlab& queued : unanswered) {
    const int reserved = queued.slab->seal();
    queued.slab->settle(reserved, options_.commit_timeout);
    BatchEvent event;
    event.model = options_.id;
    event.slab = queued.slab->id();
    for (int row = 0; row < reserved; ++row) {
      queued.slab->set_output_row(row, -1);
      event.errors.push_back({row, 1, "MODEL_CLOSED", "the model was unloaded"});
    }
    sink_.post(std::move(event));
  }
  sink_.post(ClosedEvent{options_.id});
  const std::scoped_lock lock(mutex_);
  has_ended_ = true;
  ended_.notify_all();
}

bool Executor::wait_until_ended(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return ended_.wait_until(lock, deadline, [this] { return has_ended_; });
}

int Executor::add_slab(std::span<uint8_t> memory, SlabLayout layout) {
  const std::scoped_lock lock(mutex_);
  const int id = next_slab_id_;
  auto slab = std::make_shared<Slab>(id, memory, std::move(layout));
  const bool pinned = options_.engine.device != "cpu" && pin_memory(memory.data(), memory.size());
  slabs_.emplace(id, RegisteredSlab{.slab = std::move(slab), .busy = false, .pinned = pinned});
  ++next_slab_id_;
  return id;
}

void Executor::remove_slab(int slab_id) {
  const std::scoped_lock lock(mutex_);
  const auto found = slabs_.find(slab_id);
  if (found == slabs_.end()) throw Error("INTERNAL", "no such slab");
  if (found->second.busy) throw Error("INTERNAL", "the slab is in use");
  if (found->second.pinned) unpin_memory(found->second.slab->memory().data());
  slabs_.erase(found);
}

void Executor::ring(int slab_id) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = slabs_.find(slab_id);
    if (found == slabs_.end()) throw Error("INTERNAL", "no such slab");
    if (running_threads_ == 0) throw Error("MODEL_CLOSED", "the model was unloaded");
    if (std::exchange(found->second.busy, true)) {
      throw Error("INTERNAL", "the slab is already rung");
    }
    queue_.push_back({found->second.slab, std::chrono::steady_clock::now()});
  }
  wake_.notify_one();
}

void Executor::warm_up(std::vector<TensorMeta> inputs, std::vector<int> rows) {
  {
    const std::scoped_lock lock(mutex_);
    if (warm_ups_pending_ > 0) throw Error("INTERNAL", "a warm-up is already under way");
    warm_ups_pending_ = options_.instances;
    warm_up_ = {.inputs = std::move(inputs),
                .rows = std::move(rows),
                .generation = warm_up_.generation + 1};
  }
  wake_.notify_all();
}

Signature Executor::signature(int signature_id) const {
  const std::scoped_lock lock(mutex_);
  const int index = signature_id - first_signature_id_;
  if (index < 0 || static_cast<size_t>(index) >= signatures_.size()) {
    throw Error("INTERNAL", "no such signature");
  }
  return signatures_[static_cast<size_t>(index)];
}

int Executor::intern(const Signature& signature) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::find(signatures_.begin(), signatures_.end(), signature);
  if (found != signatures_.end()) {
    return first_signature_id_ + static_cast<int>(found - signatures_.begin());
  }
  if (signatures_.size() == kSignaturesKept) {
    signatures_.pop_front();
    ++first_signature_id_;
  }
  signatures_.push_back(signature);
  return first_signature_id_ + static_cast<int>(signatures_.size()) - 1;
}

std::vector<std::vector<uint64_t>> Executor::parameter_pointers() const {
  const std::scoped_lock lock(mutex_);
  return parameter_pointers_;
}

void Executor::close() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
}

void Executor::join() {
  std::vector<std::thread> threads;
  {
    const std::scoped_lock lock(mutex_);
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace sconce
