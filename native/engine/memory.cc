#include "memory.h"

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "cuda.h"

namespace sconce {

void return_free_memory(const std::string& device) {
  if (device != "cpu") release_device_memory();
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace sconce
