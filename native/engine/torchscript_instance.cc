#include "torchscript_instance.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "../error.h"
#include "argument_list.h"
#include "failure.h"
#include "module_tensors.h"
#include "output_reader.h"
#include "precision.h"
#include "tensor_memory.h"

namespace sconce {

// A run whose result is complete, or will be when the device says so.
class TorchScriptInstance::TorchRun : public Run {
 public:
  BatchResult result;
#ifdef SCONCE_CUDA
  std::unique_ptr<CudaPipeline::Completion> completion;
  std::vector<at::Tensor> keep_alive;
#endif

  bool ready() override {
#ifdef SCONCE_CUDA
    try {
      return completion == nullptr || completion->reached();
    } catch (const std::exception& error) {
      rethrow("MODEL_FAILED", error);
    }
#else
    return true;
#endif
  }

  BatchResult take_result() override { return std::move(result); }
};

TorchScriptInstance::TorchScriptInstance(SharedModel& model)
    : model_(model), module_(model.copies->take()) {
#ifdef SCONCE_CUDA
  const c10::Device device = model.device;
  if (device.is_cuda()) {
    c10::cuda::set_device(device.index());
    pipeline_.emplace(device.index());
  }
#endif
}

TorchScriptInstance::~TorchScriptInstance() { model_.copies->give_back(std::move(module_)); }

void TorchScriptInstance::set_intra_op_threads(int threads) {
  if (!model_.device.is_cpu()) return;
  // A setting of this thread: with OpenMP each thread that starts parallel regions has its own
  // team size. LibTorch gives a thread the number that was set last anywhere when it first asks,
  // so it is made to ask before.
  (void)at::get_num_threads();
  at::set_num_threads(threads);
}

std::unique_ptr<Run> TorchScriptInstance::submit(const Batch& batch) {
  // Not for the life of the instance: the main loop, which has one too, does other things besides.
  const c10::InferenceMode inference_mode(true);
  auto run = std::make_unique<TorchRun>();
  try {
    std::vector<at::Tensor> outputs = forward(batch, *run);
    place(batch, outputs, *run);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    rethrow("MODEL_FAILED", error, precision_note());
  }
  return run;
}

size_t TorchScriptInstance::max_in_flight() const {
#ifdef SCONCE_CUDA
  if (pipeline_) return 2;
#endif
  return 1;
}

std::vector<uint64_t> TorchScriptInstance::parameter_pointers() const {
  const ModuleTensors tensors(module_);
  return {tensors.pointers().begin(), tensors.pointers().end()};
}

std::string TorchScriptInstance::precision_note() const {
  if (!model_.converted) return {};
  return std::string(" (the model was converted to ") + precision_name(*model_.converted) + ")";
}

std::vector<at::Tensor> TorchScriptInstance::forward(const Batch& batch, TorchRun& run) {
#ifdef SCONCE_CUDA
  std::optional<c10::cuda::CUDAStreamGuard> on_compute;
  if (pipeline_) on_compute.emplace(pipeline_->compute());
#endif
  std::vector<at::Tensor> inputs;
  inputs.reserve(batch.inputs.size());
  for (const BatchInput& input : batch.inputs) {
    at::Tensor tensor = wrap_memory(input.data, batch.rows, input.dims, input.dtype);
#ifdef SCONCE_CUDA
    if (pipeline_) tensor = pipeline_->upload(tensor);
#endif
    inputs.push_back(as_computed_with(tensor, input.dtype, inputs.size()));
  }
  OutputReader reader(batch.rows, model_.converted);
  run.result.signature =
      reader.read(module_.forward(make_arguments(std::move(inputs), batch.rows, model_.forms)));
  run.result.rows = batch.rows;
  return reader.tensors();
}

at::Tensor TorchScriptInstance::as_computed_with(const at::Tensor& input, DType dtype,
                                                 size_t index) const {
  if (!model_.converted && !model_.channels_last) return input;
  const bool wide = dtype == DType::kFloat32 || dtype == DType::kFloat64;
  const at::ScalarType type = model_.converted && wide ? *model_.converted : input.scalar_type();
  const bool in_rows =
      index >= model_.input_forms.size() || model_.input_forms[index] == InputForm::kRows;
  if (model_.channels_last && in_rows && input.dim() == 4) {
    return input.to(type, /*non_blocking=*/false, /*copy=*/false, at::MemoryFormat::ChannelsLast);
  }
  return input.to(type);
}

void TorchScriptInstance::place(const Batch& batch, const std::vector<at::Tensor>& outputs,
                                TorchRun& run) {
  const std::vector<size_t> offsets = output_offsets(run.result.signature, batch.rows);
  uint8_t* block = batch.output_area.data();
  if (offsets.back() > batch.output_area.size()) {
    run.result.overflow = allocate_aligned(offsets.back());
    run.result.overflow_bytes = offsets.back();
    block = run.result.overflow.get();
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].numel() == 0) continue;
    const TensorMeta& meta = run.result.signature.outputs[i];
    at::Tensor target = wrap_memory(block + offsets[i], batch.rows, meta.dims, meta.dtype);
#ifdef SCONCE_CUDA
    if (pipeline_ && outputs[i].is_cuda()) {
      pipeline_->download(outputs[i].contiguous(), target);
      run.keep_alive.push_back(outputs[i]);
      continue;
    }
#endif
    target.copy_(outputs[i]);
  }
#ifdef SCONCE_CUDA
  if (pipeline_) run.completion = pipeline_->complete();
#endif
}

}  // namespace sconce
