#include "model_wrap.h"

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "event_conversion.h"
#include "model_arguments.h"
#include "napi_support.h"
#include "runtime.h"

namespace sconce {

namespace {

int read_id(const Napi::CallbackInfo& info) {
  return static_cast<int>(read_integer(info[0], "id", 0, std::numeric_limits<int32_t>::max()));
}

// 0 when it is left out.
double read_order(const Napi::Value& value) {
  if (value.IsUndefined()) return 0;
  const double order = value.IsNumber() ? value.As<Napi::Number>().DoubleValue()
                                        : std::numeric_limits<double>::quiet_NaN();
  if (std::isnan(order)) throw Error("INTERNAL", "order must be a number");
  return order;
}

}  // namespace

Napi::Function ModelWrap::define(Napi::Env env) {
  return DefineClass(
      env, "Model",
      {InstanceAccessor<&ModelWrap::id>("id"), InstanceMethod<&ModelWrap::add_slab>("addSlab"),
       InstanceMethod<&ModelWrap::remove_slab>("removeSlab"),
       InstanceMethod<&ModelWrap::ring>("ring"), InstanceMethod<&ModelWrap::advance>("advance"),
       InstanceMethod<&ModelWrap::run_on_loop>("runOnLoop"),
       InstanceMethod<&ModelWrap::signature>("signature"),
       InstanceMethod<&ModelWrap::warm_up>("warmUp"), InstanceMethod<&ModelWrap::scale>("scale"),
       InstanceMethod<&ModelWrap::explain>("explain"),
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
    const bool here = info[2].IsUndefined() || info[2].ToBoolean();
    std::optional<BatchEvent> event =
        executor_->ring(read_id(info), read_order(info[1]), Runtime::instance().loop_time(), here);
    return event ? event_to_js(info.Env(), std::move(*event)) : info.Env().Undefined();
  });
}

Napi::Value ModelWrap::advance(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    executor_->advance(read_id(info), read_order(info[1]));
    return info.Env().Undefined();
  });
}

Napi::Value ModelWrap::run_on_loop(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    executor_->run_on_loop(static_cast<int>(read_integer(info[0], "rows", 0, kMaxCapacity)));
    return info.Env().Undefined();
  });
}

Napi::Value ModelWrap::signature(const Napi::CallbackInfo& info) {
  return translate_exceptions(
      info.Env(), [&] { return signature_to_js(info.Env(), executor_->signature(read_id(info))); });
}

Napi::Value ModelWrap::warm_up(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    executor_->warm_up(read_warm_up(info[0], info[1]));
    return info.Env().Undefined();
  });
}

Napi::Value ModelWrap::scale(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    executor_->scale(read_instances(info[0]), read_intra_op_threads(info[1]));
    return info.Env().Undefined();
  });
}

Napi::Value ModelWrap::explain(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    const int64_t id = read_integer(info[0], "id");
    executor_->explain(id, read_explanation_request(read_object(info[1], "request")));
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
