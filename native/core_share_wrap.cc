#include "core_share_wrap.h"

#include <vector>

#include "napi_support.h"

namespace sconce {

namespace {

constexpr int kMostCores = 4096;

int read_member(const Napi::Value& value) {
  return static_cast<int>(read_integer(value, "member", 1, std::numeric_limits<int32_t>::max()));
}

double read_number(const Napi::Value& value, const char* name) {
  if (!value.IsNumber()) throw Error("INTERNAL", std::string(name) + " must be a number");
  return value.As<Napi::Number>().DoubleValue();
}

}  // namespace

Napi::Function CoreShareWrap::define(Napi::Env env) {
  return DefineClass(
      env, "CoreShare",
      {InstanceMethod<&CoreShareWrap::join>("join"), InstanceMethod<&CoreShareWrap::leave>("leave"),
       InstanceMethod<&CoreShareWrap::ask>("ask"), InstanceMethod<&CoreShareWrap::grant>("grant"),
       InstanceMethod<&CoreShareWrap::give_back>("giveBack"),
       InstanceMethod<&CoreShareWrap::withdraw>("withdraw"),
       InstanceMethod<&CoreShareWrap::lend_out>("lendOut")});
}

CoreShareWrap::CoreShareWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<CoreShareWrap>(info) {
  share_ = translate_exceptions(info.Env(), [&] {
    return std::make_unique<CoreShare>(
        static_cast<int>(read_integer(info[0], "cores", 1, kMostCores)));
  });
}

Napi::Value CoreShareWrap::join(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    return Napi::Number::New(info.Env(), share_->join(read_number(info[0], "weight")));
  });
}

Napi::Value CoreShareWrap::leave(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    share_->leave(read_member(info[0]));
    return info.Env().Undefined();
  });
}

Napi::Value CoreShareWrap::ask(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    const int cores = static_cast<int>(read_integer(info[1], "cores", 1, kMostCores));
    return Napi::Number::New(info.Env(),
                             static_cast<double>(share_->ask(read_member(info[0]), cores)));
  });
}

Napi::Value CoreShareWrap::grant(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    const std::vector<CoreShare::Ticket> granted = share_->grant();
    Napi::Array tickets = Napi::Array::New(info.Env(), granted.size());
    for (uint32_t i = 0; i < granted.size(); ++i) tickets[i] = static_cast<double>(granted[i]);
    return tickets;
  });
}

Napi::Value CoreShareWrap::give_back(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    share_->give_back(read_integer(info[0], "ticket"), read_number(info[1], "microseconds"));
    return info.Env().Undefined();
  });
}

Napi::Value CoreShareWrap::withdraw(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    share_->withdraw(read_integer(info[0], "ticket"));
    return info.Env().Undefined();
  });
}

Napi::Value CoreShareWrap::lend_out(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    share_->lend_out(read_integer(info[0], "ticket"));
    return info.Env().Undefined();
  });
}

}  // namespace sconce
