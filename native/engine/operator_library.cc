#include "operator_library.h"

#include <dlfcn.h>

#include "../error.h"
#include "failure.h"

namespace sconce {

void load_operator_library(const std::string& path) {
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return;
  const char* reason = dlerror();
  throw Error("INVALID_CONFIGURATION",
              first_line(reason != nullptr ? reason : "no reason was given"));
}

}  // namespace sconce
