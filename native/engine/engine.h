// What runs a model file. One class each for TorchScript and later formats, behind the interfaces
// below. Nothing here knows Node, and callers need no LibTorch header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../dtype.h"
#include "explanation.h"

namespace sconce {

// What a model computes in. kFloat32 leaves the file as it is, whatever its parameters are; on a
// GPU cuDNN may use TensorFloat-32 for convolutions then, and cuBLAS does not for matrix products,
// as PyTorch has it. kTF32 lets both, and is for GPUs only.
enum class Precision : uint8_t { kFloat32, kTF32, kBFloat16, kFloat16 };

// How the rows of a batch become an argument of forward.
enum class InputForm : uint8_t {
  kRows,     // one tensor [rows, …]
  kList,     // a list with one tensor for each row; where forward declares List[Tensor]
  kJoined,   // the rows one after the other along their first dimension: [rows * n, …]
  kOffsets,  // where each row of the joined input before it begins: int64 [rows]. Not in a batch
};

// How a module is prepared before it runs.
struct EnginePlan {
  bool freeze = true;
  bool optimize = false;  // optimize_for_inference; without effect unless frozen
  // Weights and inputs of 4 dimensions in channels-last order.
  bool channels_last = false;
  // kBFloat16 and kFloat16: the module is converted when it is loaded, float32 and float64 inputs
  // are converted for each batch, and outputs of that precision come back as float32.
  Precision precision = Precision::kFloat32;
  bool graphs = false;  // CUDA graphs, for what capture() is called with; without effect on the CPU
};

struct EngineOptions {
  std::string path;
  std::string device;  // "cpu" or "cuda:N"
  EnginePlan plan;
  std::vector<InputForm> input_forms;  // of the arguments; kRows where there are fewer
};

// One argument of `forward` as the file declares it.
struct Argument {
  std::string name;
  std::string type;
  std::optional<std::string> default_value;  // absent: the argument is required
  DType dtype;                               // what the graph asks for, or the parameters' dtype
  // Rows of the smallest embedding that every element is an index of; absent where none is.
  std::optional<int64_t> index_limit = std::nullopt;
};

struct ModelDescription {
  std::vector<Argument> arguments;
  std::string returns;
  size_t parameter_bytes = 0;
  double load_milliseconds = 0;
  bool frozen = false;
  bool optimized = false;
  bool channels_last = false;
  // The same operations for every input of the same shapes: no loops, no branches but those that
  // end in a failure, nothing forked, nothing printed, no sizes that are made of values.
  bool straight_line = false;
  // Why no CUDA graph can be captured of it, as far as its own graph tells; empty otherwise.
  std::string graphs_problem;
};

struct TensorMeta {
  DType dtype;
  std::vector<int64_t> dims;  // of one row, without the batch dimension
  // Outputs only: dims[0] is the length of the longest row, shorter rows end in zeros.
  bool padded = false;

  bool operator==(const TensorMeta&) const = default;
};

// The shape of a result: a tensor (an index into the flat list), a list, or named fields.
struct OutputNode {
  enum class Kind : uint8_t { kTensor, kList, kFields };

  Kind kind = Kind::kTensor;
  int tensor = 0;
  std::vector<std::string> keys;  // kFields only, one per child
  std::vector<OutputNode> children;

  bool operator==(const OutputNode&) const = default;
};

struct Signature {
  std::vector<TensorMeta> outputs;
  OutputNode structure;

