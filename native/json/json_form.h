// How a JSON request wraps its rows, and with it the form of the reply. The order is the code that
// TypeScript uses (requestForms in src/native/addon.ts).
#pragma once

#include <cstdint>

namespace sconce {

enum class RequestForm : uint8_t {
  kNamed = 0,  // {"features": [...]}: one row
  kBare,       // [...] or a scalar: one row of a model with one field
  kInstances,  // {"instances": [row, ...]}
  kInputs,     // {"inputs": ...}: columns with the batch dimension first
};

inline constexpr int kRequestForms = 4;

}  // namespace sconce
