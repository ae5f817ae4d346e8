// How long something was busy, from intervals that may overlap.
#pragma once

#include <cstddef>
#include <limits>
#include <map>

namespace sconce {

// The length of the union of intervals, in seconds. They come in about the order of their ends:
// what begins before the last kMostIntervals disjoint ones is counted from there on only. Not
// thread-safe.
class BusyTime {
 public:
  static constexpr size_t kMostIntervals = 64;

  // Without effect when it ends before it begins.
  void add(double begin, double end);

  [[nodiscard]] double seconds() const { return seconds_; }

 private:
  std::map<double, double> intervals_;  // begin to end, disjoint, the latest ones
  double forgotten_until_ = -std::numeric_limits<double>::infinity();
  double seconds_ = 0;
};

}  // namespace sconce
