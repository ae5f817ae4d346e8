#include "engine.h"

#include <new>

#include "../error.h"
#include "../slab.h"

namespace sconce {

std::vector<size_t> output_offsets(const Signature& signature, int rows) {
  std::vector<size_t> offsets;
  offsets.reserve(signature.outputs.size() + 1);
  size_t end = 0;
  for (const TensorMeta& output : signature.outputs) {
    offsets.push_back(end);
    size_t bytes = 0;
    if (__builtin_mul_overflow(row_bytes(output.dtype, output.dims), static_cast<size_t>(rows),
                               &bytes) ||
        __builtin_add_overflow(end, align_up(bytes), &end)) {
      throw Error("INVALID_OUTPUT", "the outputs of a batch are too large to address");
    }
  }
  offsets.push_back(end);
  return offsets;
}

void AlignedDelete::operator()(uint8_t* memory) const {
  ::operator delete[](memory, std::align_val_t{kSlabAlignment});
}

AlignedBytes allocate_aligned(size_t bytes) {
  return AlignedBytes(static_cast<uint8_t*>(
      ::operator new[](bytes == 0 ? 1 : bytes, std::align_val_t{kSlabAlignment})));
}

}  // namespace sconce
