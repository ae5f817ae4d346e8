// What allocators keep of memory that was freed.
#pragma once

#include <string>

namespace sconce {

// Lets the C library keep few arenas of memory. Before there are threads that use many.
void bound_arenas();

// Gives back to the system, and to the device unless it is the CPU, what freed tensors left in the
// allocators' caches. Takes milliseconds on a large heap and holds allocator locks meanwhile: for
// execution threads only.
void return_free_memory(const std::string& device);

}  // namespace sconce
