// The execution threads of one model version, dealt out to its devices. They load the file, warm
// up, and run slabs; they touch no JavaScript. Everything they have to say goes to an EventSink.
//
// One thread, the supervisor, loads the file, and starts, counts and joins the threads of the
// instances; it sleeps while nothing changes. All events but those of batches, and of what models
// print, come from it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "batch_runner.h"
#include "core_permits.h"
#include "device_pace.h"
#include "engine/cuda.h"
#include "engine/engine.h"
#include "error.h"
#include "events.h"
#include "explanation_queue.h"
#include "loop_runner.h"
#include "printed_lines.h"
#include "signature_table.h"
#include "slab.h"
#include "thread_owner.h"
#include "warm_up.h"

namespace sconce {

struct ExecutorOptions {
  int id = 0;
  EngineOptions engine;              // its device is not used
  std::vector<std::string> devices;  // one at least; the CPU or GPUs, not both
  size_t graph_memory = 0;           // bytes on each device for the graphs of all instances there
  int instances = 1;
  int intra_op_threads = 1;                            // of each instance, CPU only
  double weight = 1;                                   // its share of the cores beside other models
  std::chrono::milliseconds response_timeout{60'000};  // a longer batch hangs, as it seems
  std::chrono::microseconds commit_timeout{};
};

// What a model version has on one device.
struct ModelDevice {
  std::string name;  // "cpu" or "cuda:N"
  std::shared_ptr<EngineModel>
      model;  // while instances are there, and longer if it is the only one
  std::optional<std::string> failure;  // why nothing runs there any more
};

class Executor : public ThreadOwner {
 public:
  Executor(ExecutorOptions options, EventSink& sink);
  // Stops and joins; waits for the batch that is running.
  ~Executor() override;

  [[nodiscard]] int id() const override { return options_.id; }

  // Starts loading; ends in a LoadedEvent or a FailedEvent.
  void start() override;

  // Registers memory as a slab and returns its id. Throws Error for a layout that does not fit.
  // Main loop only.
  int add_slab(std::span<uint8_t> memory, SlabLayout layout);

  // Throws Error when the slab is rung or running. Main loop only.
  void remove_slab(int slab_id);

  // Queues a slab that has committed rows behind those of a lower or the same order, or runs it at
  // once where the caller and run_on_loop() allow for it and nothing else waits: then what
  // completes it is returned. Throws Error when it is already queued. Main loop only.
  std::optional<BatchEvent> ring(int slab_id, double order, LoopTime& time, bool here);

  // Moves a queued slab forward to where this order belongs. Without effect when an instance has
  // taken it.
  void advance(int slab_id, double order);

  // Lets batches of up to so many rows run within ring(), 0 for none. Each call ends in one
  // LoopEvent, unless the model closes; another comes when the model turns out to be too slow for
  // that. Throws Error with MODEL_CLOSED when the model stops. Main loop only.
  void run_on_loop(int rows);

  // On the main loop, when a LoopEvent has arrived there: prepares for what it says.
  void settle_in(LoopEvent& event) override;

  // Runs zeros through every instance, once per number of rows; ends in a WarmedEvent. Instances
  // that are added later run what succeeded last before they take work.
  void warm_up(WarmUp warm_up);

  // Adds instances, or stops the newest after the batch that they run. Each call ends in one
  // ScaledEvent, in order; a call before that event replaces the wish, and the events of both come
  // when the last is met. Throws Error with MODEL_CLOSED when the model stops.
  void scale(int instances, int intra_op_threads);

  // Attributes an output to an input; ends in one ExplainedEvent with this id, before the
  // ClosedEvent. Throws Error with MODEL_CLOSED when the model stops or is not loaded, and with
  // NO_CAPACITY when too many wait.
  void explain(int64_t id, ExplanationRequest request);

  // The signature of a recent event. Throws Error when it is too old.
  [[nodiscard]] Signature signature(int signature_id) const;

  // One list for each instance that is ready, oldest first.
  [[nodiscard]] std::vector<std::vector<uint64_t>> parameter_pointers() const;

  // What the model has printed since the last call. After the ClosedEvent nothing is added but by
  // tasks that the model forked and did not wait for.
  [[nodiscard]] PrintedLines::Taken take_printed() { return printed_->take(); }

  // Asks the threads to stop after what they are running; ends in a ClosedEvent. Slabs that are
  // still queued come back with MODEL_CLOSED. Wishes that are under way get no event of their own.
  // Main loop only.
  void close() override;

  // True when every thread has nothing more to do, waiting for that until `deadline`.
  bool wait_until_ended(std::chrono::steady_clock::time_point deadline) override;

  void join() override;

 private:
  using Clock = std::chrono::steady_clock;

  struct RegisteredSlab {
    std::shared_ptr<Slab> slab;
    bool busy = false;
    PageLock lock = {};
  };
  struct QueuedSlab {
    std::shared_ptr<Slab> slab;
    Clock::time_point rung;
    double order;
  };
  // The thread of one instance. The supervisor makes and joins it; the rest is under the mutex.
  struct InstanceThread {
    enum class State : uint8_t { kStarting, kServing, kLeaving, kLeft };

    Clock::time_point asked;
    ModelDevice* device = nullptr;
    std::thread thread;
    State state = State::kStarting;
    bool stop = false;  // leaves as soon as nothing of its own is running; may be taken back
    bool reported = false;
    int intra_op_threads = 0;  // that the instance was told last
    int warmed_generation = 0;
    double load_milliseconds = 0;
    std::vector<uint64_t> parameter_pointers;
    bool captures = false;   // has had its part of the memory for graphs
    size_t graph_bytes = 0;  // that part, or what its graphs have taken of it
    std::vector<GraphCapture> graphs;

