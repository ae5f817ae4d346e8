#include "batch_parts.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "error.h"
#include "slab.h"

namespace sconce {

namespace {

Error varies() { return {"INVALID_OUTPUT", "the shape of the outputs differs from row to row"}; }

bool is_empty(const TensorMeta& meta) { return row_bytes(meta.dtype, meta.dims) == 0; }

// The shape that rows of both fit in. Padded rows may differ in their length, and rows without
// entries in what an entry is.
TensorMeta merge(const TensorMeta& a, const TensorMeta& b) {
  if (a == b) return a;
  if (!a.padded || !b.padded || a.dtype != b.dtype) throw varies();
  if (is_empty(b)) return a;
  if (is_empty(a)) return b;
  TensorMeta merged = a;
  merged.dims.front() = std::max(a.dims.front(), b.dims.front());
  TensorMeta other = b;
  other.dims.front() = merged.dims.front();
  if (!(merged == other)) throw varies();
  return merged;
}

Signature merge(const Signature& a, const Signature& b) {
  if (!(a.structure == b.structure) || a.outputs.size() != b.outputs.size()) throw varies();
  Signature merged = a;
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    merged.outputs[i] = merge(a.outputs[i], b.outputs[i]);
  }
  return merged;
}

// Copies rows to where rows may be longer: the rest becomes zeros.
void copy_rows(uint8_t* target, size_t target_bytes, const uint8_t* source, size_t source_bytes,
               size_t rows) {
  for (size_t row = 0; row < rows; ++row) {
    if (source_bytes > 0) {
      std::memcpy(target + row * target_bytes, source + row * source_bytes, source_bytes);
    }
    std::memset(target + row * target_bytes + source_bytes, 0, target_bytes - source_bytes);
  }
}

}  // namespace

void BatchParts::add(std::vector<int> rows, BatchResult result) {
  signature_ = parts_.empty() ? result.signature : merge(signature_, result.signature);
  parts_.push_back({.rows = std::move(rows), .result = std::move(result)});
}

std::vector<int> BatchParts::rows() const {
  std::vector<int> rows;
  for (const Part& part : parts_) rows.insert(rows.end(), part.rows.begin(), part.rows.end());
  return rows;
}

BatchResult BatchParts::join(std::span<uint8_t> area) const {
  BatchResult joined;
  joined.signature = signature_;
  joined.rows = static_cast<int>(rows().size());
  const std::vector<size_t> offsets = output_offsets(signature_, joined.rows);
  uint8_t* block = area.data();
  if (offsets.back() > area.size()) {
    joined.overflow = allocate_aligned(offsets.back());
    joined.overflow_bytes = offsets.back();
    block = joined.overflow.get();
  }
  size_t done = 0;
  for (const Part& part : parts_) {
    const Signature& signature = part.result.signature;
    const std::vector<size_t> from = output_offsets(signature, static_cast<int>(part.rows.size()));
    for (size_t i = 0; i < signature_.outputs.size(); ++i) {
      const size_t bytes = row_bytes(signature_.outputs[i].dtype, signature_.outputs[i].dims);
      const size_t part_bytes = row_bytes(signature.outputs[i].dtype, signature.outputs[i].dims);
      if (bytes == 0) continue;
      copy_rows(block + offsets[i] + done * bytes, bytes, part.result.overflow.get() + from[i],
                part_bytes, part.rows.size());
    }
    done += part.rows.size();
  }
  return joined;
}

}  // namespace sconce
