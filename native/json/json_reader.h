// Reads JSON requests into tensors' bytes. Pure C++: no Node-API, no LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "json_field.h"
#include "json_form.h"

namespace sconce {

// Parses bodies of one model. Holds the last request in scratch memory that the next read reuses.
// Not thread-safe; each thread has its own.
class JsonReader {
 public:
  // Throws Error("INTERNAL") for no field, too many, equal names, or dims that cannot be.
  explicit JsonReader(const std::vector<JsonField>& fields);
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
