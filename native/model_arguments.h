// What JavaScript passes to a model, checked; the types stand in src/native/addon.ts.
#pragma once

#include <napi.h>

#include "executor.h"
#include "plan_search.h"

namespace sconce {

// All throw Error with INTERNAL for what makes no sense.
ExecutorOptions read_options(const Napi::Object& object);
SlabLayout read_layout(const Napi::Object& object);
WarmUp read_warm_up(const Napi::Value& inputs, const Napi::Value& rows);
PlanSearchOptions read_search_options(const Napi::Object& object);
Trial read_trial(const Napi::Object& object);
ExplanationRequest read_explanation_request(const Napi::Object& object);
int read_instances(const Napi::Value& value);
int read_intra_op_threads(const Napi::Value& value);

}  // namespace sconce
