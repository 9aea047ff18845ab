// Winograd's convolution F(m, r) along one axis: m outputs of r taps from n = m + r - 1 inputs, with n multiplications.
#ifndef POLYPHASE_SRC_KERNELS_WINOGRAD_H_
#define POLYPHASE_SRC_KERNELS_WINOGRAD_H_

#include <array>
#include <cstdint>

namespace polyphase::internal {

// The matrices are those of Toom and Cook (A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2016): outputs = A^T ((G weights) * (B^T inputs)), where component j evaluates the polynomials at point a_j, and the
// last one at infinity. The points are 0 and pairs of +-a, so n is even.
constexpr int kMaxWinogradInputs = 8;
constexpr int kMaxWinogradTaps = 5;

// The pairs have these a. Relative to the norm of the output, f32 sums of 256 channels in 2-D have an error of 5e-7
// with n = 4, as the direct form, of 1.5e-6 with n = 6 (3.1e-6 with 1 and 2 or 1 and 1/2) and of 6.2e-6 with n = 8
// (1.9e-5 with 1, sqrt 2 and 1 / sqrt 2; numpy, normal inputs and weights, no FMA).
constexpr std::array<double, kMaxWinogradInputs / 2 - 1> WinogradPairs(int n) {
  constexpr double kSqrt2 = 1.4142135623730951;
  return n == 6 ? std::array<double, 3>{kSqrt2, 1 / kSqrt2, 0} : std::array<double, 3>{1, 2, 0.5};
}

// Returns point a_j, j < n - 1.
constexpr double WinogradPoint(int n, int j) {
  if (j == 0) return 0;
  const double a = WinogradPairs(n)[(j - 1) / 2];
  return j % 2 == 1 ? a : -a;
}

// Returns B^T[j][k]: the coefficient of x^k in the product of all (x - a_l), l != j.
constexpr double WinogradInput(int n, int j, int k) {
  double coefficients[kMaxWinogradInputs] = {1};
  int degree = 0;
  for (int l = 0; l < n - 1; ++l) {
    if (l == j) continue;
    ++degree;
    for (int i = degree; i >= 0; --i) {
      coefficients[i] = (i > 0 ? coefficients[i - 1] : 0) - WinogradPoint(n, l) * coefficients[i];
    }
  }
  return coefficients[k];
}

// Returns whether G[j][tap] is not 0: the component of point 0 depends on the first tap alone, that of infinity on the
// last one.
constexpr bool WinogradReads(int n, int r, int j, int tap) { return j == 0 ? tap == 0 : j < n - 1 || tap == r - 1; }

// Returns G[j][tap].
constexpr double WinogradWeight(int n, int r, int j, int tap) {
  if (n == 1) return 1;
  if (j == n - 1) return tap == r - 1 ? 1 : 0;
  double weight = 1;
  for (int i = 0; i < tap; ++i) weight *= WinogradPoint(n, j);
  for (int l = 0; l < n - 1; ++l) {
    if (l != j) weight /= WinogradPoint(n, j) - WinogradPoint(n, l);
  }
  return weight;
}

// An axis that is transformed or, with n = 1, left alone.
struct WinogradAxis {
  int n = 1, r = 1;

  int m() const { return n - r + 1; }
  bool operator==(const WinogradAxis& other) const { return n == other.n && r == other.r; }
};

// `count` transforms, each of them for `floats` values that follow one another, a multiple of kLineLanes or of the
// lanes of a tile. Steps count floats: input_step from one element of a transform to the next, input_next from one
// transform to the next.
struct WinogradArgs {
  const float* input;
  float* output;
  const float* bias;  // inverse: is added to every output, one per float; null for none
  int64_t floats, count;
  int64_t input_step, output_step;
  int64_t input_next, output_next;
};

using WinogradFn = void (*)(const WinogradArgs& args);

struct WinogradKernels {
  // forward[n / 2] writes the n components of n inputs; n = 1 copies.
  std::array<WinogradFn, kMaxWinogradInputs / 2 + 1> forward;
  // inverse[n / 2][r] writes the m outputs of n components; n = 1 adds the bias.
  std::array<std::array<WinogradFn, kMaxWinogradTaps + 1>, kMaxWinogradInputs / 2 + 1> inverse;
};

WinogradKernels GetWinogradKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_WINOGRAD_H_
