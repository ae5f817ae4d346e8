// What one measurement sends, read from stdin: lines of a key and its values.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

namespace bench {

// One request that may be sent, and what a right answer to it looks like.
struct Target {
  double weight = 1;         // share of the requests
  std::size_t shortest = 0;  // bytes of the answer's body
  std::size_t longest = 0;   // bytes of the answer's body
  std::string bytes;         // the whole request, head and body
};

struct Plan {
  std::string host;
  std::uint16_t port = 0;
  int connections = 1;
  double seconds = 1;
  double rate = 0;     // requests per second in an open loop; 0: a closed loop
  bool bound = false;  // closed loop: connection i sends target i mod their number, and no other
  std::uint64_t seed = 1;
  std::vector<Target> targets;
};

// Throws std::invalid_argument for what is not a plan, and when a file of a request cannot be read.
Plan readPlan(std::istream& input);

}  // namespace bench
