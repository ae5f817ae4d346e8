#include "model_arguments.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "napi_support.h"

namespace sconce {

namespace {

constexpr int kMaxInstances = 1024;
constexpr int kMaxIntraOpThreads = 1024;
constexpr int64_t kMaxTimeoutMilliseconds = 3'600'000;
constexpr int64_t kMaxResponseTimeout = std::numeric_limits<int32_t>::max();  // milliseconds

TensorMeta read_tensor_meta(const Napi::Object& object) {
  return {.dtype = read_dtype(object.Get("dtype")), .dims = read_dims(object.Get("dims"), 0)};
}

std::vector<TensorMeta> read_tensor_metas(const Napi::Value& value) {
  const Napi::Array array = read_array(value, "inputs");
  std::vector<TensorMeta> metas;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    metas.push_back(read_tensor_meta(read_object(array.Get(i), "an input")));
  }
  return metas;
}

// Numbers of rows of batches.
std::vector<int> read_rows(const Napi::Value& value) {
  const Napi::Array array = read_array(value, "rows");
  std::vector<int> rows;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    rows.push_back(static_cast<int>(read_integer(array.Get(i), "rows", 1, kMaxCapacity)));
  }
  return rows;
}

Precision read_precision(const Napi::Value& value) {
  if (value.IsUndefined()) return Precision::kFloat32;
  const std::string name = read_string(value, "precision");
  if (name == "float32") return Precision::kFloat32;
  if (name == "tf32") return Precision::kTF32;
  if (name == "bfloat16") return Precision::kBFloat16;
  if (name == "float16") return Precision::kFloat16;
  throw Error("INTERNAL", "precision must be float32, tf32, bfloat16 or float16, not " + name);
}

EnginePlan read_plan(const Napi::Object& object) {
  return {.freeze = object.Get("freeze").ToBoolean(),
          .optimize = object.Get("optimize").ToBoolean(),
          .channels_last = object.Get("channelsLast").ToBoolean(),
          .precision = read_precision(object.Get("precision")),
          .graphs = object.Get("graphs").ToBoolean()};
}

std::vector<std::string> read_devices(const Napi::Value& value) {
  const Napi::Array array = read_array(value, "devices");
  std::vector<std::string> devices;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    devices.push_back(read_string(array.Get(i), "a device"));
  }
  if (devices.empty()) throw Error("INTERNAL", "devices must have one at least");
  const auto is_cpu = [](const std::string& device) { return device == "cpu"; };
  const auto on_cpu = std::count_if(devices.begin(), devices.end(), is_cpu);
  if (on_cpu != 0 && on_cpu != static_cast<std::ptrdiff_t>(devices.size())) {
    throw Error("INTERNAL", "devices must be the CPU or GPUs, not both");
  }
  return devices;
}

size_t read_graph_memory(const Napi::Value& value) {
  if (value.IsUndefined()) return 0;
  return static_cast<size_t>(read_integer(value, "graphMemory"));
}

double read_weight(const Napi::Value& value) {
  if (value.IsUndefined()) return 1;
  if (!value.IsNumber()) throw Error("INTERNAL", "weight must be a number");
  return value.As<Napi::Number>().DoubleValue();
}

InputForm read_input_form(const Napi::Value& value) {
  const std::string name = read_string(value, "a form");
  if (name == "rows") return InputForm::kRows;
  if (name == "joined") return InputForm::kJoined;
  if (name == "offsets") return InputForm::kOffsets;
  throw Error("INTERNAL", "the form of an input must be rows, joined or offsets, not " + name);
}

std::vector<InputForm> read_input_forms(const Napi::Value& value) {
  std::vector<InputForm> forms;
  if (value.IsUndefined()) return forms;
  const Napi::Array array = read_array(value, "inputForms");
  for (uint32_t i = 0; i < array.Length(); ++i) forms.push_back(read_input_form(array.Get(i)));
  return forms;
}

std::vector<uint8_t> copy_bytes(const Napi::Value& value, const char* name) {
  const std::span<uint8_t> bytes = read_bytes(value, name);
  return {bytes.begin(), bytes.end()};
}

ExplanationInput read_explanation_input(const Napi::Object& object) {
  TensorMeta meta = read_tensor_meta(object);
  ExplanationInput input{.dtype = meta.dtype,
                         .dims = std::move(meta.dims),
                         .data = copy_bytes(object.Get("bytes"), "bytes")};
  if (input.data.size() != row_bytes(input.dtype, input.dims)) {
    throw Error("INTERNAL", "an input has not as many bytes as its dtype and dims say");
  }
  return input;
}

}  // namespace

