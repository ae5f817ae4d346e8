// The copies of a module that instances run.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <mutex>
#include <utility>
#include <vector>

namespace sconce {

// What a copy compiles stays in the module's compilation unit until the model goes, so the copy
// that an instance leaves behind is kept for the next one, together with what its graph has learnt
// of its inputs. Thread-safe.
class ModuleCopies {
 public:
  // A clone has graph executors of its own. Made in place it shares every tensor. Freezing leaves
  // as attributes only the tensors that forward changes; of these each instance needs its own.
  ModuleCopies(torch::jit::Module module, bool frozen)
      : module_(std::move(module)), frozen_(frozen) {}

  torch::jit::Module take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) {
      idle_.reserve(++made_);  // so that giving back cannot fail
      return module_.clone(/*inplace=*/!frozen_);
    }
    torch::jit::Module copy = std::move(idle_.back());
    idle_.pop_back();
    return copy;
  }

  void give_back(torch::jit::Module copy) {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(copy));
  }

 private:
  std::mutex mutex_;
  torch::jit::Module module_;
  bool frozen_;
  size_t made_ = 0;
  std::vector<torch::jit::Module> idle_;
};

}  // namespace sconce
