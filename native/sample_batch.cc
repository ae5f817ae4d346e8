#include "sample_batch.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "slab.h"

namespace sconce {

namespace {

constexpr std::chrono::microseconds kPollInterval{50};

size_t checked_bytes(const TensorMeta& input, int rows) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(row_bytes(input.dtype, input.dims), static_cast<size_t>(rows),
                             &bytes)) {
    throw std::bad_alloc();
  }
  return bytes;
}

}  // namespace

SampleRows::SampleRows(std::vector<TensorMeta> inputs, int rows, const Fill& fill)
    : inputs_(std::move(inputs)), rows_(rows) {
  for (const TensorMeta& input : inputs_) {
    const size_t bytes = checked_bytes(input, rows);
    memory_.push_back(allocate_aligned(bytes));
    fill(input.dtype, memory_.back().get(), bytes / dtype_size(input.dtype));
  }
}

SampleRows SampleRows::zeros(std::vector<TensorMeta> inputs, int rows) {
  return {std::move(inputs), rows, [](DType dtype, uint8_t* memory, size_t elements) {
            std::memset(memory, 0, elements * dtype_size(dtype));
          }};
}

Batch SampleRows::batch(int rows) const {
  Batch batch{.rows = rows, .inputs = {}, .output_area = {}};
  for (size_t i = 0; i < inputs_.size(); ++i) {
    batch.inputs.push_back({memory_[i].get(), inputs_[i].dtype, inputs_[i].dims});
  }
  return batch;
}

SampleRows SampleRows::copy() const {
  size_t next = 0;
  return {inputs_, rows_, [&](DType dtype, uint8_t* memory, size_t elements) {
            std::memcpy(memory, memory_[next++].get(), elements * dtype_size(dtype));
          }};
}

SampleBatch::SampleBatch(EngineInstance& instance, const SampleRows& samples, int rows)
    : instance_(instance), samples_(samples), rows_(rows) {}

std::chrono::duration<double, std::micro> SampleBatch::run() {
  std::optional<SampleRows> own;
  if (instance_.writes_inputs()) own.emplace(samples_.copy());
  Batch batch = own ? own->batch(rows_) : samples_.batch(rows_);
  batch.output_area = {area_.get(), area_bytes_};
  const auto start = std::chrono::steady_clock::now();
  const std::unique_ptr<Run> run = instance_.submit(batch);
  while (!run->ready()) std::this_thread::sleep_for(kPollInterval);
  const auto end = std::chrono::steady_clock::now();
  BatchResult result = run->take_result();
  signature_ = std::move(result.signature);
  if (result.overflow != nullptr) {
    area_ = std::move(result.overflow);
    area_bytes_ = result.overflow_bytes;
  }
  return end - start;
}

double median(std::vector<double> numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>((numbers.size() - 1) / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

}  // namespace sconce
