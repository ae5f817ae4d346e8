#include "torchscript_instance.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "device_error.h"
#include "output_block.h"
#include "tensor_memory.h"

namespace sconce {

namespace {

class FinishedRun : public Run {
 public:
  explicit FinishedRun(BatchResult result) : result_(std::move(result)) {}

  bool ready() override { return true; }
  BatchResult take_result() override { return std::move(result_); }

 private:
  BatchResult result_;
};

BatchResult run(ModuleForward& forward, const Batch& batch) {
  std::vector<at::Tensor> inputs;
  inputs.reserve(batch.inputs.size());
  for (const BatchInput& input : batch.inputs) {
    const at::Tensor tensor = wrap_memory(input.data, batch.rows, input.dims, input.dtype);
    inputs.push_back(forward.as_computed_with(tensor, inputs.size()));
  }
  ForwardResult computed = forward.run(std::move(inputs), batch.rows);
  BatchResult result{.signature = std::move(computed.signature),
                     .rows = batch.rows,
                     .overflow = nullptr,
                     .overflow_bytes = 0};
  const OutputBlock block(batch, result);
  for (size_t i = 0; i < computed.outputs.size(); ++i) {
    if (computed.outputs[i].numel() == 0) continue;
    const TensorMeta& meta = result.signature.outputs[i];
    wrap_memory(block.at(i), batch.rows, meta.dims, meta.dtype).copy_(computed.outputs[i]);
  }
  return result;
}

}  // namespace

void TorchScriptInstance::set_intra_op_threads(int threads) {
  // A setting of this thread: with OpenMP each thread that starts parallel regions has its own
  // team size. LibTorch gives a thread the number that was set last anywhere when it first asks,
  // so it is made to ask before.
  (void)at::get_num_threads();
  at::set_num_threads(threads);
}

std::unique_ptr<Run> TorchScriptInstance::submit(const Batch& batch) {
  // Not for the life of the instance: the main loop, which has one too, does other things besides.
  const c10::InferenceMode inference_mode(true);
  try {
    return std::make_unique<FinishedRun>(run(forward_, batch));
  } catch (const std::exception& error) {
    rethrow_from(forward_.model().device, "MODEL_FAILED", error, forward_.precision_note());
  }
}

}  // namespace sconce
