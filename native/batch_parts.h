// The outputs of a batch whose rows were run in parts, put together again.
#pragma once

#include <span>
#include <vector>

#include "engine/engine.h"

namespace sconce {

class BatchParts {
 public:
  // Adds what some rows of a slab gave, its outputs in memory of their own. Throws Error with
  // INVALID_OUTPUT when they cannot stand in one block with those before.
  void add(std::vector<int> rows, BatchResult result);

  // The slab rows of all parts, in the order of their outputs.
  [[nodiscard]] std::vector<int> rows() const;

  // All outputs as one block: in `area` when it is large enough. Only with rows.
  [[nodiscard]] BatchResult join(std::span<uint8_t> area) const;

 private:
  struct Part {
    std::vector<int> rows;
    BatchResult result;
  };

  Signature signature_;  // of the block
  std::vector<Part> parts_;
};

}  // namespace sconce
