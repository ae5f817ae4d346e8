// Memory that one request after the other is read into.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace sconce::json {

inline constexpr size_t kKeptBytes = size_t{1} << 20;  // kept whatever a request needs

// Memory that grows without being cleared and is given back after an unusually large request.
class Scratch {
 public:
  [[nodiscard]] uint8_t* data() { return data_.get(); }
  [[nodiscard]] uint8_t* end() { return data_.get() + size_; }
  [[nodiscard]] uint8_t* limit() { return data_.get() + capacity_; }
  [[nodiscard]] std::span<const uint8_t> bytes() const { return {data_.get(), size_}; }

  // Empties it. Memory far beyond `expected` bytes goes back to the allocator.
  void reset(size_t expected) {
    size_ = 0;
    if (capacity_ > kKeptBytes && expected < capacity_ / 4) {
      data_.reset();
      capacity_ = 0;
    }
  }

  // Makes room for `more` bytes at end(), which moves.
  void reserve(size_t more) {
    if (capacity_ - size_ >= more) return;
    const size_t capacity = std::max({size_ + more, capacity_ * 2, size_t{256}});
    auto data = std::make_unique_for_overwrite<uint8_t[]>(capacity);
    if (size_ != 0) std::memcpy(data.get(), data_.get(), size_);
    data_ = std::move(data);
    capacity_ = capacity;
  }

  void set_end(const uint8_t* end) { size_ = static_cast<size_t>(end - data_.get()); }

 private:
  std::unique_ptr<uint8_t[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace sconce::json
