#include "warm_up.h"

#include <chrono>
#include <cstring>
#include <new>
#include <thread>

#include "error.h"
#include "slab.h"

namespace sconce {

namespace {

constexpr std::chrono::microseconds kPollInterval{50};

// TorchScript profiles the first runs of a graph and optimises the next ones.
constexpr int kRepetitions = 3;

Signature run_zeros(EngineInstance& instance, const std::vector<TensorMeta>& inputs, int rows) {
  std::vector<AlignedBytes> memory;
  Batch batch{.rows = rows, .inputs = {}, .output_area = {}};
  for (const TensorMeta& input : inputs) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(row_bytes(input.dtype, input.dims), static_cast<size_t>(rows),
                               &bytes)) {
      throw std::bad_alloc();
    }
    memory.push_back(allocate_aligned(bytes));
    std::memset(memory.back().get(), 0, bytes);
    batch.inputs.push_back({memory.back().get(), input.dtype, input.dims});
  }
  Signature signature;
  for (int i = 0; i < kRepetitions; ++i) {
    const std::unique_ptr<Run> run = instance.submit(batch);
    while (!run->ready()) std::this_thread::sleep_for(kPollInterval);
    signature = run->take_result().signature;
  }
  return signature;
}

}  // namespace

std::optional<Signature> run_warm_up(EngineInstance& instance, const WarmUp& warm_up) {
  std::optional<Signature> signature;
  try {
    for (const int rows : warm_up.rows) signature = run_zeros(instance, warm_up.inputs, rows);
  } catch (const std::bad_alloc&) {
    throw Error("OUT_OF_MEMORY", "there is no memory for a batch of zeros");
  }
  return signature;
}

}  // namespace sconce
