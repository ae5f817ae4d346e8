// An instance of a TorchScript model on the CPU.
#pragma once

#include <memory>
#include <vector>

#include "engine.h"
#include "module_forward.h"

namespace sconce {

// The model outlives it.
class TorchScriptInstance : public EngineInstance {
 public:
  explicit TorchScriptInstance(SharedModel& model) : forward_(model) {}

  void set_intra_op_threads(int threads) override;
  std::unique_ptr<Run> submit(const Batch& batch) override;
  [[nodiscard]] bool writes_inputs() const override { return forward_.model().writes_inputs; }
  [[nodiscard]] std::vector<uint64_t> parameter_pointers() const override {
    return forward_.parameter_pointers();
  }

 private:
  ModuleForward forward_;
};

}  // namespace sconce
