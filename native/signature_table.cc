#include "signature_table.h"

#include <algorithm>

#include "error.h"

namespace sconce {

namespace {

constexpr size_t kSignaturesKept = 1024;

}  // namespace

int SignatureTable::intern(const Signature& signature) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::find(signatures_.begin(), signatures_.end(), signature);
  if (found != signatures_.end()) {
    return first_id_ + static_cast<int>(found - signatures_.begin());
  }
  if (signatures_.size() == kSignaturesKept) {
    signatures_.pop_front();
    ++first_id_;
  }
  signatures_.push_back(signature);
  return first_id_ + static_cast<int>(signatures_.size()) - 1;
}

Signature SignatureTable::get(int id) const {
  const std::scoped_lock lock(mutex_);
  const int index = id - first_id_;
  if (index < 0 || static_cast<size_t>(index) >= signatures_.size()) {
    throw Error("INTERNAL", "no such signature");
  }
  return signatures_[static_cast<size_t>(index)];
}

}  // namespace sconce