  bool operator==(const Signature&) const = default;
};

// Byte offset of each output in a block that holds `rows` rows of every output, one output after
// the other, each aligned to 64 bytes; and the block's end. Throws Error when that overflows.
std::vector<size_t> output_offsets(const Signature& signature, int rows);

struct AlignedDelete {
  void operator()(uint8_t* memory) const;
};
using AlignedBytes = std::unique_ptr<uint8_t[], AlignedDelete>;

// Memory aligned to 64 bytes. Throws std::bad_alloc.
AlignedBytes allocate_aligned(size_t bytes);

struct BatchInput {
  const uint8_t* data;  // rows * row bytes, contiguous
  DType dtype;
  std::span<const int64_t> dims;  // of one row
};

struct Batch {
  int rows = 0;
  std::vector<BatchInput> inputs;
  std::span<uint8_t> output_area;  // where the outputs go when they fit
};

struct BatchResult {
  Signature signature;
  int rows = 0;
  AlignedBytes overflow;  // holds the output block when it did not fit the area
  size_t overflow_bytes = 0;
};

// What became of a wish for a CUDA graph.
struct GraphCapture {
  int rows = 0;
  size_t bytes = 0;     // of device memory that it took
  std::string problem;  // empty when it was captured
};

// A batch under way. On the CPU it is finished when submit() returns; on a GPU its copies and
// kernels are queued and the host goes on.
class Run {
 public:
  virtual ~Run() = default;
  // True when the outputs are in place. Throws Error with MODEL_FAILED or DEVICE_FAILED when the
  // device reports a failure.
  [[nodiscard]] virtual bool ready() = 0;
  [[nodiscard]] virtual BatchResult take_result() = 0;
};

// Runs batches on one device, on one thread at a time.
class EngineInstance {
 public:
  virtual ~EngineInstance() = default;
  // Throws Error with MODEL_FAILED, INVALID_OUTPUT, OUT_OF_MEMORY or DEVICE_FAILED: then nothing
  // will run on this device any more in this process. The batch's memory must stay untouched until
  // the run is ready or destroyed.
  [[nodiscard]] virtual std::unique_ptr<Run> submit(const Batch& batch) = 0;
  // How many threads a batch may use, from the next one on; CPU only. Called before the first
  // batch, on the thread that runs batches from there on.
  virtual void set_intra_op_threads(int threads) = 0;
  // How many runs may be under way at once, so that copies overlap with compute.
  [[nodiscard]] virtual size_t max_in_flight() const { return 1; }
  // True when batches are copied to a device, which is faster from memory that is page-locked.
  [[nodiscard]] virtual bool copies_batches() const { return false; }
  // True when the device of this instance failed for good, on whichever instance.
  [[nodiscard]] virtual bool device_failed() const { return false; }
  // Captures forward for batches of as many rows as this one; batches of at most so many are padded
  // to the smallest number captured from then on. nullopt: this instance captures nothing. What
  // cannot be captured, or takes more than `budget` bytes of device memory, is said in the result.
  // Throws Error with DEVICE_FAILED. No run may be under way.
  virtual std::optional<GraphCapture> capture(const Batch& /*batch*/, size_t /*budget*/) {
    return std::nullopt;
  }
  // True when forward writes to its inputs: a batch of such a model cannot be run a second time.
  [[nodiscard]] virtual bool writes_inputs() const { return false; }
  // Addresses of the parameter and constant storages this instance computes with.
  [[nodiscard]] virtual std::vector<uint64_t> parameter_pointers() const = 0;
};

// A loaded model file, which its instances must not outlive. On a GPU make_instance() is called on
// the thread that will use the instance.
class EngineModel {
 public:
  virtual ~EngineModel() = default;
  [[nodiscard]] virtual const ModelDescription& description() const = 0;
  // Throws Error with MODEL_LOAD_FAILED, OUT_OF_MEMORY or DEVICE_FAILED.
  [[nodiscard]] virtual std::unique_ptr<EngineInstance> make_instance() = 0;
  // Reads the file once more. Thread-safe. Throws Error with MODEL_LOAD_FAILED or OUT_OF_MEMORY.
  [[nodiscard]] virtual std::unique_ptr<EngineExplainer> make_explainer() = 0;
};

// A model file in memory, from which models are prepared in several ways. None of them sees what
// another has done to the module.
class EngineFile {
 public:
  virtual ~EngineFile() = default;
  // Shares the parameters with the file where nothing changes them. Throws Error with
  // MODEL_LOAD_FAILED or OUT_OF_MEMORY.
  [[nodiscard]] virtual std::unique_ptr<EngineModel> prepare(const EnginePlan& plan) = 0;
};

// Reads a TorchScript file; the plan is not used. Throws Error with MODEL_LOAD_FAILED or
// OUT_OF_MEMORY.
std::unique_ptr<EngineFile> open_torchscript(const EngineOptions& options);

// True when the device computes in bfloat16 by instructions of its own. "cpu" or "cuda:N"; false
// for any other name.
bool computes_bfloat16(const std::string& device);

// Loads a TorchScript file. Throws Error with MODEL_LOAD_FAILED, OUT_OF_MEMORY or DEVICE_FAILED.
std::unique_ptr<EngineModel> load_torchscript(const EngineOptions& options);

std::string torch_version();

}  // namespace sconce
