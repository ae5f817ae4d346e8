// Where the text goes that a model's code prints and warns of. LibTorch sends it to standard output
// and standard error otherwise.
#pragma once

#include <memory>
#include <string>

namespace sconce {

// Takes what one model prints; from any of its threads.
class PrintSink {
 public:
  virtual ~PrintSink() = default;
  // The text of one call of print(), its line break included.
  virtual void print(const std::string& text) = 0;
};

// While it lives, what models print on this thread goes to the sink, and so does what the tasks
// print that they fork from here. A task that nobody waits for may outlive this: it shares the
// sink.
class PrintRedirection {
 public:
  explicit PrintRedirection(std::shared_ptr<PrintSink> sink);
  ~PrintRedirection();
  PrintRedirection(const PrintRedirection&) = delete;
  PrintRedirection& operator=(const PrintRedirection&) = delete;

 private:
  struct Guard;
  std::unique_ptr<Guard> guard_;
};

}  // namespace sconce
