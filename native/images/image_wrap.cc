#include "image_wrap.h"

#include <cstdint>
#include <span>

#include "class_scores.h"
#include "image_normalize.h"
#include "image_resample.h"
#include "napi_support.h"

namespace sconce {
namespace {

std::span<float> read_floats(const Napi::Value& value, const char* name) {
  return read_elements<float>(value, napi_float32_array, name, "Float32Array");
}

ImageView read_image(const Napi::Value& value) {
  const Napi::Object object = read_object(value, "an image");
  return {read_bytes(object.Get("pixels"), "pixels"), read_integer(object.Get("width"), "width"),
          read_integer(object.Get("height"), "height"),
          read_integer(object.Get("channels"), "channels")};
}

ImageSize read_size(const Napi::Value& value) {
  const Napi::Object object = read_object(value, "a size");
  return {read_integer(object.Get("width"), "width"), read_integer(object.Get("height"), "height")};
}

ImageWindow read_window(const Napi::Value& value) {
  const Napi::Object object = read_object(value, "a window");
  const auto [width, height] = read_size(object);
  constexpr int64_t kLeast = -(int64_t{1} << 53);
  return {read_integer(object.Get("left"), "left", kLeast),
          read_integer(object.Get("top"), "top", kLeast), width, height};
}

void resize(const Napi::CallbackInfo& info) {
  translate_exceptions(info.Env(), [&] {
    resize_image(read_image(info[0]), read_size(info[1]), read_window(info[2]),
                 read_bytes(info[3], "target"));
  });
}

void normalize(const Napi::CallbackInfo& info) {
  translate_exceptions(info.Env(), [&] {
    normalize_image(read_image(info[0]), read_floats(info[1], "mean"), read_floats(info[2], "std"),
                    read_floats(info[3], "target"));
  });
}

void probabilities(const Napi::CallbackInfo& info) {
  translate_exceptions(
      info.Env(), [&] { softmax(read_floats(info[0], "scores"), read_floats(info[1], "target")); });
}

void largest(const Napi::CallbackInfo& info) {
  translate_exceptions(info.Env(), [&] {
    top_k(read_floats(info[0], "values"),
          read_elements<int32_t>(info[1], napi_int32_array, "indices", "Int32Array"));
  });
}

void strongest(const Napi::CallbackInfo& info) {
  translate_exceptions(info.Env(), [&] {
    strongest_classes(read_floats(info[0], "scores"),
                      static_cast<size_t>(read_integer(info[1], "classes")),
                      read_floats(info[2], "target"));
  });
}

}  // namespace

void register_images(Napi::Env env, Napi::Object exports) {
  exports.Set("resizeImage", Napi::Function::New<resize>(env, "resizeImage"));
  exports.Set("normalizeImage", Napi::Function::New<normalize>(env, "normalizeImage"));
  exports.Set("softmax", Napi::Function::New<probabilities>(env, "softmax"));
  exports.Set("topK", Napi::Function::New<largest>(env, "topK"));
  exports.Set("strongestClasses", Napi::Function::New<strongest>(env, "strongestClasses"));
}

}  // namespace sconce
