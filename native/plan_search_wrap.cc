#include "plan_search_wrap.h"

#include "model_arguments.h"
#include "napi_support.h"
#include "runtime.h"

namespace sconce {

Napi::Function PlanSearchWrap::define(Napi::Env env) {
  return DefineClass(
      env, "PlanSearch",
      {InstanceAccessor<&PlanSearchWrap::id>("id"), InstanceMethod<&PlanSearchWrap::add>("try"),
       InstanceMethod<&PlanSearchWrap::close>("close")});
}

PlanSearchWrap::PlanSearchWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<PlanSearchWrap>(info) {
  search_ = translate_exceptions(info.Env(), [&] {
    return Runtime::instance().create(read_search_options(read_object(info[0], "options")));
  });
}

PlanSearchWrap::~PlanSearchWrap() {
  if (search_ != nullptr) search_->close();
}

Napi::Value PlanSearchWrap::id(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), search_->id());
}

Napi::Value PlanSearchWrap::add(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    search_->add(read_trial(read_object(info[0], "trial")));
    return info.Env().Undefined();
  });
}

Napi::Value PlanSearchWrap::close(const Napi::CallbackInfo& info) {
  search_->close();
  return info.Env().Undefined();
}

}  // namespace sconce
