// What a measurement has counted, and how it is printed.
#pragma once

#include <cstdint>
#include <ostream>
#include <vector>

namespace bench {

struct Figures {
  double seconds = 0;
  std::uint64_t errors = 0;  // broken connections, and requests that were never answered
  std::uint64_t non2xx = 0;
  std::uint64_t wrongLength = 0;  // answers of a length that no right answer has
  std::uint64_t withinTime = 0;   // answers that came before the time was over
  std::uint64_t queued = 0;       // requests that found every connection busy
  std::vector<float> latencies;   // milliseconds from when a request was due to its answer
  std::vector<float> lateness;    // milliseconds from when a request was due until it was noticed
  std::vector<std::vector<float>> ofTargets;  // latencies, for each target
};

// One line of JSON; times in milliseconds. Sorts the latencies.
void print(std::ostream& output, Figures& figures);

}  // namespace bench
