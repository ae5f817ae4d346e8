// BusyTime against a grid of ticks that are busy or not.
#include "engine/busy_time.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <vector>

#include "check.h"

namespace {

struct Interval {
  int begin;
  int end;
};

// As instances report them: each in order, several beside each other, by their ends.
std::vector<Interval> draw_intervals(std::mt19937& generator) {
  std::uniform_int_distribution<int> instances(1, 5);
  std::uniform_int_distribution<int> length(0, 6);
  std::vector<Interval> all;
  for (int left = instances(generator); left > 0; --left) {
    int now = 0;
    for (int i = 0; i < 12; ++i) {
      const int begin = now + length(generator);
      now = begin + length(generator);
      all.push_back({begin, now});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Interval& a, const Interval& b) { return a.end < b.end; });
  return all;
}

size_t busy_ticks(const std::vector<Interval>& intervals) {
  std::set<int> busy;
  for (const Interval& interval : intervals) {
    for (int tick = interval.begin; tick < interval.end; ++tick) busy.insert(tick);
  }
  return busy.size();
}

void is_the_union() {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937 generator(seed);
    const std::vector<Interval> intervals = draw_intervals(generator);
    sconce::BusyTime busy;
    for (const Interval& interval : intervals) busy.add(interval.begin, interval.end);
    CHECK(std::abs(busy.seconds() - static_cast<double>(busy_ticks(intervals))) < 1e-9);
  }
}

void counts_nothing_twice_when_much_is_forgotten() {
  sconce::BusyTime busy;
  for (int i = 0; i < 1000; ++i) busy.add(2 * i, 2 * i + 1);
  CHECK(std::abs(busy.seconds() - 1000) < 1e-9);
  // From the start: the oldest 936 intervals are forgotten, and what lies there is not counted.
  busy.add(0, 2000);
  const double kept = static_cast<double>(sconce::BusyTime::kMostIntervals);
  CHECK(busy.seconds() >= 1000 && busy.seconds() <= 1000 + kept + 1);
}

void ignores_what_has_no_length() {
  sconce::BusyTime busy;
  busy.add(3, 3);
  busy.add(5, 4);
  busy.add(std::nan(""), 4);
  busy.add(1, std::nan(""));
  CHECK(busy.seconds() == 0);
}

}  // namespace

int main() {
  is_the_union();
  counts_nothing_twice_when_much_is_forgotten();
  ignores_what_has_no_length();
}
