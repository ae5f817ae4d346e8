#include "model_wrap.h"

#include <string>
#include <utility>
#include <vector>

#include "event_conversion.h"
#include "napi_support.h"
#include "runtime.h"

namespace sconce {

namespace {

constexpr int kMaxInstances = 1024;
constexpr int kMaxIntraOpThreads = 1024;
constexpr int64_t kMaxTimeoutMilliseconds = 3'600'000;

TensorMeta read_tensor_meta(const Napi::Object& object) {
  return {.dtype = read_dtype(object.Get("dtype")), .dims = read_dims(object.Get("dims"), 0)};
}

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

Precision read_precision(const Napi::Value& value) {
  if (value.IsUndefined()) return Precision::kFloat32;
  const std::string name = read_string(value, "precision");
  if (name == "float32") return Precision::kFloat32;
  if (name == "bfloat16") return Precision::kBFloat16;
  if (name == "float16") return Precision::kFloat16;
  throw Error("INTERNAL", "precision must be float32, bfloat16 or float16, not " + name);
}

int read_instances(const Napi::Value& value) {
  return static_cast<int>(read_integer(value, "instances", 1, kMaxInstances));
}

int read_intra_op_threads(const Napi::Value& value) {
  return static_cast<int>(read_integer(value, "intraOpThreads", 1, kMaxIntraOpThreads));
}

ExecutorOptions read_options(const Napi::Object& object) {
  ExecutorOptions options;
  options.engine.path = read_string(object.Get("path"), "path");
  options.engine.device = read_string(object.Get("device"), "device");
  options.engine.freeze = object.Get("freeze").ToBoolean();
  options.engine.precision = read_precision(object.Get("precision"));
  options.instances = read_instances(object.Get("instances"));
  options.intra_op_threads = read_intra_op_threads(object.Get("intraOpThreads"));
  options.commit_timeout = std::chrono::milliseconds(
      read_integer(object.Get("commitTimeout"), "commitTimeout", 0, kMaxTimeoutMilliseconds));
  return options;
}

int read_id(const Napi::CallbackInfo& info) {
  return static_cast<int>(read_integer(info[0], "id", 0, std::numeric_limits<int32_t>::max()));
}

}  // namespace

Napi::Function ModelWrap::define(Napi::Env env) {
  return DefineClass(
      env, "Model",
      {InstanceAccessor<&ModelWrap::id>("id"), InstanceMethod<&ModelWrap::add_slab>("addSlab"),
       InstanceMethod<&ModelWrap::remove_slab>("removeSlab"),
       InstanceMethod<&ModelWrap::ring>("ring"), InstanceMethod<&ModelWrap::signature>("signature"),
       InstanceMethod<&ModelWrap::warm_up>("warmUp"), InstanceMethod<&ModelWrap::scale>("scale"),
       InstanceMethod<&ModelWrap::parameter_pointers>("parameterPointers"),
       InstanceMethod<&ModelWrap::take_printed>("takePrinted"),
       InstanceMethod<&ModelWrap::close>("close")});
}

ModelWrap::ModelWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ModelWrap>(info) {
  executor_ = translate_exceptions(info.Env(), [&] {
    return Runtime::instance().create(read_options(read_object(info[0], "options")));
  });
}

ModelWrap::~ModelWrap() {
  if (executor_ == nullptr) return;
  executor_->close();
  executor_->join();
}

Napi::Value ModelWrap::id(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), executor_->id());
}

Napi::Value ModelWrap::add_slab(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    const std::span<uint8_t> memory = read_bytes(info[0], "slab");
    const int slab_id = executor_->add_slab(memory, read_layout(read_object(info[1], "layout")));
    slabs_.emplace(slab_id, Napi::Persistent(info[0].As<Napi::Object>()));
    return Napi::Number::New(info.Env(), slab_id);
  });
}

Napi::Value ModelWrap::remove_slab(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    const int slab_id = read_id(info);
    executor_->remove_slab(slab_id);
    slabs_.erase(slab_id);
    return info.Env().Undefined();
  });
}

Napi::Value ModelWrap::ring(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    executor_->ring(read_id(info));
    return info.Env().Undefined();
  });
}

Napi::Value ModelWrap::signature(const Napi::CallbackInfo& info) {
  return translate_exceptions(
      info.Env(), [&] { return signature_to_js(info.Env(), executor_->signature(read_id(info))); });
}

Napi::Value ModelWrap::warm_up(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    std::vector<TensorMeta> inputs;
    const Napi::Array metas = read_array(info[0], "inputs");
    for (uint32_t i = 0; i < metas.Length(); ++i) {
      inputs.push_back(read_tensor_meta(read_object(metas.Get(i), "an input")));
    }
    std::vector<int> rows;
    const Napi::Array sizes = read_array(info[1], "rows");
    for (uint32_t i = 0; i < sizes.Length(); ++i) {
      rows.push_back(static_cast<int>(read_integer(sizes.Get(i), "rows", 1, kMaxCapacity)));
    }
    executor_->warm_up({.inputs = std::move(inputs), .rows = std::move(rows)});
    return info.Env().Undefined();
  });
}

Napi::Value ModelWrap::scale(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    executor_->scale(read_instances(info[0]), read_intra_op_threads(info[1]));
    return info.Env().Undefined();
  });
}

Napi::Value ModelWrap::parameter_pointers(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    const std::vector<std::vector<uint64_t>> pointers = executor_->parameter_pointers();
    Napi::Array instances = Napi::Array::New(info.Env(), pointers.size());
    for (uint32_t i = 0; i < pointers.size(); ++i) {
      Napi::Array list = Napi::Array::New(info.Env(), pointers[i].size());
      for (uint32_t j = 0; j < pointers[i].size(); ++j) {
        list[j] = Napi::BigInt::New(info.Env(), pointers[i][j]);
      }
      instances[i] = list;
    }
    return instances;
  });
}

Napi::Value ModelWrap::take_printed(const Napi::CallbackInfo& info) {
  const PrintedLines::Taken taken = executor_->take_printed();
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("text", taken.text);
  object.Set("dropped", static_cast<double>(taken.dropped));
  return object;
}

Napi::Value ModelWrap::close(const Napi::CallbackInfo& info) {
  executor_->close();
  return info.Env().Undefined();
}

}  // namespace sconce
