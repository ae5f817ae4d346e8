// Batches of rows that nobody sent, to warm instances up and to time them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/cuda.h"
#include "engine/engine.h"

namespace sconce {

// Rows of every input, which batches of any smaller number begin with. Thread-safe once made.
class SampleRows {
 public:
  // Writes `elements` values of a dtype to aligned memory.
  using Fill = std::function<void(DType dtype, uint8_t* memory, size_t elements)>;

  // Throws std::bad_alloc when so many rows do not fit the memory.
  SampleRows(std::vector<TensorMeta> inputs, int rows, const Fill& fill);
  static SampleRows zeros(std::vector<TensorMeta> inputs, int rows);

  [[nodiscard]] int rows() const { return rows_; }
  // Its inputs are those of this object, which a model may write to.
  [[nodiscard]] Batch batch(int rows) const;
  // With memory of its own.
  [[nodiscard]] SampleRows copy() const;
  // Page-locks the memory, as that of slabs is, for instances that copy batches.
  void lock_pages();

 private:
  std::vector<TensorMeta> inputs_;
  int rows_;
  std::vector<AlignedBytes> memory_;
  std::vector<PageLock> locks_;  // after what they lock
};

// Runs batches of one number of rows on an instance, on the instance's thread, one after the other.
class SampleBatch {
 public:
  SampleBatch(EngineInstance& instance, const SampleRows& samples, int rows);
  SampleBatch(const SampleBatch&) = delete;
  SampleBatch& operator=(const SampleBatch&) = delete;
  // Waits for a batch that is under way.
  ~SampleBatch();

  // Returns how long it took until the outputs were in place. The rows are as they were made each
  // time, also for a model that writes to them. Throws Error as EngineInstance does.
  std::chrono::duration<double, std::micro> run();

  // The two halves of run(), between which other batches may be started on the instance.
  void start();
  std::chrono::duration<double, std::micro> finish();

  // Of the last run. The outputs lie as output_offsets() says.
  [[nodiscard]] const Signature& signature() const { return signature_; }
  [[nodiscard]] std::span<const uint8_t> outputs() const { return {area_.get(), area_bytes_}; }

 private:
  EngineInstance& instance_;
  const SampleRows& samples_;
  int rows_;
  Signature signature_;
  AlignedBytes area_;  // of the first run, where later ones write
  size_t area_bytes_ = 0;
  PageLock area_lock_;
  std::optional<SampleRows> own_rows_;  // that a model which writes to its inputs gets
  std::chrono::steady_clock::time_point started_;
  std::unique_ptr<Run> run_;  // of the batch that is under way
};

// Of at least one number; the lower one of the two in the middle.
double median(std::vector<double> numbers);

}  // namespace sconce
