// The execution threads of one model version on one device. They load the file, warm up, and run
// slabs; they touch no JavaScript. Everything they have to say goes to an EventSink.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "batch_runner.h"
#include "engine/engine.h"
#include "events.h"
#include "slab.h"

namespace sconce {

struct ExecutorOptions {
  int id = 0;
  EngineOptions engine;
  int instances = 1;
  std::chrono::microseconds commit_timeout{};
};

class Executor {
 public:
  Executor(ExecutorOptions options, EventSink& sink);
  // Stops and joins; waits for the batch that is running.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  [[nodiscard]] int id() const { return options_.id; }

  // Starts loading; ends in a LoadedEvent or a FailedEvent.
  void start();

  // Registers memory as a slab and returns its id. Throws Error for a layout that does not fit.
  int add_slab(std::span<uint8_t> memory, SlabLayout layout);

  // Throws Error when the slab is rung or running.
  void remove_slab(int slab_id);

  // Queues a slab that has committed rows. Thread-safe. Throws Error when it is already queued.
  void ring(int slab_id);

  // Runs zeros through every instance, once per number of rows; ends in a WarmedEvent.
  void warm_up(std::vector<TensorMeta> inputs, std::vector<int> rows);

  // The signature of a recent event. Throws Error when it is too old: only the last ones are kept,
  // so that a model whose output shapes never repeat cannot fill the memory.
  [[nodiscard]] Signature signature(int signature_id) const;

  // One list per instance, filled when the instance was made.
  [[nodiscard]] std::vector<std::vector<uint64_t>> parameter_pointers() const;

  // Asks the threads to stop after what they are running; ends in a ClosedEvent. Slabs that are
  // still queued come back with MODEL_CLOSED.
  void close();

  // True when every thread has nothing more to do, waiting for that until `deadline`.
  bool wait_until_ended(std::chrono::steady_clock::time_point deadline);

  void join();

 private:
  struct RegisteredSlab {
    std::shared_ptr<Slab> slab;
    bool busy = false;
    bool pinned = false;
  };
  struct QueuedSlab {
    std::shared_ptr<Slab> slab;
    std::chrono::steady_clock::time_point rung;
  };
  struct WarmUp {
    std::vector<TensorMeta> inputs;
    std::vector<int> rows;
    int generation = 0;
  };

  void load_and_run();
  void run_instance(int index);
  void serve(EngineInstance& instance);
  void run_warm_up(EngineInstance& instance, const WarmUp& warm_up);
  void complete(SlabRun& run);
  void leave();
  void fail(const std::string& code, const std::string& message);
  int intern(const Signature& signature);

  const ExecutorOptions options_;
  EventSink& sink_;
  std::unique_ptr<EngineModel> model_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable ended_;
  std::deque<QueuedSlab> queue_;
  std::map<int, RegisteredSlab> slabs_;
  int next_slab_id_ = 1;
  std::deque<Signature> signatures_;
  int first_signature_id_ = 0;
  std::vector<std::vector<uint64_t>> parameter_pointers_;
  WarmUp warm_up_;
  int warm_ups_pending_ = 0;
  WarmedEvent warmed_;
  bool closing_ = false;
  int running_threads_ = 0;
  bool has_ended_ = false;
  int instances_ready_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace sconce
