#include "busy_time.h"

#include <algorithm>
#include <iterator>

namespace sconce {

void BusyTime::add(double begin, double end) {
  begin = std::max(begin, forgotten_until_);
  if (!(begin < end)) return;
  auto next = intervals_.upper_bound(begin);
  if (next != intervals_.begin() && std::prev(next)->second >= begin) --next;
  // Everything that it touches becomes one interval with it.
  double covered = 0;
  while (next != intervals_.end() && next->first <= end) {
    begin = std::min(begin, next->first);
    end = std::max(end, next->second);
    covered += next->second - next->first;
    next = intervals_.erase(next);
  }
  seconds_ += end - begin - covered;
  intervals_.emplace_hint(next, begin, end);
  if (intervals_.size() <= kMostIntervals) return;
  forgotten_until_ = intervals_.begin()->second;
  intervals_.erase(intervals_.begin());
}

}  // namespace sconce
