// The tensors that a module computes with.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <optional>
#include <set>

#include "../dtype.h"

namespace sconce {

// Parameters, buffers, attributes, and after freezing the constants in the graph of forward.
class ModuleTensors {
 public:
  explicit ModuleTensors(const torch::jit::Module& module);

  // Addresses of their storages, or of what stands for them where they are opaque.
  [[nodiscard]] const std::set<uint64_t>& pointers() const { return pointers_; }
  // Each storage counted once.
  [[nodiscard]] size_t bytes() const { return bytes_; }
  // Type of the first one of floating point.
  [[nodiscard]] std::optional<DType> floating_dtype() const { return floating_dtype_; }

 private:
  void add(const at::Tensor& tensor);
  void add(const c10::IValue& value);
  void add(const torch::jit::Block& block);

  std::set<uint64_t> pointers_;
  size_t bytes_ = 0;
  std::optional<DType> floating_dtype_;
};

}  // namespace sconce
