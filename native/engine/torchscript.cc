// The TorchScript engine: files, and the models that are prepared from them.
#include <ATen/Parallel.h>
#include <ATen/cpu/Utils.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/version.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <mutex>
#include <utility>

#ifdef SCONCE_CUDA
#include <c10/cuda/CUDAStream.h>

#include "cuda_instance.h"
#endif

#include "../error.h"
#include "cuda.h"
#include "device_error.h"
#include "device_health.h"
#include "engine.h"
#include "forward_signature.h"
#include "graph_conditions.h"
#include "integrated_gradients.h"
#include "module_file.h"
#include "module_preparation.h"
#include "module_tensors.h"
#include "precision.h"
#include "straight_line.h"
#include "torchscript_instance.h"

#if TORCH_VERSION_MAJOR < 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR < 11)
#error "LibTorch 2.11 or newer is required: see docs/quickstart.md"
#endif

namespace sconce {

namespace {

// Those by which CPUs compute in bfloat16, as LibTorch calls them.
constexpr std::array kBFloat16Instructions{"avx512_bf16", "amx_bf16", "arm_bf16", "bf16"};

// Calls a function; what LibTorch throws there on the device fails the load.
template <typename Body>
auto translate_failures(c10::Device device, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::exception& error) {
    rethrow_from(device, "MODEL_LOAD_FAILED", error);
  }
}

// Waits for what the calling thread has queued on a GPU: the streams of instances do not.
void synchronize([[maybe_unused]] c10::Device device) {
#ifdef SCONCE_CUDA
  if (device.is_cuda()) c10::cuda::getCurrentCUDAStream(device.index()).synchronize();
#endif
}

std::unique_ptr<EngineInstance> instance_of(SharedModel& model) {
#ifdef SCONCE_CUDA
  if (model.device.is_cuda()) return std::make_unique<CudaInstance>(model);
#endif
  return std::make_unique<TorchScriptInstance>(model);
}

// What a thread does before it reads and prepares modules.
void become_loading_thread() {
  static std::once_flag interop;
  std::call_once(interop, [] { at::set_num_interop_threads(1); });
  // Freezing computes a little, which needs no team of threads that then stays with this one.
  (void)at::get_num_threads();
  at::set_num_threads(1);
}

class TorchScriptModel : public EngineModel {
 public:
  // Takes a module that is nobody else's and that has been loading since `start`.
  TorchScriptModel(const EngineOptions& options, torch::jit::Module module,
                   std::chrono::steady_clock::time_point start)
      : options_(options),
        shared_{.copies = nullptr,
                .device = parse_device(options.device),
                .converted = converted_type(options.plan.precision),
                .tf32 = options.plan.precision == Precision::kTF32,
                .graphs = options.plan.graphs && options.device != "cpu",
                .graphs_problem = {},
                .forms = argument_forms(module, options.input_forms)} {
    if (shared_.tf32 && shared_.device.is_cpu()) {
      throw Error("MODEL_LOAD_FAILED",
                  "precision tf32 is for GPUs only, and the device is cpu: use float32");
    }
    const c10::InferenceMode inference_mode(true);
    describe(module);
    shared_.writes_inputs = writes_arguments(module);
    std::copy_if(shared_.forms.begin(), shared_.forms.end(),
                 std::back_inserter(shared_.input_forms),
                 [](InputForm form) { return form != InputForm::kOffsets; });
    prepare(std::move(module));
    synchronize(shared_.device);
    description_.load_milliseconds =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

  ~TorchScriptModel() override {
    if (shared_.device.is_cuda() && has_device_failed(shared_.device.index())) {
      keep_for_good(std::move(shared_.copies));
    }
  }

  [[nodiscard]] const ModelDescription& description() const override { return description_; }

  std::unique_ptr<EngineInstance> make_instance() override {
    const c10::InferenceMode inference_mode(true);
    return translate_failures(shared_.device, [&] { return instance_of(shared_); });
  }

  std::unique_ptr<EngineExplainer> make_explainer() override { return load_explainer(options_); }

 private:
  // Before conversion: requests keep the dtypes that the file declares.
  void describe(const torch::jit::Module& module) {
    const std::optional<DType> dtype = ModuleTensors(module).floating_dtype();
    description_.arguments = read_arguments(module, dtype.value_or(DType::kFloat32));
    description_.returns = read_returns(module);
  }

  void prepare(torch::jit::Module module) {
    PreparedModule prepared = prepare_module(std::move(module), options_.plan);
    description_.parameter_bytes = prepared.parameter_bytes;
    description_.frozen = prepared.frozen;
    description_.optimized = prepared.optimized;
    description_.channels_last = prepared.channels_last;
    description_.straight_line = is_straight_line(prepared.module);
    description_.graphs_problem =
        graphs_problem(prepared.module, description_.straight_line, shared_.forms);
    shared_.graphs_problem = description_.graphs_problem;
    shared_.draws_numbers = shared_.device.is_cuda() && draws_numbers(prepared.module);
    shared_.channels_last = prepared.channels_last;
    shared_.copies = std::make_unique<ModuleCopies>(std::move(prepared.module), prepared.frozen);
  }

  const EngineOptions options_;
  SharedModel shared_;
  ModelDescription description_;
};

class TorchScriptFile : public EngineFile {
 public:
  explicit TorchScriptFile(EngineOptions options)
      : options_(std::move(options)), device_(parse_device(options_.device)), module_(read()) {
    is_stateful_ = writes_attributes(module_);
  }

