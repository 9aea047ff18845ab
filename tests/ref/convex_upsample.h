// Computes convex upsampling in double, one output after the other: RAFT's upsample_flow written out.
#ifndef POLYPHASE_TESTS_REF_CONVEX_UPSAMPLE_H_
#define POLYPHASE_TESTS_REF_CONVEX_UPSAMPLE_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "polyphase/convex_upsample.h"
#include "tests/ref/tensor.h"

namespace polyphase::ref {

struct ConvexUpsampleResult {
  Tensor<double> value, bound;  // bound of the error of f32 arithmetic
};

inline ConvexUpsampleResult ConvexUpsample(const ConvexUpsampleAttributes& a, const Tensor<float>& input,
                                           const Tensor<float>& mask) {
  constexpr double kRounding = 0x1p-24;
  const int64_t f = a.factor;
  const double scale = a.scale == 0 ? static_cast<double>(f) : static_cast<double>(a.scale);
  const Tensor<double> empty(input.n, input.c, input.h * f, input.w * f);
  ConvexUpsampleResult result{empty, empty};
  for (int64_t n = 0; n < input.n; ++n) {
    for (int64_t row = 0; row < input.h * f; ++row) {
      for (int64_t column = 0; column < input.w * f; ++column) {
        const int64_t y = row / f;
        const int64_t x = column / f;
        std::array<double, 9> logit, weight, error;
        for (size_t k = 0; k < 9; ++k) {
          const int64_t channel = (static_cast<int64_t>(k) * f + row % f) * f + column % f;
          logit[k] = static_cast<double>(a.mask_scale) * static_cast<double>(mask(n, channel, y, x));
        }
        const double largest = *std::max_element(logit.begin(), logit.end());
        double sum = 0;
        double mean_error = 0;
        for (size_t k = 0; k < 9; ++k) {
          weight[k] = std::exp(logit[k] - largest);
          sum += weight[k];
          // The difference, the scale and their product are rounded, and the exponential. Weights of 0 are exact.
          error[k] = weight[k] == 0 ? 0.0 : 3 * std::fabs(logit[k] - largest) + 4;
        }
        for (size_t k = 0; k < 9; ++k) {
          weight[k] /= sum;
          mean_error += weight[k] * error[k];
        }
        for (int64_t c = 0; c < input.c; ++c) {
          double value = 0;
          double bound = 0;
          for (int64_t k = 0; k < 9; ++k) {
            const int64_t iy = y + k / 3 - 1;
            const int64_t ix = x + k % 3 - 1;
            const bool inside = iy >= 0 && iy < input.h && ix >= 0 && ix < input.w;
            const double term = inside ? scale * static_cast<double>(input(n, c, iy, ix)) : 0.0;
            const auto at = static_cast<size_t>(k);
            value += weight[at] * term;
            // 8 additions of weights, 9 of terms, a quotient and a product; weights below e^-87.7 are 0.
            bound += (weight[at] * (error[at] + mean_error + 20) * kRounding + 1e-37) * std::fabs(term);
          }
          result.value(n, c, row, column) = value;
          result.bound(n, c, row, column) = bound;
        }
      }
    }
  }
  return result;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_CONVEX_UPSAMPLE_H_
