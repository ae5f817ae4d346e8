#pragma once

#include <napi.h>

namespace sconce {

// Exports what image and classifier handlers call: resizeImage, normalizeImage, softmax, topK,
// strongestClasses.
void register_images(Napi::Env env, Napi::Object exports);

}  // namespace sconce
