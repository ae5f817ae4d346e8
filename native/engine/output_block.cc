#include "output_block.h"

namespace sconce {

OutputBlock::OutputBlock(const Batch& batch, BatchResult& result)
    : offsets_(output_offsets(result.signature, batch.rows)), block_(batch.output_area.data()) {
  if (offsets_.back() <= batch.output_area.size()) return;
  result.overflow = allocate_aligned(offsets_.back());
  result.overflow_bytes = offsets_.back();
  block_ = result.overflow.get();
}

}  // namespace sconce
