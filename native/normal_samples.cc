#include "normal_samples.h"

#include <cstring>
#include <random>
#include <utility>

#include "half.h"

namespace sconce {

namespace {

// A prime, so that rows of any usual size differ where the numbers begin again.
constexpr size_t kPeriod = 65521;
constexpr uint64_t kSeed = 20;

const std::vector<float>& normal_numbers() {
  static const std::vector<float> numbers = [] {
    std::mt19937_64 generator(kSeed);
    std::normal_distribution<float> normal;
    std::vector<float> drawn(kPeriod);
    for (float& number : drawn) number = normal(generator);
    return drawn;
  }();
  return numbers;
}

template <typename Element, typename Convert>
void write_normal(uint8_t* memory, size_t elements, Convert convert) {
  const std::vector<float>& numbers = normal_numbers();
  auto* target = reinterpret_cast<Element*>(memory);
  for (size_t i = 0; i < elements; ++i) target[i] = convert(numbers[i % kPeriod]);
}

void write_samples(DType dtype, uint8_t* memory, size_t elements) {
  switch (dtype) {
    case DType::kFloat32:
      return write_normal<float>(memory, elements, [](float value) { return value; });
    case DType::kFloat64:
      return write_normal<double>(memory, elements, [](float value) { return value; });
    case DType::kFloat16:
      return write_normal<uint16_t>(memory, elements, float_to_half);
    case DType::kBFloat16:
      return write_normal<uint16_t>(memory, elements, float_to_bfloat16);
    default:
      std::memset(memory, 0, elements * dtype_size(dtype));
  }
}

}  // namespace

SampleRows normal_samples(std::vector<TensorMeta> inputs, int rows) {
  return {std::move(inputs), rows, write_samples};
}

}  // namespace sconce
