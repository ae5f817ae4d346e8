// The TorchScript engine: a module, and the instances that run it.
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/version.h>

#include <chrono>
#include <mutex>
#include <utility>

#include "../error.h"
#include "argument_list.h"
#include "cuda.h"
#include "engine.h"
#include "failure.h"
#include "forward_signature.h"
#include "integrated_gradients.h"
#include "module_copies.h"
#include "module_file.h"
#include "module_tensors.h"
#include "output_reader.h"
#include "precision.h"
#include "tensor_memory.h"

#if TORCH_VERSION_MAJOR < 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR < 11)
#error "LibTorch 2.11 or newer is required: see docs/quickstart.md"
#endif

namespace sconce {

namespace {

// A run whose result is complete, or will be when the device says so.
class TorchRun : public Run {
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

// What all instances of a model have in common.
struct SharedModel {
  std::unique_ptr<ModuleCopies> copies;
  c10::Device device;
  std::optional<at::ScalarType> converted;  // the precision, when it is not the file's own
  bool writes_inputs = false;
  std::vector<InputForm> forms;  // of the arguments
};

class TorchScriptInstance : public EngineInstance {
 public:
  explicit TorchScriptInstance(SharedModel& model) : model_(model), module_(model.copies->take()) {
#ifdef SCONCE_CUDA
    const c10::Device device = model.device;
    if (device.is_cuda()) {
      c10::cuda::set_device(device.index());
      pipeline_.emplace(device.index());
    }
#endif
  }

  ~TorchScriptInstance() override { model_.copies->give_back(std::move(module_)); }

  void set_intra_op_threads(int threads) override {
    if (!model_.device.is_cpu()) return;
    // A setting of this thread: with OpenMP each thread that starts parallel regions has its own
    // team size. LibTorch gives a thread the number that was set last anywhere when it first asks,
    // so it is made to ask before.
    (void)at::get_num_threads();
    at::set_num_threads(threads);
  }

  std::unique_ptr<Run> submit(const Batch& batch) override {
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

  [[nodiscard]] size_t max_in_flight() const override {
#ifdef SCONCE_CUDA
    if (pipeline_) return 2;
#endif
    return 1;
  }

  [[nodiscard]] bool writes_inputs() const override { return model_.writes_inputs; }

  [[nodiscard]] std::vector<uint64_t> parameter_pointers() const override {
    const ModuleTensors tensors(module_);
    return {tensors.pointers().begin(), tensors.pointers().end()};
  }

 private:
  [[nodiscard]] std::string precision_note() const {
    if (!model_.converted) return {};
    return std::string(" (the model was converted to ") + precision_name(*model_.converted) + ")";
  }

  std::vector<at::Tensor> forward(const Batch& batch, TorchRun& run) {
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
      const bool wide = input.dtype == DType::kFloat32 || input.dtype == DType::kFloat64;
      if (model_.converted && wide) tensor = tensor.to(*model_.converted);
      inputs.push_back(std::move(tensor));
    }
    OutputReader reader(batch.rows, model_.converted);
    run.result.signature =
        reader.read(module_.forward(make_arguments(std::move(inputs), batch.rows, model_.forms)));
    run.result.rows = batch.rows;
    return reader.tensors();
  }

  // Writes the outputs once: into the slab's output area, or into memory of their own when they
  // outgrow it.
  void place(const Batch& batch, const std::vector<at::Tensor>& outputs, TorchRun& run) {
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

  // The thread that makes an instance also uses and destroys it, so the guard covers its life.
  c10::InferenceMode inference_mode_{true};
  SharedModel& model_;
  torch::jit::Module module_;
#ifdef SCONCE_CUDA
  std::optional<CudaPipeline> pipeline_;
#endif
};

void convert(torch::jit::Module& module, at::ScalarType type) {
  try {
    convert_module(module, type);
  } catch (const std::exception& error) {
    if (is_out_of_memory(error.what())) rethrow("MODEL_LOAD_FAILED", error);
    throw Error("MODEL_LOAD_FAILED", std::string("the module cannot be converted to ") +
                                         precision_name(type) + ": " + first_line(error.what()));
  }
}

class TorchScriptModel : public EngineModel {
 public:
  explicit TorchScriptModel(const EngineOptions& options)
      : options_(options),
        shared_{.copies = nullptr,
                .device = parse_device(options.device),
                .converted = converted_type(options.precision),
                .forms = {}} {
    static std::once_flag interop;
    std::call_once(interop, [] { at::set_num_interop_threads(1); });
    // Freezing computes a little, which needs no team of threads that then stays with this one.
    (void)at::get_num_threads();
    at::set_num_threads(1);
    const auto start = std::chrono::steady_clock::now();
    const c10::InferenceMode inference_mode(true);
    torch::jit::Module module = read_module(options.path, shared_.device);
    describe(module);
    shared_.writes_inputs = writes_arguments(module);
    shared_.forms = argument_forms(module, options.input_forms);
    if (shared_.converted) convert(module, *shared_.converted);
    description_.parameter_bytes = ModuleTensors(module).bytes();
    if (options.freeze) freeze(module);
    shared_.copies = std::make_unique<ModuleCopies>(module, description_.frozen);
    description_.load_milliseconds =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

  [[nodiscard]] const ModelDescription& description() const override { return description_; }

  std::unique_ptr<EngineInstance> make_instance() override {
    try {
      return std::make_unique<TorchScriptInstance>(shared_);
    } catch (const std::exception& error) {
      rethrow("MODEL_LOAD_FAILED", error);
    }
  }

  std::unique_ptr<EngineExplainer> make_explainer() override { return load_explainer(options_); }

 private:
  // Before conversion: requests keep the dtypes that the file declares.
  void describe(const torch::jit::Module& module) {
    const std::optional<DType> dtype = ModuleTensors(module).floating_dtype();
    description_.arguments = read_arguments(module, dtype.value_or(DType::kFloat32));
    description_.returns = read_returns(module);
  }

  void freeze(torch::jit::Module& module) {
    try {
      module = torch::jit::freeze(module);
      description_.frozen = true;
    } catch (const std::exception&) {
      // Some modules cannot be frozen; they run as they are, and the description says so.
    }
  }

  const EngineOptions options_;
  SharedModel shared_;
  ModelDescription description_;
};

}  // namespace

std::unique_ptr<EngineModel> load_torchscript(const EngineOptions& options) {
  try {
    return std::make_unique<TorchScriptModel>(options);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    rethrow("MODEL_LOAD_FAILED", error);
  }
}

std::string torch_version() { return TORCH_VERSION; }

}  // namespace sconce