    [[nodiscard]] bool present() const { return state < State::kLeaving; }
    [[nodiscard]] bool wanted() const { return present() && !stop && !device->failure; }
  };

  // On the supervisor's thread: supervisor.cc. Where a lock is passed it holds the mutex, which is
  // released while threads are started and joined.
  void supervise();
  void watch_instances();
  void join_left(std::unique_lock<std::mutex>& lock);
  void adjust(std::unique_lock<std::mutex>& lock);
  void start_instance(std::unique_lock<std::mutex>& lock);
  void report();
  void report_instances();
  void report_warm_up();
  [[nodiscard]] bool as_many_as_wanted() const;
  [[nodiscard]] std::vector<double> take_load_milliseconds();
  void end();
  void fail_queue();

  // On the supervisor's thread: executor_devices.cc.
  [[nodiscard]] ModelDevice* choose_device();
  [[nodiscard]] InstanceThread& choose_to_stop();
  // Why the file cannot be loaded there, unless it is.
  std::optional<Error> load_on(ModelDevice& device, std::unique_lock<std::mutex>& lock);
  void free_unused(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] std::vector<GraphCapture> all_graphs() const;

  // On the supervisor's thread: loop_batches.cc.
  void make_loop_runner(std::unique_lock<std::mutex>& lock);

  // On the main loop: executor_devices.cc.
  [[nodiscard]] PageLock lock_pages(std::span<uint8_t> memory);

  // On the main loop: loop_batches.cc.
  [[nodiscard]] bool runs_on_loop(const Slab& slab, Clock::time_point now, LoopTime& time) const;
  BatchEvent run_here(std::shared_ptr<Slab> slab, Clock::time_point rung, LoopTime& time);
  void leave_loop();

  // On the thread of an instance: executor_instances.cc.
  void run_instance(InstanceThread& self);
  void prepare(InstanceThread& self, EngineInstance& instance);
  void serve(InstanceThread& self, EngineInstance& instance);
  void warm(InstanceThread& self, EngineInstance& instance, std::unique_lock<std::mutex>& lock);
  void finish_first(std::deque<SlabRun>& in_flight, ModelDevice& device);
  void abandon(std::deque<SlabRun>& in_flight, ModelDevice& device);
  // Waits for as many cores as a batch of the instance has threads, at most kPermitPatience; none
  // when they do not come, or no slab waits any more. The lock is released meanwhile.
  [[nodiscard]] std::optional<CorePermits::Permit> wait_for_cores(
      InstanceThread& self, std::unique_lock<std::mutex>& lock);

  [[nodiscard]] bool is_next_due(const DevicePace& pace) const;

  // On the thread that has run a batch.
  BatchEvent complete(SlabRun::Outcome outcome, ModelDevice& device);

  // On the thread of the explanations.
  std::unique_ptr<EngineExplainer> make_explainer();
  std::string lose_explaining_device(const std::string& message);

  // With the mutex held: executor_devices.cc.
  void lose_device(ModelDevice& device, const std::string& message);
  [[nodiscard]] int count_wanted_on(const ModelDevice& device) const;
  // One that works and has the model.
  [[nodiscard]] ModelDevice* any_device(const ModelDevice* except = nullptr);
  [[nodiscard]] size_t take_graph_memory(InstanceThread& self);
  void settle_graphs(InstanceThread& self, std::vector<GraphCapture> graphs);

  // With the mutex held.
  void fail_instance(InstanceThread& self, const std::string& code, const std::string& message);
  // An instance that is wanted cannot be had: there are as many as there are.
  void do_without(FailedEvent failure);
  [[nodiscard]] int count_wanted() const;
  void wake_supervisor();
  void enqueue(QueuedSlab queued);

  // On any thread.
  void stop();

  const ExecutorOptions options_;
  EventSink& sink_;
  const std::shared_ptr<PrintedLines> printed_;
  const bool on_cpu_;
  ExplanationQueue explanations_;
  const CorePermits::Member share_;
  SignatureTable signatures_;
  std::thread supervisor_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;  // instances wait here
  std::condition_variable changed_;
  std::condition_variable ended_;
  std::vector<ModelDevice> devices_;   // their number never changes
  ModelDevice* explaining_ = nullptr;  // the device of the last explainer
  bool has_changed_ = false;
  bool loaded_ = false;
  bool closing_ = false;
  bool accepts_slabs_ = true;
  bool has_ended_ = false;

  std::deque<QueuedSlab> queue_;
  std::atomic<int> bells_ = 0;  // rises with each slab that is queued
  std::map<int, RegisteredSlab> slabs_;
  int next_slab_id_ = 1;        // for the main loop
  bool told_pageable_ = false;  // for the main loop: that slabs are not page-locked

  std::list<InstanceThread> instances_;  // oldest first
  int wanted_instances_;
  int intra_op_threads_;
  Clock::time_point asked_;
  int open_wishes_ = 0;                 // calls of scale() that have no event yet
  std::optional<FailedEvent> failure_;  // of an instance that could not be added
  std::optional<FailedEvent> fatal_;    // what ends the model
  // What a slab fails with that nobody runs any more.
  Error end_{"MODEL_CLOSED", "the model was unloaded"};

  WarmUp warm_up_;
  int warm_up_generation_ = 0;
  bool warming_ = false;
  WarmedEvent warmed_;
  std::optional<WarmUp> last_warm_up_;  // that succeeded

  std::optional<int> loop_wish_;  // rows that are to run on the main loop
  int loop_generation_ = 0;       // rises when what was wished before holds no more
  // Made by the supervisor when there is none, used and destroyed by the main loop.
  std::unique_ptr<LoopRunner> loop_runner_;
  ModelDevice* loop_device_ = nullptr;  // whose model it has
};

}  // namespace sconce
