#include "sample_batch.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include "slab.h"

namespace sconce {

namespace {

// Batches that end within this time are timed to the microsecond; a sleep, however short, is
// longer.
constexpr std::chrono::microseconds kSpinTime{2000};
constexpr std::chrono::microseconds kPollInterval{50};

void wait_for(Run& run) {
  if (run.ready()) return;
  const auto end = std::chrono::steady_clock::now() + kSpinTime;
  while (!run.ready()) {
    if (std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kPollInterval);
    }
  }
}

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

void SampleRows::lock_pages() {
  for (size_t i = locks_.size(); i < inputs_.size(); ++i) {
    locks_.emplace_back(memory_[i].get(), checked_bytes(inputs_[i], rows_));
  }
}

SampleBatch::SampleBatch(EngineInstance& instance, const SampleRows& samples, int rows)
    : instance_(instance), samples_(samples), rows_(rows) {}

SampleBatch::~SampleBatch() {
  try {
    if (run_ != nullptr) (void)finish();
  } catch (const std::exception&) {
    // Whoever needs its outputs has asked for them.
  }
}

std::chrono::duration<double, std::micro> SampleBatch::run() {
  start();
  return finish();
}

void SampleBatch::start() {
  if (instance_.writes_inputs()) own_rows_.emplace(samples_.copy());
  Batch batch = own_rows_ ? own_rows_->batch(rows_) : samples_.batch(rows_);
  batch.output_area = {area_.get(), area_bytes_};
  started_ = std::chrono::steady_clock::now();
  run_ = instance_.submit(batch);
}

std::chrono::duration<double, std::micro> SampleBatch::finish() {
  const std::unique_ptr<Run> run = std::move(run_);
  wait_for(*run);
  const auto end = std::chrono::steady_clock::now();
  BatchResult result = run->take_result();
  signature_ = std::move(result.signature);
  if (result.overflow != nullptr) {
    area_lock_ = {};
    area_ = std::move(result.overflow);
    area_bytes_ = result.overflow_bytes;
    if (instance_.copies_batches()) area_lock_ = {area_.get(), area_bytes_};
  }
  return end - started_;
}

double median(std::vector<double> numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>((numbers.size() - 1) / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

}  // namespace sconce
