// Writes output tensors as JSON text. Pure C++: no Node-API, no LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "json_form.h"

namespace sconce {

// Writes rows of one signature, byte for byte as Python's json.dumps(value, indent=2) writes the
// nested lists of tensor.tolist(). Immutable after construction, so any thread may use it.
class JsonWriter {
 public:
  // Lists and fields within one another that a structure may have.
  static constexpr int kMaxNesting = 4;

  // `names` name the top-level outputs: one for a tensor, one for each element of a list; fields
  // keep their own. Throws Error("INTERNAL") for a structure that does not fit `outputs`, negative
  // dims, or a wrong number of names.
  JsonWriter(std::vector<TensorMeta> outputs, const OutputNode& structure,
             const std::optional<std::vector<std::string>>& names);

  // Text for rows [first_row, first_row + rows) of a batch. `block` holds the outputs one after the
  // other, each [batch_rows, ...dims] and starting on a multiple of 64 bytes. kNamed and kBare give
  // the row itself, or a list unless there is exactly one; kInstances {"predictions": [row, ...]};
  // kInputs {"outputs": columns}. ASCII only. Throws Error("INTERNAL") when the rows or the outputs
  // lie outside the batch or the block.
  [[nodiscard]] std::string write(std::span<const uint8_t> block, int64_t batch_rows,
                                  int64_t first_row, int64_t rows, RequestForm form) const;

 private:
  // A structure whose keys are JSON text already.
  struct Node {
    OutputNode::Kind kind = OutputNode::Kind::kTensor;
    size_t tensor = 0;
    std::vector<std::string> keys;  // with quotes and ": ", one for each child, or none
    std::vector<Node> children;
  };
  class Text;

  [[nodiscard]] Node compile(const OutputNode& structure, int nesting) const;

  std::vector<TensorMeta> outputs_;
  std::vector<size_t> row_bytes_;  // of each output
  Node row_;                       // what one row looks like
  Node columns_;                   // what all rows look like with the batch dimension first
};

}  // namespace sconce
