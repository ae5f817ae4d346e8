// An instance of a TorchScript model on a GPU.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "cuda_graphs.h"
#include "cuda_slot.h"
#include "cuda_streams.h"
#include "engine.h"
#include "module_forward.h"

namespace sconce {

// The inputs of a batch are copied in while the batch before it is computed and the outputs of the
// one before that are copied out. The model outlives it; made, used and destroyed on one thread.
class CudaInstance : public EngineInstance {
 public:
  // Throws Error as EngineModel::make_instance() does.
  explicit CudaInstance(SharedModel& model);
  ~CudaInstance() override;

  void set_intra_op_threads(int /*threads*/) override {}
  std::unique_ptr<Run> submit(const Batch& batch) override;
  std::optional<GraphCapture> capture(const Batch& batch, size_t budget) override;
  [[nodiscard]] size_t max_in_flight() const override;
  [[nodiscard]] bool copies_batches() const override { return true; }
  [[nodiscard]] bool device_failed() const override;
  [[nodiscard]] bool writes_inputs() const override { return model_.writes_inputs; }
  [[nodiscard]] std::vector<uint64_t> parameter_pointers() const override;

 private:
  class DeviceRun;
  // What calls CUDA when it is destroyed.
  struct Parts {
    explicit Parts(SharedModel& model);

    CudaStreamsLease lease;
    ModuleForward forward;
    std::deque<CudaSlot> slots;
    CudaGraphs graphs;
  };

  CudaSlot& free_slot();
  void queue(const Batch& batch, CudaSlot& slot, DeviceRun& run);
  // Queues the copies of the outputs, in the order that ends the batch.
  void place(const Batch& batch, ForwardResult computed, CudaSlot& slot, DeviceRun& run);
  [[noreturn]] void fail(const std::exception& error);

  SharedModel& model_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace sconce
