// Turns what LibTorch throws into one line a person can act on.
#pragma once

#include <string>
#include <string_view>

namespace sconce {

// The first meaningful line of a LibTorch message. Errors from inside TorchScript begin with a
// traceback; there it is the line that names the error.
std::string first_line(std::string_view message);

// True for messages that mean that host or device memory ran out.
bool is_out_of_memory(std::string_view message);

}  // namespace sconce