  ~TorchScriptFile() override {
    if (device_.is_cuda() && has_device_failed(device_.index())) {
      keep_for_good(std::make_shared<torch::jit::Module>(module_));
    }
  }

  std::unique_ptr<EngineModel> prepare(const EnginePlan& plan) override {
    return translate_failures(device_, [&]() -> std::unique_ptr<EngineModel> {
      const auto start = std::chrono::steady_clock::now();
      become_loading_thread();
      EngineOptions options = options_;
      options.plan = plan;
      // A clone has graphs of its own and shares every tensor. What runs changes those of a module
      // with a state, and conversion also reaches the code that all clones call.
      const bool shares = !is_stateful_ && !converted_type(plan.precision);
      torch::jit::Module module = shares ? module_.clone(/*inplace=*/true) : read();
      return std::make_unique<TorchScriptModel>(options, std::move(module), start);
    });
  }

 private:
  [[nodiscard]] torch::jit::Module read() const {
    become_loading_thread();
    const c10::InferenceMode inference_mode(true);
    return read_module(options_.path, device_);
  }

  const EngineOptions options_;
  const c10::Device device_;
  const torch::jit::Module module_;
  bool is_stateful_ = false;
};

}  // namespace

std::unique_ptr<EngineFile> open_torchscript(const EngineOptions& options) {
  const c10::Device device = parse_device(options.device);
  return translate_failures(device, [&] { return std::make_unique<TorchScriptFile>(options); });
}

std::unique_ptr<EngineModel> load_torchscript(const EngineOptions& options) {
  const c10::Device device = parse_device(options.device);
  return translate_failures(device, [&] {
    const auto start = std::chrono::steady_clock::now();
    become_loading_thread();
    const c10::InferenceMode inference_mode(true);
    torch::jit::Module module = read_module(options.path, device);
    return std::make_unique<TorchScriptModel>(options, std::move(module), start);
  });
}

bool computes_bfloat16(const std::string& device) {
  if (device != "cpu") return cuda_computes_bfloat16(device);
  const auto capabilities = at::cpu::get_cpu_capabilities();
  return std::any_of(
      kBFloat16Instructions.begin(), kBFloat16Instructions.end(), [&](const char* name) {
        const auto found = capabilities.find(name);
        return found != capabilities.end() && found->second.isBool() && found->second.toBool();
      });
}

std::string torch_version() { return TORCH_VERSION; }

}  // namespace sconce
