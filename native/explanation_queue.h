// Explanations of one model, on a thread that exists while there are some. It has less share of the
// cores than the instances have, and computes with one thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "engine/explanation.h"
#include "engine/printing.h"
#include "events.h"

namespace sconce {

class ExplanationQueue {
 public:
  struct Context {
    int model = 0;
    std::string device;
    std::shared_ptr<PrintSink> printed;
    // Called on the thread, whenever it begins.
    std::function<std::unique_ptr<EngineExplainer>()> make_explainer;
    // Called on the thread when the device of the last explainer has failed, with the message of
    // the error; returns the one for the client.
    std::function<std::string(const std::string&)> lose_device;
  };

  ExplanationQueue(Context context, EventSink& sink);
  // Closes and joins.
  ~ExplanationQueue();
  ExplanationQueue(const ExplanationQueue&) = delete;
  ExplanationQueue& operator=(const ExplanationQueue&) = delete;

  // Ends in an ExplainedEvent with this id. Throws Error with NO_CAPACITY when too many wait, with
  // MODEL_CLOSED after close(), and with OUT_OF_MEMORY when no thread can be started.
  void add(int64_t id, ExplanationRequest request);

  // Ends what is waiting and what is running with MODEL_CLOSED. Does not wait.
  void close();

  // After close(): waits until every explanation has its event and the thread is gone.
  void join();

 private:
  struct Entry {
    int64_t id;
    ExplanationRequest request;
  };

  void run();
  // Until nothing comes for a while, or the model closes. The lock holds the mutex.
  void serve(std::unique_lock<std::mutex>& lock);
  void explain(std::unique_ptr<EngineExplainer>& explainer, const Entry& entry);
  void fail(const Entry& entry, const std::string& code, const std::string& message);

  const Context context_;
  EventSink& sink_;
  std::atomic<bool> cancelled_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Entry> queue_;
  bool closing_ = false;
  bool running_ = false;  // the thread will look at the queue again
  std::thread thread_;
};

}  // namespace sconce
