// Numbers the signatures of outputs, so that a batch carries a number instead of shapes.
#pragma once

#include <deque>
#include <mutex>

#include "engine/engine.h"

namespace sconce {

// Thread-safe.
class SignatureTable {
 public:
  // The same number for an equal signature, for as long as it is kept.
  int intern(const Signature& signature);

  // Throws Error when the signature is too old: only the last ones are kept, so that a model whose
  // output shapes never repeat cannot fill the memory.
  [[nodiscard]] Signature get(int id) const;

 private:
  mutable std::mutex mutex_;
  std::deque<Signature> signatures_;
  int first_id_ = 0;
};

}  // namespace sconce