SlabLayout read_layout(const Napi::Object& object) {
  SlabLayout layout;
  layout.capacity =
      static_cast<int>(read_integer(object.Get("capacity"), "capacity", 1, kMaxCapacity));
  const Napi::Array inputs = read_array(object.Get("inputs"), "inputs");
  for (uint32_t i = 0; i < inputs.Length(); ++i) {
    const Napi::Object input = read_object(inputs.Get(i), "an input");
    TensorMeta meta = read_tensor_meta(input);
    const auto offset = static_cast<size_t>(read_integer(input.Get("offset"), "offset"));
    const size_t bytes = row_bytes(meta.dtype, meta.dims);
    layout.inputs.push_back({meta.dtype, std::move(meta.dims), offset, bytes});
  }
  layout.output_offset =
      static_cast<size_t>(read_integer(object.Get("outputOffset"), "outputOffset"));
  layout.output_bytes = static_cast<size_t>(read_integer(object.Get("outputBytes"), "outputBytes"));
  return layout;
}

int read_instances(const Napi::Value& value) {
  return static_cast<int>(read_integer(value, "instances", 1, kMaxInstances));
}

int read_intra_op_threads(const Napi::Value& value) {
  return static_cast<int>(read_integer(value, "intraOpThreads", 1, kMaxIntraOpThreads));
}

WarmUp read_warm_up(const Napi::Value& inputs, const Napi::Value& rows) {
  return {.inputs = read_tensor_metas(inputs), .rows = read_rows(rows)};
}

PlanSearchOptions read_search_options(const Napi::Object& object) {
  PlanSearchOptions options;
  options.engine.path = read_string(object.Get("path"), "path");
  options.engine.device = read_string(object.Get("device"), "device");
  options.engine.input_forms = read_input_forms(object.Get("inputForms"));
  options.inputs = read_tensor_metas(object.Get("inputs"));
  options.graph_memory = read_graph_memory(object.Get("graphMemory"));
  return options;
}

Trial read_trial(const Napi::Object& object) {
  Trial trial{.plan = read_plan(read_object(object.Get("plan"), "plan")),
              .rows = read_rows(object.Get("rows")),
              .instances = read_instances(object.Get("instances")),
              .intra_op_threads = read_intra_op_threads(object.Get("intraOpThreads")),
              .budget = {}};
  if (trial.rows.empty()) throw Error("INTERNAL", "rows must have a number at least");
  const double budget = object.Get("budget").ToNumber().DoubleValue();
  if (!(budget >= 0 && budget <= static_cast<double>(kMaxTimeoutMilliseconds))) {
    throw Error("INTERNAL", "budget is out of range");
  }
  trial.budget = std::chrono::microseconds(static_cast<int64_t>(budget * 1000));
  return trial;
}

ExplanationRequest read_explanation_request(const Napi::Object& object) {
  ExplanationRequest request;
  const Napi::Array inputs = read_array(object.Get("inputs"), "inputs");
  for (uint32_t i = 0; i < inputs.Length(); ++i) {
    request.inputs.push_back(read_explanation_input(read_object(inputs.Get(i), "an input")));
  }
  if (request.inputs.empty()) throw Error("INTERNAL", "there are no inputs");
  const auto last = static_cast<int64_t>(request.inputs.size()) - 1;
  request.input = static_cast<size_t>(read_integer(object.Get("input"), "input", 0, last));
  request.output = static_cast<size_t>(read_integer(object.Get("output"), "output"));
  request.target = read_integer(object.Get("target"), "target");
  request.steps =
      static_cast<int>(read_integer(object.Get("steps"), "steps", 1, kMaxExplanationSteps));
  const Napi::Value baseline = object.Get("baseline");
  if (baseline.IsUndefined()) return request;
  request.baseline = copy_bytes(baseline, "baseline");
  if (request.baseline->size() != request.inputs[request.input].data.size()) {
    throw Error("INTERNAL", "the baseline has not as many bytes as the input");
  }
  return request;
}

ExecutorOptions read_options(const Napi::Object& object) {
  ExecutorOptions options;
  options.engine.path = read_string(object.Get("path"), "path");
  options.devices = read_devices(object.Get("devices"));
  options.engine.plan = read_plan(object);
  options.graph_memory = read_graph_memory(object.Get("graphMemory"));
  options.engine.input_forms = read_input_forms(object.Get("inputForms"));
  options.instances = read_instances(object.Get("instances"));
  options.intra_op_threads = read_intra_op_threads(object.Get("intraOpThreads"));
  options.weight = read_weight(object.Get("weight"));
  if (const Napi::Value timeout = object.Get("responseTimeout"); !timeout.IsUndefined()) {
    options.response_timeout =
        std::chrono::milliseconds(read_integer(timeout, "responseTimeout", 1, kMaxResponseTimeout));
  }
  options.commit_timeout = std::chrono::milliseconds(
      read_integer(object.Get("commitTimeout"), "commitTimeout", 0, kMaxTimeoutMilliseconds));
  return options;
}

}  // namespace sconce
