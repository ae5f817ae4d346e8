// Gauss-Legendre quadrature over [0, 1].
#pragma once

#include <vector>

namespace sconce {

struct Quadrature {
  std::vector<double> points;   // ascending
  std::vector<double> weights;  // their sum is 1
};

// The rule with `count` points, at least one: exact for polynomials of degree 2 count − 1. Each
// point is found by Newton's method on the Legendre polynomial (Press et al., Numerical Recipes,
// 3rd ed., §4.6.1), to double precision.
Quadrature gauss_legendre(int count);

}  // namespace sconce
