// The slab: one block of shared memory that holds the input rows of one batch. This file is the
// C++ half of the header protocol; src/batching/slab-layout.ts and slab.ts are the other half and
// a test compares the constants.
//
//   word 0             state: rows reserved so far; the sign bit says sealed
//   word 1             settled: rows whose writer has finished; the sign bit says closed
//   words 16..         per row: what its writer left (kRowEmpty, kRowCommitted, kRowCancelled)
//   words 16+capacity  per row: index of its output row after completion, -1 for none
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dtype.h"

namespace sconce {

inline constexpr size_t kSlabAlignment = 64;
inline constexpr int kStateWord = 0;
inline constexpr int kSettledWord = 1;
inline constexpr int kRowsWord = 16;
inline constexpr int32_t kRowEmpty = 0;
inline constexpr int32_t kRowCommitted = 1;
inline constexpr int32_t kRowCancelled = 2;
inline constexpr int kMaxCapacity = 65536;

constexpr size_t align_up(size_t bytes) {
  return (bytes + kSlabAlignment - 1) / kSlabAlignment * kSlabAlignment;
}
constexpr size_t slab_header_bytes(int capacity) {
  return align_up(sizeof(int32_t) * (kRowsWord + 2 * static_cast<size_t>(capacity)));
}

// Bytes of one row of the given dimensions. Throws Error when a dimension is negative or the
// product overflows.
size_t row_bytes(DType dtype, const std::vector<int64_t>& dims);

struct SlabInput {
  DType dtype;
  std::vector<int64_t> dims;  // of one row, without the batch dimension
  size_t offset;              // of row 0, in bytes from the start of the slab
  size_t row_bytes;
};

struct SlabLayout {
  int capacity = 0;  // rows
  std::vector<SlabInput> inputs;
  size_t output_offset = 0;
  size_t output_bytes = 0;
};

// A view of a slab's shared memory. Does not own it: the model's wrap keeps the
// SharedArrayBuffer alive for as long as the slab is registered.
class Slab {
 public:
  // Checks that the layout fits the memory; throws Error("INTERNAL").
  Slab(int id, std::span<uint8_t> memory, SlabLayout layout);

  [[nodiscard]] int id() const { return id_; }
  [[nodiscard]] const SlabLayout& layout() const { return layout_; }
  [[nodiscard]] std::span<uint8_t> memory() const { return memory_; }
  [[nodiscard]] std::span<uint8_t> output_area() const {
    return memory_.subspan(layout_.output_offset, layout_.output_bytes);
  }
  [[nodiscard]] const uint8_t* input_row(size_t input, int row) const {
    const SlabInput& spec = layout_.inputs[input];
    return memory_.data() + spec.offset + static_cast<size_t>(row) * spec.row_bytes;
  }

  // Rows reserved so far, when every one of them is settled; -1 while a writer is at work.
  [[nodiscard]] int settled_rows() const;

  // Ends reservation; returns how many rows were reserved.
  int seal();

  // Waits until every one of `reserved` rows is settled or the time is over, then closes the slab
  // to late writers. Returns true when no writer was left behind.
  bool settle(int reserved, std::chrono::microseconds timeout);

  [[nodiscard]] int32_t row_state(int row) const;
  void set_output_row(int row, int32_t output_row);

 private:
  [[nodiscard]] std::atomic_ref<int32_t> word(size_t index) const;

  int id_;
  std::span<uint8_t> memory_;
  SlabLayout layout_;
};

}  // namespace sconce
