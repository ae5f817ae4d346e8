// Where the outputs of a batch go on the host.
#pragma once

#include <vector>

#include "engine.h"

namespace sconce {

// The block of one batch: the slab's output area, or memory of its own where they outgrow it.
class OutputBlock {
 public:
  // Keeps memory of its own in `result`, whose signature is complete. Throws std::bad_alloc.
  OutputBlock(const Batch& batch, BatchResult& result);

  // Where an output begins.
  [[nodiscard]] uint8_t* at(size_t output) const { return block_ + offsets_[output]; }

 private:
  std::vector<size_t> offsets_;
  uint8_t* block_;
};

}  // namespace sconce
