// Node-API helpers that every wrap shares: the translation from C++ exceptions to JavaScript
// errors, and checked reads of arguments.
#pragma once

#include <napi.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "dtype.h"
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

// The elements of a typed array, also of one over a SharedArrayBuffer: ArrayBuffer() throws for
// those on Node 20, so the pointer comes from napi_get_typedarray_info.
template <typename Element>
std::span<Element> read_elements(const Napi::Value& value, napi_typedarray_type expected,
                                 const char* name, const char* expected_name) {
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) !=
          napi_ok ||
      type != expected) {
    throw Error("INTERNAL", std::string(name) + " must be a " + expected_name);
  }
  return {static_cast<Element*>(data), length};
}

inline std::span<uint8_t> read_bytes(const Napi::Value& value, const char* name) {
  return read_elements<uint8_t>(value, napi_uint8_array, name, "Uint8Array");
}

// A whole number; fractions and NaN are refused.
inline int64_t read_integer(const Napi::Value& value, const char* name, int64_t minimum = 0,
                            int64_t maximum = (int64_t{1} << 53) - 1) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue()
                                         : std::numeric_limits<double>::quiet_NaN();
  if (std::trunc(number) != number) {
    throw Error("INTERNAL", std::string(name) + " must be a whole number");
  }
  if (number < static_cast<double>(minimum) || number > static_cast<double>(maximum)) {
    std::ostringstream text;
    text << name << " is out of range: " << number;
    throw Error("INTERNAL", text.str());
  }
  return static_cast<int64_t>(number);
}

inline Napi::Array read_array(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) throw Error("INTERNAL", std::string(name) + " must be an array");
  return value.As<Napi::Array>();
}

inline Napi::Object read_object(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) throw Error("INTERNAL", std::string(name) + " must be an object");
  return value.As<Napi::Object>();
}

inline DType read_dtype(const Napi::Value& value) {
  const int64_t code = read_integer(value, "dtype");
  if (!is_dtype_code(code)) {
    throw Error("INTERNAL", "no dtype has the code " + std::to_string(code));
  }
  return static_cast<DType>(code);
}

// Dimensions of one row, each at least `minimum`.
inline std::vector<int64_t> read_dims(const Napi::Value& value, int64_t minimum) {
  const Napi::Array array = read_array(value, "dims");
  std::vector<int64_t> dims(array.Length());
  for (uint32_t i = 0; i < dims.size(); ++i) {
    dims[i] = read_integer(array.Get(i), "a dimension", minimum);
  }
  return dims;
}

inline std::string read_string(const Napi::Value& value, const char* name) {
  if (!value.IsString()) throw Error("INTERNAL", std::string(name) + " must be a string");
  return value.As<Napi::String>().Utf8Value();
}

}  // namespace sconce
