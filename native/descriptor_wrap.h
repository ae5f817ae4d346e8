#pragma once

#include <napi.h>

namespace sconce {

// Exports duplicateDescriptor, by which a connection goes to another thread.
void register_descriptors(Napi::Env env, Napi::Object exports);

}  // namespace sconce
