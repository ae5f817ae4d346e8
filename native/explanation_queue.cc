#include "explanation_queue.h"

#include <chrono>
#include <new>
#include <system_error>
#include <utility>

#include "engine/memory.h"
#include "error.h"
#include "execution_thread.h"

namespace sconce {

namespace {

constexpr size_t kMostWaiting = 64;

// How long the thread and its copy of the weights stay for another explanation.
constexpr std::chrono::seconds kIdleTime{60};

}  // namespace

ExplanationQueue::ExplanationQueue(Context context, EventSink& sink)
    : context_(std::move(context)), sink_(sink) {}

ExplanationQueue::~ExplanationQueue() {
  close();
  join();
}

void ExplanationQueue::add(int64_t id, ExplanationRequest request) {
  {
    const std::scoped_lock lock(mutex_);
    if (closing_) throw Error("MODEL_CLOSED", "the model was unloaded");
    if (queue_.size() >= kMostWaiting) {
      throw Error("NO_CAPACITY",
                  std::to_string(kMostWaiting) + " explanations are waiting; try again later");
    }
    queue_.push_back({id, std::move(request)});
    if (!running_) {
      if (thread_.joinable()) thread_.join();  // it has left and only has to return
      try {
        thread_ = std::thread([this] { run(); });
      } catch (const std::system_error& error) {
        queue_.pop_back();
        throw Error("OUT_OF_MEMORY", std::string("no thread can be started: ") + error.what());
      }
      running_ = true;
    }
  }
  wake_.notify_one();
}

void ExplanationQueue::close() {
  cancelled_ = true;
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
}

void ExplanationQueue::join() {
  if (thread_.joinable()) thread_.join();
}

void ExplanationQueue::run() {
  become_background_thread("sconce explain");
  const PrintRedirection redirection(context_.printed);
  std::unique_lock lock(mutex_);
  do {
    serve(lock);
  } while (!queue_.empty());  // one may have come while the module was freed
  running_ = false;
}

void ExplanationQueue::serve(std::unique_lock<std::mutex>& lock) {
  std::unique_ptr<EngineExplainer> explainer;
  while (wake_.wait_for(lock, kIdleTime, [this] { return closing_ || !queue_.empty(); })) {
    if (queue_.empty()) break;  // closing
    const Entry entry = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    explain(explainer, entry);
    lock.lock();
  }
  lock.unlock();
  explainer.reset();
  return_free_memory(context_.device);
  lock.lock();
}

void ExplanationQueue::explain(std::unique_ptr<EngineExplainer>& explainer, const Entry& entry) {
  try {
    if (cancelled_) throw Error("MODEL_CLOSED", "the model was unloaded");
    if (explainer == nullptr) explainer = context_.make_explainer();
    ExplainedEvent event{.model = context_.model, .id = entry.id, .attributions = {}, .error = {}};
    event.attributions = explainer->explain(entry.request, cancelled_);
    sink_.post(std::move(event));
  } catch (const Error& error) {
    if (error.code() == kDeviceFailed) {
      explainer.reset();  // the next one may be made on another device
      // Whoever hears of the explanation knows of the device before.
      fail(entry, error.code(), context_.lose_device(error.what()));
    } else {
      fail(entry, error.code(), error.what());
    }
  } catch (const std::bad_alloc&) {
    fail(entry, "OUT_OF_MEMORY", "out of host memory while an output was explained");
  } catch (const std::exception& error) {
    fail(entry, "MODEL_FAILED", error.what());
  }
}

void ExplanationQueue::fail(const Entry& entry, const std::string& code,
                            const std::string& message) {
  sink_.post(ExplainedEvent{.model = context_.model,
                            .id = entry.id,
                            .attributions = {},
                            .error = FailedEvent{context_.model, code, message}});
}

}  // namespace sconce
