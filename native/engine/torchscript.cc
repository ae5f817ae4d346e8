// The TorchScript engine. The only file that includes torch/script.h, which costs 20 seconds and a
// gigabyte per translation unit.
#include <ATen/Parallel.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/script.h>
#include <torch/version.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <mutex>
#include <set>
#include <unordered_set>

#include "../error.h"
#include "cuda.h"
#include "engine.h"
#include "failure.h"
#include "precision.h"

#if TORCH_VERSION_MAJOR < 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR < 11)
#error "LibTorch 2.11 or newer is required: see docs/quickstart.md"
#endif

namespace sconce {

namespace {

constexpr std::array<at::ScalarType, kDTypes.size()> kScalarTypes{
    at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kChar,
    at::kShort, at::kInt,    at::kLong, at::kByte,     at::kBool};

at::ScalarType to_scalar_type(DType dtype) { return kScalarTypes[static_cast<size_t>(dtype)]; }

std::optional<DType> from_scalar_type(at::ScalarType type) {
  for (size_t code = 0; code < kScalarTypes.size(); ++code) {
    if (kScalarTypes[code] == type) return static_cast<DType>(code);
  }
  return std::nullopt;
}

[[noreturn]] void rethrow(const char* code, const std::exception& error,
                          const std::string& note = {}) {
  const std::string message = error.what();
  const bool oom = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                   dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
                   is_out_of_memory(message);
  throw Error(oom ? "OUT_OF_MEMORY" : code, first_line(message) + note);
}

// Every tensor a module computes with: parameters, buffers, attributes, and after freezing the
// constants in its graph.
class TensorCollector {
 public:
  void add(const torch::jit::Module& module) {
    for (const at::Tensor& tensor : module.parameters()) add(tensor);
    for (const at::Tensor& tensor : module.buffers()) add(tensor);
    for (const auto& attribute : module.attributes()) add(attribute);
    add(*module.get_method("forward").graph()->block());
  }

  [[nodiscard]] const std::set<uint64_t>& pointers() const { return pointers_; }
  [[nodiscard]] size_t bytes() const { return bytes_; }
  [[nodiscard]] std::optional<DType> floating_dtype() const { return floating_dtype_; }

 private:
  void add(const at::Tensor& tensor) {
    if (!tensor.defined() || !tensor.has_storage()) return;
    const auto pointer = reinterpret_cast<uint64_t>(tensor.storage().data());
    if (pointer == 0) return;
    if (pointers_.insert(pointer).second) bytes_ += tensor.storage().nbytes();
    if (!floating_dtype_ && tensor.is_floating_point()) {
      floating_dtype_ = from_scalar_type(tensor.scalar_type());
    }
  }

  void add(const c10::IValue& value) {
    if (value.isTensor()) {
      add(value.toTensor());
    } else if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorVector()) add(tensor);
    }
  }

  void add(const torch::jit::Block& block) {
    for (const torch::jit::Node* node : block.nodes()) {
      if (node->kind() == c10::prim::Constant && node->hasAttribute(c10::attr::value)) {
        if (node->kindOf(c10::attr::value) == torch::jit::AttributeKind::t) {
          add(node->t(c10::attr::value));
        } else if (node->kindOf(c10::attr::value) == torch::jit::AttributeKind::ival) {
          add(node->ival(c10::attr::value));
        }
      }
      for (const torch::jit::Block* inner : node->blocks()) add(*inner);
    }
  }

  std::set<uint64_t> pointers_;
  size_t bytes_ = 0;
  std::optional<DType> floating_dtype_;
};

// True when `value`, followed through operations that keep its elements, is the index of an
// embedding: such an input must be int64 whatever the parameters are.
bool is_embedding_index(const torch::jit::Value* value, int depth = 0) {
  static const std::unordered_set<std::string> kKeepsElements{
      "aten::view",    "aten::reshape", "aten::flatten",   "aten::unsqueeze",
      "aten::squeeze", "aten::permute", "aten::transpose", "aten::contiguous"};
  if (depth > 8) return false;
  for (const torch::jit::Use& use : value->uses()) {
    const std::string kind = use.user->kind().toQualString();
    if ((kind == "aten::embedding" || kind == "aten::embedding_bag") && use.offset == 1)
      return true;
    if (use.offset == 0 && kKeepsElements.contains(kind) && use.user->outputs().size() == 1 &&
        is_embedding_index(use.user->output(), depth + 1)) {
      return true;
    }
  }
  return false;
}

// True when forward may write to one of its arguments, also through a view of it.
bool writes_arguments(const torch::jit::Module& module) {
  std::shared_ptr<torch::jit::Graph> graph = module.get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  const torch::jit::AliasDb aliases(graph);
  for (size_t i = 1; i < graph->inputs().size(); ++i) {  // 0 is self
    if (aliases.hasWriters(graph->inputs()[i])) return true;
  }
  return false;
}

