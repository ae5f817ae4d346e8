// The JavaScript class `PlanSearch`: a thin wrap over a PlanSearch. It checks arguments.
#pragma once

#include <napi.h>

#include <memory>

#include "plan_search.h"

namespace sconce {

class PlanSearchWrap : public Napi::ObjectWrap<PlanSearchWrap> {
 public:
  static Napi::Function define(Napi::Env env);

  // new PlanSearch(options); throws INTERNAL for options that make no sense.
  explicit PlanSearchWrap(const Napi::CallbackInfo& info);
  // The runtime keeps the search until its threads are gone.
  ~PlanSearchWrap() override;

 private:
  Napi::Value id(const Napi::CallbackInfo& info);
  Napi::Value add(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  std::shared_ptr<PlanSearch> search_;
};

}  // namespace sconce
