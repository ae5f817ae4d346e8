#include "batch_runner.h"

#include <cstring>
#include <sstream>
#include <thread>
#include <utility>

#include "error.h"

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

// One part of a batch that was run apart from the rest.
struct Part {
  std::vector<int> rows;
  AlignedBytes block;
};

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
    fail(0, live_.size(), error.code(), error.what());
  } catch (const std::bad_alloc&) {
    fail(0, live_.size(), "OUT_OF_MEMORY", "out of host memory while a batch was assembled");
  } catch (const std::exception& error) {
    fail(0, live_.size(), "MODEL_FAILED", error.what());
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
    if (error.code() == "MODEL_FAILED" && repeatable) {
      run_apart(instance);
    } else {
      fail(0, live_.size(), error.code(), error.what());
    }
  }
}

// Halves the batch until each failing row stands alone: one bad row costs its own request only.
void SlabRun::run_apart(EngineInstance& instance) {
  std::vector<Part> parts;
  Signature signature;
  const auto run_range = [&](const auto& self, size_t first, size_t count) -> void {
    try {
      std::unique_ptr<Run> run = instance.submit(make_batch(first, count));
      while (!run->ready()) std::this_thread::yield();
      BatchResult result = run->take_result();
      if (!parts.empty() && !(signature == result.signature)) {
        throw Error("INVALID_OUTPUT", "the shape of the outputs differs from row to row");
      }
      signature = result.signature;
      Part part{.rows = {live_.begin() + static_cast<std::ptrdiff_t>(first),
                         live_.begin() + static_cast<std::ptrdiff_t>(first + count)},
                .block = std::move(result.overflow)};
      parts.push_back(std::move(part));
    } catch (const Error& error) {
      if (error.code() != "MODEL_FAILED" || count == 1) {
        fail(first, count, error.code(), error.what());
        return;
      }
      self(self, first, count / 2);
      self(self, first + count / 2, count - count / 2);
    }
  };
  run_range(run_range, 0, live_.size() / 2);
  run_range(run_range, live_.size() / 2, live_.size() - live_.size() / 2);

  for (const Part& part : parts) {
    answered_.insert(answered_.end(), part.rows.begin(), part.rows.end());
  }
  if (answered_.empty()) return;
  const int rows = static_cast<int>(answered_.size());
  const std::vector<size_t> offsets = output_offsets(signature, rows);
  result_.signature = signature;
  result_.rows = rows;
  uint8_t* block = slab_->output_area().data();
  if (offsets.back() > slab_->output_area().size()) {
    result_.overflow = allocate_aligned(offsets.back());
    result_.overflow_bytes = offsets.back();
    block = result_.overflow.get();
  }
  size_t done = 0;
  for (const Part& part : parts) {
    const std::vector<size_t> from = output_offsets(signature, static_cast<int>(part.rows.size()));
    for (size_t i = 0; i < signature.outputs.size(); ++i) {
      const size_t bytes = row_bytes(signature.outputs[i].dtype, signature.outputs[i].dims);
      std::memcpy(block + offsets[i] + done * bytes, part.block.get() + from[i],
                  part.rows.size() * bytes);
    }
    done += part.rows.size();
  }
}

void SlabRun::fail(size_t first, size_t count, const std::string& code,
                   const std::string& message) {
  const std::string text = message + "; given " + describe_inputs(slab_->layout(), count);
  for (size_t i = first; i < first + count; ++i) errors_.push_back({live_[i], 1, code, text});
}

bool SlabRun::ready() {
  if (run_ == nullptr) return true;
  try {
    if (!run_->ready()) return false;
    result_ = run_->take_result();
  } catch (const Error& error) {
    answered_.clear();
    fail(0, live_.size(), error.code(), error.what());
  }
  run_.reset();
  return true;
}

SlabRun::Outcome SlabRun::finish() {
  Outcome outcome{.event = {}, .signature = std::move(result_.signature), .slab = slab_};
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