std::vector<Argument> read_arguments(const torch::jit::Module& module, DType parameter_dtype) {
  const torch::jit::Method method = module.get_method("forward");
  std::shared_ptr<torch::jit::Graph> graph = method.graph()->copy();
  torch::jit::Inline(*graph);
  std::vector<Argument> arguments;
  const std::vector<c10::Argument>& declared = method.function().getSchema().arguments();
  for (size_t i = 1; i < declared.size(); ++i) {  // 0 is self
    const c10::Argument& argument = declared[i];
    Argument read{.name = argument.name(),
                  .type = argument.type()->annotation_str(),
                  .default_value = std::nullopt,
                  .dtype = parameter_dtype};
    if (argument.default_value()) {
      std::ostringstream text;
      text << *argument.default_value();
      read.default_value = text.str();
    }
    if (i < graph->inputs().size() && is_embedding_index(graph->inputs()[i])) {
      read.dtype = DType::kInt64;
    }
    arguments.push_back(std::move(read));
  }
  return arguments;
}

// Flattens what forward returned into tensors and the structure that holds them.
class OutputReader {
 public:
  // Tensors of the precision that a module was converted to become float32.
  OutputReader(int rows, std::optional<at::ScalarType> converted)
      : rows_(rows), converted_(converted) {}

  OutputNode read(const c10::IValue& value, int depth = 0) {
    OutputNode node;
    if (value.isTensor()) {
      node.tensor = add(value.toTensor());
      return node;
    }
    if (depth > 1) throw unsupported(value, "nested more than one level deep");
    if (value.isTuple()) {
      node.kind = OutputNode::Kind::kList;
      for (const c10::IValue& element : value.toTupleRef().elements()) {
        node.children.push_back(read(element, depth + 1));
      }
    } else if (value.isList()) {
      node.kind = OutputNode::Kind::kList;
      for (const c10::IValue& element : value.toListRef()) {
        node.children.push_back(read(element, depth + 1));
      }
    } else if (value.isGenericDict()) {
      node.kind = OutputNode::Kind::kFields;
      for (const auto& entry : value.toGenericDict()) {
        if (!entry.key().isString()) throw unsupported(value, "a dict whose keys are not strings");
        node.keys.push_back(entry.key().toStringRef());
        node.children.push_back(read(entry.value(), depth + 1));
      }
    } else {
      throw unsupported(value, "not a tensor, a tuple or list of tensors, or a Dict[str, Tensor]");
    }
    if (node.children.empty()) throw unsupported(value, "empty");
    return node;
  }

  [[nodiscard]] const std::vector<at::Tensor>& tensors() const { return tensors_; }

  [[nodiscard]] Signature signature(OutputNode structure) const {
    Signature signature{.outputs = {}, .structure = std::move(structure)};
    for (const at::Tensor& tensor : tensors_) {
      const std::optional<DType> dtype = from_scalar_type(tensor.scalar_type());
      if (!dtype) {
        throw Error("INVALID_OUTPUT", std::string("the model returned elements of type ") +
                                          c10::toString(tensor.scalar_type()) +
                                          ", which no reply can carry");
      }
      signature.outputs.push_back({*dtype, tensor.sizes().slice(1).vec()});
    }
    return signature;
  }

 private:
  static Error unsupported(const c10::IValue& value, const std::string& why) {
    return {"INVALID_OUTPUT", "the model returned " + value.type()->annotation_str() + ": " + why};
  }

  int add(const at::Tensor& tensor) {
    if (!tensor.defined() || tensor.dim() == 0 || tensor.size(0) != rows_) {
      std::ostringstream given;
      if (tensor.defined()) given << tensor.sizes();
      throw Error("INVALID_OUTPUT",
                  "the first dimension of every output must be the batch: expected " +
                      std::to_string(rows_) + " rows, the model returned the shape " + given.str());
    }
    if (tensor.layout() != at::kStrided) {
      throw Error("INVALID_OUTPUT", "the model returned a tensor that is not dense");
    }
    tensors_.push_back(tensor.scalar_type() == converted_ ? tensor.to(at::kFloat) : tensor);
    return static_cast<int>(tensors_.size()) - 1;
  }

  int rows_;
  std::optional<at::ScalarType> converted_;
  std::vector<at::Tensor> tensors_;
};

at::Tensor wrap_memory(const void* data, int rows, std::span<const int64_t> dims, DType dtype) {
  std::vector<int64_t> sizes{rows};
  sizes.insert(sizes.end(), dims.begin(), dims.end());
  // from_blob takes a mutable pointer. A model that writes to its input writes to rows of the slab,
  // which is why its batches are never run twice.
  return at::from_blob(const_cast<void*>(data), sizes, at::TensorOptions(to_scalar_type(dtype)));
}

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

// The copies of a module that instances run. What a copy compiles stays in the module's compilation
// unit until the model goes, so the copy that an instance leaves behind is kept for the next one,
// together with what its graph has learnt of its inputs.
class ModuleCopies {
 public:
  // A clone has graph executors of its own. Made in place it shares every tensor. Freezing leaves
  // as attributes only the tensors that forward changes; of these each instance needs its own.
  ModuleCopies(const torch::jit::Module& module, bool frozen) : module_(module), frozen_(frozen) {}

