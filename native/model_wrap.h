// The JavaScript class `Model`: a thin wrap over an Executor. It checks arguments and keeps the
// SharedArrayBuffers of registered slabs alive.
#pragma once

#include <napi.h>

#include <map>
#include <memory>

#include "executor.h"

namespace sconce {

class ModelWrap : public Napi::ObjectWrap<ModelWrap> {
 public:
  static Napi::Function define(Napi::Env env);

  // new Model(options); throws INTERNAL for options of the wrong type.
  explicit ModelWrap(const Napi::CallbackInfo& info);
  // Joins the threads, which may still be reading slabs that this object keeps alive.
  ~ModelWrap() override;

 private:
  Napi::Value id(const Napi::CallbackInfo& info);
  Napi::Value add_slab(const Napi::CallbackInfo& info);
  Napi::Value remove_slab(const Napi::CallbackInfo& info);
  Napi::Value ring(const Napi::CallbackInfo& info);
  Napi::Value advance(const Napi::CallbackInfo& info);
  Napi::Value run_on_loop(const Napi::CallbackInfo& info);
  Napi::Value signature(const Napi::CallbackInfo& info);
  Napi::Value warm_up(const Napi::CallbackInfo& info);
  Napi::Value scale(const Napi::CallbackInfo& info);
  Napi::Value explain(const Napi::CallbackInfo& info);
  Napi::Value parameter_pointers(const Napi::CallbackInfo& info);
  Napi::Value take_printed(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  std::shared_ptr<Executor> executor_;
  std::map<int, Napi::ObjectReference> slabs_;
};

}  // namespace sconce
