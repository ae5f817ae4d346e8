#include "warm_up.h"

#include <algorithm>
#include <functional>
#include <new>
#include <utility>

#include "error.h"
#include "normal_samples.h"
#include "sample_batch.h"

namespace sconce {

namespace {

// TorchScript profiles the first run of a graph and optimises the second. On the CPU it
// makes nothing for one number of rows only: a batch of another number is as fast.
constexpr int kSettlingRuns = 2;
// On a GPU it compiles kernels for the numbers of rows that it meets, and cuDNN chooses its own.
constexpr int kDeviceRuns = 3;
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

int most_rows(const WarmUp& warm_up) {
  return *std::max_element(warm_up.rows.begin(), warm_up.rows.end());
}

void settle(EngineInstance& instance, const SampleRows& samples, const std::vector<int>& numbers) {
  SampleBatch first(instance, samples, numbers.front());
  for (int i = 0; i < kSettlingRuns; ++i) first.run();
  if (!instance.copies_batches()) return;
  for (const int rows : numbers) {
    SampleBatch batch(instance, samples, rows);
    for (int i = 0; i < kDeviceRuns; ++i) batch.run();
  }
}

// The largest first: the others find room in what it took. Not of zeros, which would show nothing
// when outputs are compared.
std::vector<GraphCapture> capture_graphs(EngineInstance& instance, const WarmUp& warm_up) {
  if (warm_up.graph_memory == 0) return {};
  const SampleRows samples = normal_samples(warm_up.inputs, most_rows(warm_up));
  std::vector<int> descending = warm_up.rows;
  std::sort(descending.begin(), descending.end(), std::greater<>());
  std::vector<GraphCapture> captures;
  size_t budget = warm_up.graph_memory;
  for (const int rows : descending) {
    std::optional<GraphCapture> capture = instance.capture(samples.batch(rows), budget);
    if (!capture) return {};
    budget -= std::min(budget, capture->bytes);
    captures.push_back(*std::move(capture));
  }
  std::vector<GraphCapture> in_order;
  for (const int rows : warm_up.rows) {
    in_order.push_back(
        *std::find_if(captures.begin(), captures.end(),
                      [rows](const GraphCapture& capture) { return capture.rows == rows; }));
  }
  return in_order;
}

}  // namespace

WarmUpResult run_warm_up(EngineInstance& instance, const WarmUp& warm_up,
                         std::chrono::microseconds budget) {
  WarmUpResult result;
  if (warm_up.rows.empty()) return result;
  try {
    SampleRows samples = SampleRows::zeros(warm_up.inputs, most_rows(warm_up));
    if (instance.copies_batches()) samples.lock_pages();
    settle(instance, samples, warm_up.rows);
    result.graphs = capture_graphs(instance, warm_up);
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
