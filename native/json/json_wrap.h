// The JSON reader and writer, and copyBytes, as JavaScript sees them (src/native/addon.ts).
#pragma once

#include <napi.h>

namespace sconce {

// Adds JsonReader, JsonWriter and copyBytes to `exports`. Keeps no state beyond the environment,
// so worker threads may load it too.
void register_json(Napi::Env env, Napi::Object exports);

}  // namespace sconce
