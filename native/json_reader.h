// Reads JSON requests into tensors' bytes. Pure C++: no Node-API, no LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dtype.h"
#include "json_form.h"

namespace sconce {

// One field of a request. `dims` excludes the batch dimension; -1 = any size, nullopt = any rank.
struct JsonField {
  std::string name;
  DType dtype = DType::kFloat32;
  std::optional<std::vector<int64_t>> dims;
};

// Parses bodies of one model. Holds the last request in scratch memory that the next read reuses.
// Not thread-safe; each thread has its own.
class JsonReader {
 public:
  // Dimensions of a row, and fields of a model, that a reader takes at most.
  static constexpr size_t kMaxRank = 16;
  static constexpr size_t kMaxFields = 64;

  // Throws Error("INTERNAL") for no field, too many, equal names, or dims that cannot be.
  explicit JsonReader(std::vector<JsonField> fields);
  ~JsonReader();
  JsonReader(JsonReader&&) noexcept;
  JsonReader& operator=(JsonReader&&) noexcept;

  // Parses `body`, in UTF-8 with or without a byte order mark. Throws Error("INVALID_REQUEST")
  // that names the field and position, or the byte where the text stops being JSON; the reader
  // then holds nothing and is ready for the next body.
  void read(std::span<const uint8_t> body);

  [[nodiscard]] size_t fields() const;
  [[nodiscard]] RequestForm form() const;
  // Rows of the last request; 0 before the first and after a failure.
  [[nodiscard]] size_t rows() const;
  // Shape of one row of a field in the last request.
  [[nodiscard]] std::span<const int64_t> dims(size_t field) const;
  // Rows of a field, contiguous: [rows, ...dims] of its dtype.
  [[nodiscard]] std::span<const uint8_t> bytes(size_t field) const;

  // Copies each field's rows to target + offsets[field]. Throws Error("INTERNAL") when an offset is
  // no whole number or the rows do not fit; nothing is copied then.
  void store(std::span<uint8_t> target, std::span<const double> offsets) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sconce
