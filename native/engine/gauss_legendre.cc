#include "gauss_legendre.h"

#include <cmath>
#include <numbers>

namespace sconce {

namespace {

struct Legendre {
  double value;
  double derivative;
};

// The polynomial of degree `count` at x, |x| < 1, by its three-term recurrence.
Legendre legendre(int count, double x) {
  double before = 0;
  double value = 1;
  for (int degree = 1; degree <= count; ++degree) {
    const double next = ((2.0 * degree - 1.0) * x * value - (degree - 1.0) * before) / degree;
    before = value;
    value = next;
  }
  return {value, count * (x * value - before) / (x * x - 1.0)};
}

}  // namespace

Quadrature gauss_legendre(int count) {
  constexpr int kMaxIterations = 20;
  constexpr double kPrecision = 1e-15;
  Quadrature rule{.points = std::vector<double>(static_cast<size_t>(count)),
                  .weights = std::vector<double>(static_cast<size_t>(count))};
  for (int i = 0; i < (count + 1) / 2; ++i) {
    double x = std::cos(std::numbers::pi * (i + 0.75) / (count + 0.5));
    for (int iteration = 0; iteration < kMaxIterations; ++iteration) {
      const Legendre at = legendre(count, x);
      const double step = at.value / at.derivative;
      x -= step;
      if (std::abs(step) < kPrecision) break;
    }
    const double derivative = legendre(count, x).derivative;
    const double weight = 1.0 / ((1.0 - x * x) * derivative * derivative);
    const auto low = static_cast<size_t>(i);
    const auto high = static_cast<size_t>(count - 1 - i);
    rule.points[low] = (1.0 - x) / 2.0;
    rule.points[high] = (1.0 + x) / 2.0;
    rule.weights[low] = rule.weights[high] = weight;
  }
  return rule;
}

}  // namespace sconce
