// The JavaScript class `CoreShare`: the policy by which models share the cores, for simulation on a
// clock of one's own.
#pragma once

#include <napi.h>

#include <memory>

#include "core_share.h"

namespace sconce {

class CoreShareWrap : public Napi::ObjectWrap<CoreShareWrap> {
 public:
  static Napi::Function define(Napi::Env env);

  // new CoreShare(cores); throws INTERNAL when that is no number of cores.
  explicit CoreShareWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value join(const Napi::CallbackInfo& info);
  Napi::Value leave(const Napi::CallbackInfo& info);
  Napi::Value ask(const Napi::CallbackInfo& info);
  Napi::Value grant(const Napi::CallbackInfo& info);
  Napi::Value give_back(const Napi::CallbackInfo& info);
  Napi::Value withdraw(const Napi::CallbackInfo& info);
  Napi::Value lend_out(const Napi::CallbackInfo& info);

  std::unique_ptr<CoreShare> share_;
};

}  // namespace sconce
