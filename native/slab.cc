#include "slab.h"

#include <algorithm>
#include <limits>
#include <string>
#include <thread>

#include "error.h"

namespace sconce {

namespace {

constexpr int32_t kFlag = std::numeric_limits<int32_t>::min();
constexpr int32_t kCountMask = std::numeric_limits<int32_t>::max();

void require(bool condition, const char* what) {
  if (!condition) throw Error("INTERNAL", std::string("slab layout: ") + what);
}

}  // namespace

size_t row_bytes(DType dtype, const std::vector<int64_t>& dims) {
  size_t bytes = dtype_size(dtype);
  for (const int64_t dim : dims) {
    if (dim < 0) throw Error("INTERNAL", "a dimension is negative");
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(dim), &bytes)) {
      throw Error("INTERNAL", "the dimensions of a row overflow");
    }
  }
  return bytes;
}

Slab::Slab(int id, std::span<uint8_t> memory, SlabLayout layout)
    : id_(id), memory_(memory), layout_(std::move(layout)) {
  require(reinterpret_cast<uintptr_t>(memory_.data()) % kSlabAlignment == 0 || memory_.empty(),
          "memory is not aligned to 64 bytes");
  require(layout_.capacity > 0 && layout_.capacity <= kMaxCapacity, "capacity out of range");
  require(!layout_.inputs.empty(), "no inputs");
  size_t end = slab_header_bytes(layout_.capacity);
  for (const SlabInput& input : layout_.inputs) {
    require(input.offset % kSlabAlignment == 0, "an input is not aligned to 64 bytes");
    require(input.offset >= end, "regions overlap");
    size_t bytes = 0;
    require(!__builtin_mul_overflow(input.row_bytes, static_cast<size_t>(layout_.capacity), &bytes),
            "an input overflows");
    require(!__builtin_add_overflow(input.offset, bytes, &end), "an input overflows");
    require(end <= memory_.size(), "an input lies outside the memory");
  }
  require(layout_.output_offset % kSlabAlignment == 0, "the output area is not aligned");
  require(layout_.output_bytes == 0 || layout_.output_offset >= end, "regions overlap");
  require(layout_.output_offset <= memory_.size() &&
              layout_.output_bytes <= memory_.size() - layout_.output_offset,
          "the output area lies outside the memory");
}

std::atomic_ref<int32_t> Slab::word(size_t index) const {
  return std::atomic_ref<int32_t>(reinterpret_cast<int32_t*>(memory_.data())[index]);
}

int Slab::settled_rows() const {
  const int reserved = word(kStateWord).load() & kCountMask;
  const int settled = word(kSettledWord).load() & kCountMask;
  return settled < reserved ? -1 : std::min(reserved, layout_.capacity);
}

int Slab::seal() {
  // The flag stays set until the slab is recycled, so that reservations fail from here on. The
  // count is clamped because shared memory is not to be trusted with our bounds.
  const int32_t before = word(kStateWord).fetch_or(kFlag);
  return std::clamp(before & kCountMask, 0, layout_.capacity);
}

bool Slab::settle(int reserved, std::chrono::microseconds timeout) {
  const std::atomic_ref<int32_t> settled = word(kSettledWord);
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  // Nearly always the writers are done or a few instructions away from it, so spin, then yield,
  // and only then sleep.
  for (int round = 0; (settled.load() & kCountMask) < reserved; ++round) {
    if (round < 200) continue;
    if (std::chrono::steady_clock::now() >= deadline) break;
    if (round < 1000) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
  return (settled.fetch_or(kFlag) & kCountMask) >= reserved;
}

int32_t Slab::row_state(int row) const { return word(kRowsWord + static_cast<size_t>(row)).load(); }

void Slab::set_output_row(int row, int32_t output_row) {
  word(kRowsWord + static_cast<size_t>(layout_.capacity) + static_cast<size_t>(row))
      .store(output_row);
}

}  // namespace sconce