  torch::jit::Module take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) {
      idle_.reserve(++made_);  // so that giving back cannot fail
      return module_.clone(/*inplace=*/!frozen_);
    }
    torch::jit::Module copy = std::move(idle_.back());
    idle_.pop_back();
    return copy;
  }

  void give_back(torch::jit::Module copy) {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(copy));
  }

 private:
  std::mutex mutex_;
  torch::jit::Module module_;
  bool frozen_;
  size_t made_ = 0;
  std::vector<torch::jit::Module> idle_;
};

// What all instances of a model have in common.
struct SharedModel {
  std::unique_ptr<ModuleCopies> copies;
  c10::Device device;
  std::optional<at::ScalarType> converted;  // the precision, when it is not the file's own
  bool writes_inputs = false;
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
    TensorCollector collector;
    collector.add(module_);
    return {collector.pointers().begin(), collector.pointers().end()};
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
    std::vector<c10::IValue> arguments;
    arguments.reserve(batch.inputs.size());
    for (const BatchInput& input : batch.inputs) {
      at::Tensor tensor = wrap_memory(input.data, batch.rows, input.dims, input.dtype);
#ifdef SCONCE_CUDA
      if (pipeline_) tensor = pipeline_->upload(tensor);
#endif
      const bool wide = input.dtype == DType::kFloat32 || input.dtype == DType::kFloat64;
      if (model_.converted && wide) tensor = tensor.to(*model_.converted);
      arguments.emplace_back(std::move(tensor));
    }
    OutputReader reader(batch.rows, model_.converted);
    OutputNode structure = reader.read(module_.forward(std::move(arguments)));
    run.result.signature = reader.signature(std::move(structure));
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

c10::Device parse_device(const std::string& name) {
  try {
    c10::Device device(name);
    if (device.is_cpu()) return device;
    if (device.is_cuda()) {
      const int index = device.has_index() ? device.index() : 0;
      if (index < cuda_device_count()) return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
      throw Error("MODEL_LOAD_FAILED", "the device " + name + " is not there: this process sees " +
                                           std::to_string(cuda_device_count()) + " CUDA devices");
    }
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) {
    // Falls through to the message below, which says what is allowed.
  }
  throw Error("MODEL_LOAD_FAILED", "the device \"" + name + "\" is not cpu or cuda:N");
}

void check_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> magic{};
  if (!file) {
    throw Error("MODEL_LOAD_FAILED", std::string("cannot open the file: ") +
                                         (errno != 0 ? std::strerror(errno) : "not readable"));
  }
  file.read(magic.data(), magic.size());
  if (file.gcount() != magic.size() || std::memcmp(magic.data(), "PK\x03\x04", 4) != 0) {
    throw Error("MODEL_LOAD_FAILED",
                "not a TorchScript file: it does not begin as a zip archive; save the model with "
                "torch.jit.script(model).save(path)");
  }
}

torch::jit::Module read_module(const std::string& path, c10::Device device) {
  check_file(path);
  torch::jit::Module module;
  try {
    module = torch::jit::load(path, device);
  } catch (const std::exception& error) {
    const std::string line = first_line(error.what());
    if (line.find("constants.pkl") != std::string::npos) {
      throw Error("MODEL_LOAD_FAILED",
                  "not a TorchScript file: it holds no code; save the model with "
                  "torch.jit.script(model).save(path) instead of torch.save (" +
                      line + ")");
    }
    if (is_out_of_memory(error.what())) rethrow("MODEL_LOAD_FAILED", error);
    throw Error("MODEL_LOAD_FAILED",
                "the file is damaged or was not written by torch.jit.save: " + line);
  }
  if (!module.find_method("forward")) {
    throw Error("MODEL_LOAD_FAILED", "the module has no forward method");
  }
  module.eval();
  return module;
}

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
      : shared_{.copies = nullptr,
                .device = parse_device(options.device),
                .converted = converted_type(options.precision)} {
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
    if (shared_.converted) convert(module, *shared_.converted);
    description_.parameter_bytes = tensors_of(module).bytes();
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

 private:
  static TensorCollector tensors_of(const torch::jit::Module& module) {
    TensorCollector tensors;
    tensors.add(module);
    return tensors;
  }

  // Before conversion: requests keep the dtypes that the file declares.
  void describe(const torch::jit::Module& module) {
    const std::optional<DType> dtype = tensors_of(module).floating_dtype();
    description_.arguments = read_arguments(module, dtype.value_or(DType::kFloat32));
    const auto& returns = module.get_method("forward").function().getSchema().returns();
    description_.returns = returns.empty() ? "None" : returns.front().type()->annotation_str();
  }

  void freeze(torch::jit::Module& module) {
    try {
      module = torch::jit::freeze(module);
      description_.frozen = true;
    } catch (const std::exception&) {
      // Some modules cannot be frozen; they run as they are, and the description says so.
    }
  }

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
