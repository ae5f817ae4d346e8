// Rows of inputs that look like no data in particular.
#pragma once

#include <vector>

#include "sample_batch.h"

namespace sconce {

// Floats from a standard normal distribution, zeros for integers and false for booleans; the same
// ones each time. Throws std::bad_alloc when so many rows do not fit the memory.
SampleRows normal_samples(std::vector<TensorMeta> inputs, int rows);

}  // namespace sconce
