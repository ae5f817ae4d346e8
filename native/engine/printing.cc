#include "printing.h"

#include <c10/util/Exception.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/csrc/jit/runtime/print_handler.h>

#include <mutex>
#include <utility>

namespace sconce {

namespace {

// LibTorch hands this on from a thread to the tasks that it forks, which a thread_local would not
// reach; and what follows a wait for a task runs on the task's thread.
c10::DebugInfoKind slot() { return c10::DebugInfoKind::INFERENCE_CONTEXT; }

struct SinkOfThread : c10::DebugInfoBase {
  explicit SinkOfThread(std::shared_ptr<PrintSink> given) : sink(std::move(given)) {}
  std::shared_ptr<PrintSink> sink;
};

void print(const std::string& text) {
  const auto* target = dynamic_cast<SinkOfThread*>(c10::ThreadLocalDebugInfo::get(slot()));
  if (target != nullptr) {
    target->sink->print(text);
  } else {
    torch::jit::getDefaultPrintHandler()(text);
  }
}

// What models warn of. LibTorch keeps the handler for each thread, so that the tasks that a model
// forks warn on standard error.
class WarningPrinter : public c10::WarningHandler {
 public:
  void process(const c10::Warning& warning) override {
    const c10::SourceLocation& source = warning.source_location();
    print(std::string(source.file) + ":" + std::to_string(source.line) +
          ": Warning: " + warning.msg() + "\n");
  }
};

c10::WarningHandler* warning_printer() {
  static WarningPrinter printer;
  return &printer;
}

}  // namespace

struct PrintRedirection::Guard {
  explicit Guard(std::shared_ptr<PrintSink> sink)
      : prints(slot(), std::make_shared<SinkOfThread>(std::move(sink))),
        warnings(warning_printer()) {}

  c10::DebugInfoGuard prints;
  c10::WarningUtils::WarningHandlerGuard warnings;
};

PrintRedirection::PrintRedirection(std::shared_ptr<PrintSink> sink) {
  static std::once_flag installed;
  std::call_once(installed, [] { torch::jit::setPrintHandler(print); });
  guard_ = std::make_unique<Guard>(std::move(sink));
}

PrintRedirection::~PrintRedirection() = default;

}  // namespace sconce
