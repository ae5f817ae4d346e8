// What forward returned, as tensors of the batch and the structure that holds them.
#pragma once

#include <ATen/core/ivalue.h>

#include <optional>
#include <string>
#include <vector>

#include "engine.h"

namespace sconce {

// Takes a tensor, a tuple or list of tensors, a Dict[str, Tensor], these nested once, and a list
// with one dict for each row (row_dicts.h). Parts of a tuple that are empty are passed over, and a
// tuple of which one part is left is that part: what scripted detection models return has no
// losses.
class OutputReader {
 public:
  // Tensors of the precision that a module was converted to become float32.
  OutputReader(int rows, std::optional<at::ScalarType> converted);

  // Throws Error with INVALID_OUTPUT. Call once.
  Signature read(const c10::IValue& value);

  // The flat outputs: each [rows, …].
  [[nodiscard]] const std::vector<at::Tensor>& tensors() const { return tensors_; }

 private:
  OutputNode read_node(const c10::IValue& value, int depth);
  OutputNode read_tuple(const c10::IValue& value, int depth);
  OutputNode read_list(const c10::IValue& value, int depth);
  OutputNode read_dict(const c10::IValue& value, int depth);
  OutputNode read_rows(const c10::List<c10::IValue>& dicts);
  int add(const at::Tensor& tensor, bool padded);

  int rows_;
  std::optional<at::ScalarType> converted_;
  std::vector<at::Tensor> tensors_;
  std::vector<bool> padded_;
};

}  // namespace sconce
