// How much each element of an input adds to an output of a model.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "../dtype.h"

namespace sconce {

// One row of one input, without a batch dimension.
struct ExplanationInput {
  DType dtype;
  std::vector<int64_t> dims;
  std::vector<uint8_t> data;  // as many bytes as dtype and dims say
};

struct ExplanationRequest {
  std::vector<ExplanationInput> inputs;  // as those of a batch
  size_t input = 0;                      // the one that is explained
  size_t output = 0;                     // the flat output that is followed
  int64_t target = 0;                    // position in the output's row, flat
  // Bytes of the input that stands for nothing; zeros when it is absent.
  std::optional<std::vector<uint8_t>> baseline;
  int steps = 0;  // points between the baseline and the input
};

struct Attributions {
  std::vector<int64_t> dims;  // of one row
  std::vector<float> values;
};

inline constexpr int kMaxExplanationSteps = 1000;

// Explains a model on the thread that made it, with a module of its own.
class EngineExplainer {
 public:
  virtual ~EngineExplainer() = default;
  // Throws Error with INVALID_REQUEST, EXPLANATION_UNSUPPORTED, MODEL_FAILED, INVALID_OUTPUT or
  // OUT_OF_MEMORY; with MODEL_CLOSED soon after `cancelled` becomes true.
  [[nodiscard]] virtual Attributions explain(const ExplanationRequest& request,
                                             const std::atomic<bool>& cancelled) = 0;
};

}  // namespace sconce
