// Events and descriptions as JavaScript objects; their types stand in src/native/addon.ts.
#pragma once

#include <napi.h>

#include "events.h"

namespace sconce {

Napi::Value event_to_js(Napi::Env env, Event event);
Napi::Object signature_to_js(Napi::Env env, const Signature& signature);

}  // namespace sconce
