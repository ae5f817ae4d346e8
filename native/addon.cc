// What the .node file exports. Registration only; the types stand in src/native/addon.ts.
#include <napi.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <mutex>

#include "core_share_wrap.h"
#include "descriptor_wrap.h"
#include "dtype.h"
#include "engine/cuda.h"
#include "engine/engine.h"
#include "engine/memory.h"
#include "engine/operator_library.h"
#include "gpu_wrap.h"
#include "images/image_wrap.h"
#include "json/json_wrap.h"
#include "model_wrap.h"
#include "napi_support.h"
#include "plan_search_wrap.h"
#include "runtime.h"
#include "slab.h"

namespace sconce {

namespace {

Napi::Array dtype_table(Napi::Env env) {
  Napi::Array table = Napi::Array::New(env, kDTypes.size());
  for (uint32_t code = 0; code < kDTypes.size(); ++code) {
    Napi::Object row = Napi::Object::New(env);
    row.Set("name", std::string(kDTypes[code].name));
    row.Set("size", static_cast<double>(kDTypes[code].size));
    table[code] = row;
  }
  return table;
}

Napi::Object slab_header(Napi::Env env) {
  Napi::Object header = Napi::Object::New(env);
  header.Set("alignment", static_cast<double>(kSlabAlignment));
  header.Set("stateWord", kStateWord);
  header.Set("settledWord", kSettledWord);
  header.Set("rowsWord", kRowsWord);
  header.Set("rowEmpty", kRowEmpty);
  header.Set("rowCommitted", kRowCommitted);
  header.Set("rowCancelled", kRowCancelled);
  header.Set("maxCapacity", kMaxCapacity);
  return header;
}

Napi::Value start(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    if (!info[0].IsFunction()) throw Error("INTERNAL", "onEvents must be a function");
    Runtime::instance().start(info.Env(), info[0].As<Napi::Function>());
    return info.Env().Undefined();
  });
}

Napi::Value stop(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    const int64_t timeout = read_integer(info[0], "timeout", 0, 3'600'000);
    return Napi::Boolean::New(info.Env(),
                              Runtime::instance().stop(std::chrono::milliseconds(timeout)));
  });
}

Napi::Value exit_at_once(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&]() -> Napi::Value {
    std::_Exit(static_cast<int>(read_integer(info[0], "code", 0, 255)));
  });
}

Napi::Value count_cuda_devices(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), cuda_device_count());
}

Napi::Value is_bfloat16_supported(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    return Napi::Boolean::New(info.Env(), computes_bfloat16(read_string(info[0], "device")));
  });
}

Napi::Value gpu_name(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    const auto device =
        static_cast<int>(read_integer(info[0], "device", 0, std::numeric_limits<int8_t>::max()));
    const std::string name = cuda_device_name(device);
    return Napi::String::New(info.Env(), name.empty() ? name : name + ", " + cuda_versions());
  });
}

Napi::Value misalignment(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    const auto address = reinterpret_cast<uintptr_t>(read_bytes(info[0], "bytes").data());
    const int64_t alignment = read_integer(info[1], "alignment", 1, 1 << 20);
    return Napi::Number::New(info.Env(),
                             static_cast<double>(address % static_cast<uintptr_t>(alignment)));
  });
}

Napi::Value load_library(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    load_operator_library(read_string(info[0], "path"));
    return info.Env().Undefined();
  });
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  static std::once_flag arenas;
  std::call_once(arenas, bound_arenas);
  exports.Set("libtorchVersion", torch_version());
#ifdef SCONCE_CUDA
  exports.Set("cudaBuild", true);
#else
  exports.Set("cudaBuild", false);
#endif
  exports.Set("dtypes", dtype_table(env));
  exports.Set("slabHeader", slab_header(env));
  exports.Set("cudaDeviceCount", Napi::Function::New<count_cuda_devices>(env));
  exports.Set("loadOperatorLibrary", Napi::Function::New<load_library>(env));
  exports.Set("misalignment", Napi::Function::New<misalignment>(env));
  exports.Set("start", Napi::Function::New<start>(env));
  exports.Set("stop", Napi::Function::New<stop>(env));
  exports.Set("exitAtOnce", Napi::Function::New<exit_at_once>(env));
  exports.Set("bfloat16Supported", Napi::Function::New<is_bfloat16_supported>(env));
  exports.Set("gpuName", Napi::Function::New<gpu_name>(env));
  exports.Set("Model", ModelWrap::define(env));
  exports.Set("CoreShare", CoreShareWrap::define(env));
  exports.Set("PlanSearch", PlanSearchWrap::define(env));
  register_json(env, exports);
  register_images(env, exports);
  register_descriptors(env, exports);
  register_gpus(env, exports);
  return exports;
}

}  // namespace

}  // namespace sconce

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) {
  return sconce::init(env, exports);
}

NODE_API_MODULE(sconce, init_addon)
