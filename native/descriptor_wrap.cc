#include "descriptor_wrap.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "napi_support.h"

namespace sconce {

namespace {

Napi::Value duplicate_descriptor(const Napi::CallbackInfo& info) {
  return translate_exceptions(info.Env(), [&] {
    const int64_t descriptor =
        read_integer(info[0], "descriptor", 0, std::numeric_limits<int>::max());
    // Processes that the server starts do not get it.
    const int copy = fcntl(static_cast<int>(descriptor), F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
      throw Error("INTERNAL", "descriptor " + std::to_string(descriptor) +
                                  " cannot be duplicated: " + std::strerror(errno));
    }
    return Napi::Number::New(info.Env(), copy);
  });
}

}  // namespace

void register_descriptors(Napi::Env env, Napi::Object exports) {
  exports.Set("duplicateDescriptor", Napi::Function::New<duplicate_descriptor>(env));
}

}  // namespace sconce
