#include "warm_up.h"

#include <algorithm>
#include <new>
#include <utility>

#include "error.h"
#include "sample_batch.h"

namespace sconce {

namespace {

// TorchScript profiles the first run of a graph and optimises the second. On the CPU it
// makes nothing for one number of rows only: a batch of another number is as fast.
constexpr int kSettlingRuns = 2;
constexpr size_t kLeastRepetitions = 2;
constexpr size_t kMostRepetitions = 100;

double time_batch(SampleBatch& batch, std::chrono::microseconds budget) {
  std::vector<double> microseconds;
  const auto end = std::chrono::steady_clock::now() + budget;
  do {
    microseconds.push_back(batch.run().count());
  } while (microseconds.size() < kLeastRepetitions ||
           (microseconds.size() < kMostRepetitions && std::chrono::steady_clock::now() < end));
  return median(std::move(microseconds));
}

}  // namespace

WarmUpResult run_warm_up(EngineInstance& instance, const WarmUp& warm_up,
                         std::chrono::microseconds budget) {
  WarmUpResult result;
  if (warm_up.rows.empty()) return result;
  try {
    const SampleRows samples = SampleRows::zeros(
        warm_up.inputs, *std::max_element(warm_up.rows.begin(), warm_up.rows.end()));
    SampleBatch first(instance, samples, warm_up.rows.front());
    for (int i = 0; i < kSettlingRuns; ++i) first.run();
    for (const int rows : warm_up.rows) {
      SampleBatch batch(instance, samples, rows);
      batch.run();  // makes what is kept for this number of rows
      result.microseconds.push_back(time_batch(batch, budget));
      result.signature = batch.signature();
    }
  } catch (const std::bad_alloc&) {
    throw Error("OUT_OF_MEMORY", "there is no memory for a batch of zeros");
  }
  return result;
}

}  // namespace sconce
