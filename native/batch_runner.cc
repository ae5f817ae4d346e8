#include "batch_runner.h"

#include <cstring>
#include <sstream>
#include <thread>
#include <utility>

#include "batch_parts.h"

namespace sconce {

namespace {

std::string describe_inputs(const SlabLayout& layout, size_t rows) {
  std::ostringstream text;
  for (size_t i = 0; i < layout.inputs.size(); ++i) {
    const SlabInput& input = layout.inputs[i];
    text << (i == 0 ? "" : ", ") << dtype_name(input.dtype) << '[' << rows;
    for (const int64_t dim : input.dims) text << ", " << dim;
    text << ']';
  }
  return text.str();
}

// Parts of a batch may run that is refused as a whole.
bool may_succeed_apart(const Error& error) {
  return error.code() == "MODEL_FAILED" || error.code() == "OUT_OF_MEMORY";
}

}  // namespace

SlabRun::SlabRun(std::shared_ptr<Slab> slab, std::chrono::steady_clock::time_point rung)
    : slab_(std::move(slab)), rung_(rung) {}

void SlabRun::begin(EngineInstance& instance, std::chrono::microseconds commit_timeout) {
  const int reserved = slab_->seal();
  const bool settled = slab_->settle(reserved, commit_timeout);
  sealed_ = std::chrono::steady_clock::now();
  try {
    collect_rows(reserved, settled);
    if (live_.empty()) return;
    gather_rows();
    submit(instance);
  } catch (const Error& error) {
    fail(0, live_.size(), error);
  } catch (const std::bad_alloc&) {
    fail(0, live_.size(), {"OUT_OF_MEMORY", "out of host memory while a batch was assembled"});
  } catch (const std::exception& error) {
    fail(0, live_.size(), {"MODEL_FAILED", error.what()});
  }
}

void SlabRun::collect_rows(int reserved, bool settled) {
  for (int row = 0; row < reserved; ++row) {
    slab_->set_output_row(row, -1);
    const int32_t state = slab_->row_state(row);
    if (state == kRowCommitted) {
      live_.push_back(row);
    } else if (state != kRowCancelled && !settled) {
      errors_.push_back({row, 1, "WRITER_TIMEOUT", "the row was not written in time"});
    }
  }
}

void SlabRun::gather_rows() {
  const bool adjacent = live_.back() - live_.front() + 1 == static_cast<int>(live_.size());
  if (adjacent) return;
  for (size_t i = 0; i < slab_->layout().inputs.size(); ++i) {
    const size_t bytes = slab_->layout().inputs[i].row_bytes;
    AlignedBytes packed = allocate_aligned(bytes * live_.size());
    for (size_t row = 0; row < live_.size(); ++row) {
      std::memcpy(packed.get() + row * bytes, slab_->input_row(i, live_[row]), bytes);
    }
    gathered_.push_back(std::move(packed));
  }
}

Batch SlabRun::make_batch(size_t first, size_t count) const {
  Batch batch{.rows = static_cast<int>(count), .inputs = {}, .output_area = {}};
  for (size_t i = 0; i < slab_->layout().inputs.size(); ++i) {
    const SlabInput& input = slab_->layout().inputs[i];
    const uint8_t* data = gathered_.empty() ? slab_->input_row(i, live_[first])
                                            : gathered_[i].get() + first * input.row_bytes;
    batch.inputs.push_back({data, input.dtype, input.dims});
  }
  return batch;
}

void SlabRun::submit(EngineInstance& instance) {
  Batch batch = make_batch(0, live_.size());
  batch.output_area = slab_->output_area();
  try {
    run_ = instance.submit(batch);
    answered_ = live_;
  } catch (const Error& error) {
    const bool repeatable = live_.size() > 1 && !instance.writes_inputs();
    if (may_succeed_apart(error) && repeatable) {
      run_apart(instance);
    } else {
      fail(0, live_.size(), error);
    }
  }
}

// Halves the batch until each failing row stands alone: one bad row costs its own request only, and
// what does not fit the memory is run in as many parts as fit. On a device that fails meanwhile
// nothing more is run.
void SlabRun::run_apart(EngineInstance& instance) {
  BatchParts parts;
  const auto run_range = [&](const auto& self, size_t first, size_t count) -> void {
    if (device_failure_) {
      fail(first, count, {kDeviceFailed, *device_failure_});
      return;
    }
    try {
      std::unique_ptr<Run> run = instance.submit(make_batch(first, count));
      while (!run->ready()) std::this_thread::yield();
      const auto begin = live_.begin() + static_cast<std::ptrdiff_t>(first);
      parts.add({begin, begin + static_cast<std::ptrdiff_t>(count)}, run->take_result());
    } catch (const Error& error) {
      if (!may_succeed_apart(error) || count == 1) {
        fail(first, count, error);
        return;
      }
      self(self, first, count / 2);
      self(self, first + count / 2, count - count / 2);
    }
  };
  run_range(run_range, 0, live_.size() / 2);
  run_range(run_range, live_.size() / 2, live_.size() - live_.size() / 2);

  answered_ = parts.rows();
  if (!answered_.empty()) result_ = parts.join(slab_->output_area());
}

void SlabRun::fail(size_t first, size_t count, const Error& error) {
  std::string text = error.what();
  if (error.code() == kDeviceFailed) {
    if (!device_failure_) device_failure_ = text;
  } else {
    text += "; given " + describe_inputs(slab_->layout(), count);
  }
  for (size_t i = first; i < first + count; ++i) {
    errors_.push_back({live_[i], 1, error.code(), text});
  }
}

bool SlabRun::ready() {
  if (run_ == nullptr) return true;
  try {
    if (!run_->ready()) return false;
    result_ = run_->take_result();
  } catch (const Error& error) {
    answered_.clear();
    fail(0, live_.size(), error);
  }
  run_.reset();
  return true;
}

void SlabRun::abandon(const std::string& message) {
  if (run_ == nullptr) return;
  run_.reset();
  answered_.clear();
  fail(0, live_.size(), {kDeviceFailed, message});
}

SlabRun::Outcome SlabRun::finish() {
  Outcome outcome{.event = {},
                  .signature = std::move(result_.signature),
                  .slab = slab_,
                  .device_failure = device_failure_};
  for (size_t i = 0; i < answered_.size(); ++i) {
    slab_->set_output_row(answered_[i], static_cast<int32_t>(i));
  }
  const auto now = std::chrono::steady_clock::now();
  using Microseconds = std::chrono::duration<double, std::micro>;
  outcome.event.slab = slab_->id();
  outcome.event.rows = static_cast<int>(answered_.size());
  outcome.event.overflow = std::move(result_.overflow);
  outcome.event.overflow_bytes = result_.overflow_bytes;
  outcome.event.errors = std::move(errors_);
  outcome.event.queue_microseconds = Microseconds(sealed_ - rung_).count();
  outcome.event.compute_microseconds = Microseconds(now - sealed_).count();
  return outcome;
}

}  // namespace sconce
