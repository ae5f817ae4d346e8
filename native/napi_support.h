// Node-API helpers that every wrap shares: the translation from C++ exceptions to JavaScript
// errors, and checked reads of arguments.
#pragma once

#include <napi.h>

#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <string>

#include "error.h"

namespace sconce {

inline Napi::Error to_js_error(Napi::Env env, const std::string& code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

// The one place where an exception of ours becomes an exception of JavaScript.
template <typename Body>
auto translate_exceptions(Napi::Env env, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const Error& error) {
    throw to_js_error(env, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    throw to_js_error(env, "OUT_OF_MEMORY", "out of host memory");
  } catch (const std::exception& error) {
    throw to_js_error(env, "INTERNAL", error.what());
  }
}

// The bytes of a Uint8Array, also one over a SharedArrayBuffer: ArrayBuffer() throws for those on
// Node 20, so the pointer comes from napi_get_typedarray_info.
inline std::span<uint8_t> read_bytes(const Napi::Value& value, const char* name) {
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) !=
          napi_ok ||
      type != napi_uint8_array) {
    throw Error("INTERNAL", std::string(name) + " must be a Uint8Array");
  }
  return {static_cast<uint8_t*>(data), length};
}

inline int64_t read_integer(const Napi::Value& value, const char* name, int64_t minimum = 0,
                            int64_t maximum = std::numeric_limits<int64_t>::max()) {
  if (!value.IsNumber()) throw Error("INTERNAL", std::string(name) + " must be a number");
  const int64_t number = value.As<Napi::Number>().Int64Value();
  if (number < minimum || number > maximum) {
    throw Error("INTERNAL", std::string(name) + " is out of range: " + std::to_string(number));
  }
  return number;
}

inline std::string read_string(const Napi::Value& value, const char* name) {
  if (!value.IsString()) throw Error("INTERNAL", std::string(name) + " must be a string");
  return value.As<Napi::String>().Utf8Value();
}

}  // namespace sconce
