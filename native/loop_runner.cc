#include "loop_runner.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <iterator>
#include <utility>

#include "error.h"

namespace sconce {

namespace {

using Clock = LoopRunner::Clock;

// What no batch may take at warm-up: the main loop reads no request meanwhile.
constexpr double kLongestMicroseconds = 300;

// For each number of rows, on a thread that has nothing else to do.
constexpr std::chrono::milliseconds kLoopTimingBudget{2};

// A batch is too slow when it takes both longer than this and so many times what it took at
// warm-up.
constexpr double kSlowestMicroseconds = 500;
constexpr double kSlowdown = 4;

// After a batch that was too slow by the clock so many are looked at more closely, and half of
// them may be too slow: with neighbours on the host a few are.
constexpr int kWatched = 32;
constexpr int kStrikes = 16;

std::string in_words(double microseconds) {
  return std::to_string(std::lround(microseconds)) + " us";
}

// What the calling thread has computed: other processes may have taken the core from it meanwhile.
Clock::duration computed() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

bool LoopTime::available(Clock::time_point now) {
  const Clock::duration gained = (now - counted_) / 2;
  counted_ = now;
  left_ = std::min<Clock::duration>(left_ + gained, kStretch);
  return left_ > Clock::duration::zero();
}

LoopRunner::LoopRunner(std::shared_ptr<EngineModel> model, std::shared_ptr<PrintSink> printed,
                       const WarmUp& warm_up, int rows)
    : model_(std::move(model)),
      instance_(model_->make_instance()),
      printed_(std::move(printed)),
      inputs_(warm_up.inputs) {
  WarmUp own{.inputs = inputs_, .rows = {}};
  std::copy_if(warm_up.rows.begin(), warm_up.rows.end(), std::back_inserter(own.rows),
               [rows](int bucket) { return bucket < rows; });
  own.rows.push_back(rows);
  instance_->set_intra_op_threads(1);
  const std::vector<double> took = run_warm_up(*instance_, own, kLoopTimingBudget).microseconds;
  for (size_t i = 0; i < took.size() && took[i] <= kLongestMicroseconds; ++i) {
    rows_ = own.rows[i];
    expected_microseconds_ = took[i];
  }
  if (rows_ == 0) throw Error("INTERNAL", "one row takes " + in_words(took.front()));
  const double slow = std::max(kSlowestMicroseconds, kSlowdown * expected_microseconds_);
  slow_ =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::micro>(slow));
}

void LoopRunner::settle_in() {
  const PrintRedirection redirection(printed_);
  // No team of threads for the main loop.
  instance_->set_intra_op_threads(1);
  run_warm_up(*instance_, {.inputs = inputs_, .rows = {rows_}}, std::chrono::microseconds::zero());
  settled_in_ = true;
}

SlabRun::Outcome LoopRunner::run(std::shared_ptr<Slab> slab, Clock::time_point rung) {
  const PrintRedirection redirection(printed_);
  const bool watched = watched_ > 0;
  const Clock::duration computed_before = watched ? computed() : Clock::duration::zero();
  SlabRun run(std::move(slab), rung);
  // Its writers have finished; those that began since are left behind.
  run.begin(*instance_, std::chrono::microseconds::zero());
  (void)run.ready();
  SlabRun::Outcome outcome = run.finish();
  judge(Clock::now() - rung, watched ? std::optional(computed() - computed_before) : std::nullopt);
  return outcome;
}

// By the clock, which costs little; and by what was computed for as long as that gives rise to
// doubts.
void LoopRunner::judge(Clock::duration wall, std::optional<Clock::duration> computing) {
  if (wall > slow_ && watched_ == 0) {
    watched_ = kWatched;
    strikes_ = 0;
    return;
  }
  if (watched_ == 0) return;
  --watched_;
  if (!computing || *computing <= slow_) return;
  ++strikes_;
  slowest_ = std::max(slowest_, *computing);
}

std::optional<std::string> LoopRunner::too_slow() const {
  if (strikes_ < kStrikes) return std::nullopt;
  const double took = std::chrono::duration<double, std::micro>(slowest_).count();
  return "batches took up to " + in_words(took) + ", and at warm-up " +
         in_words(expected_microseconds_);
}

}  // namespace sconce
