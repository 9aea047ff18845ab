// Applies the transforms of Winograd's convolution along one axis, for every target.
#include "kernels/winograd.h"

#include <utility>

#include "base/line.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd.h"
#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kLineLanes>;
using V = hn::Vec<D>;

// Returns sum + factor * x, where the factor is a constant of the matrices, and most of these are 0 or +-1.
template <class Factor>
HWY_INLINE V AddTimes(Factor, V x, V sum) {
  constexpr auto kFactor = static_cast<float>(Factor::Value());
  if constexpr (kFactor == 0.0f) return sum;
  if constexpr (kFactor == 1.0f) return hn::Add(sum, x);
  if constexpr (kFactor == -1.0f) return hn::Sub(sum, x);
  return hn::MulAdd(x, hn::Set(D(), kFactor), sum);
}

template <int kN, int kRow, int kColumn>
struct InputFactor {
  static constexpr double Value() { return WinogradInput(kN, kRow, kColumn); }
};

// The power of a pair's point.
template <int kN, int kPair, int kPower>
struct OutputFactor {
  static constexpr double Value() {
    double power = 1;
    for (int i = 0; i < kPower; ++i) power *= WinogradPairs(kN)[kPair];
    return power;
  }
};

// Returns the sum of B^T[kRow][k] * x[k] over k = kFirst, kFirst - 2, ..., without the zeros.
template <int kN, int kRow, int kFirst>
HWY_INLINE V Combine(const Vectors<V, kN>& x) {
  constexpr auto kFactor = static_cast<float>(WinogradInput(kN, kRow, kFirst));
  if constexpr (kFactor == 0.0f) {
    return Combine<kN, kRow, kFirst - 2>(x);
  } else {
    V sum = kFactor == 1.0f ? x[kFirst] : hn::Mul(x[kFirst], hn::Set(D(), kFactor));
    if constexpr (kFirst >= 2) sum = AddTimes(InputFactor<kN, kRow, kFirst - 2>(), x[kFirst - 2], sum);
    if constexpr (kFirst >= 4) sum = AddTimes(InputFactor<kN, kRow, kFirst - 4>(), x[kFirst - 4], sum);
    if constexpr (kFirst >= 6) sum = AddTimes(InputFactor<kN, kRow, kFirst - 6>(), x[kFirst - 6], sum);
    return sum;
  }
}

// The rows of a pair +-a have the same even coefficients and opposite odd ones. Row 0 is even, the last one odd.
template <int kN, int... kPair>
HWY_INLINE void ForwardOne(const Vectors<V, kN>& x, const WinogradArgs& args, float* output,
                           std::integer_sequence<int, kPair...>) {
  const D d;
  const auto pair = [&](auto even, auto odd, int row) HWY_ATTR {
    hn::StoreU(hn::Add(even, odd), d, output + row * args.output_step);
    hn::StoreU(hn::Sub(even, odd), d, output + (row + 1) * args.output_step);
  };
  hn::StoreU(Combine<kN, 0, kN - 2>(x), d, output);
  (pair(Combine<kN, 2 * kPair + 1, kN - 2>(x), Combine<kN, 2 * kPair + 1, kN - 1>(x), 2 * kPair + 1), ...);
  hn::StoreU(Combine<kN, kN - 1, kN - 1>(x), d, output + (kN - 1) * args.output_step);
}

template <int kN>
void Forward(const WinogradArgs& args) {
  const D d;
  for (int64_t i = 0; i < args.count; ++i) {
    const float* const input = args.input + i * args.input_next;
    float* const output = args.output + i * args.output_next;
    for (int64_t f = 0; f < args.floats; f += static_cast<int64_t>(hn::Lanes(d))) {
      if constexpr (kN == 1) {
        hn::StoreU(hn::LoadU(d, input + f), d, output + f);
      } else {
        POLYPHASE_VECTORS(V, x, [kN]);
#pragma GCC unroll 8
        for (int k = 0; k < kN; ++k) x[k] = hn::LoadU(d, input + f + k * args.input_step);
        ForwardOne<kN>(x, args, output + f, std::make_integer_sequence<int, kN / 2 - 1>());
      }
    }
  }
}

// Returns output i: the components of a pair +-a enter with a^i times their sum where i is even, and their difference
// where it is odd.
template <int kN, int kM, int kI, int... kPair>
HWY_INLINE V OutputOf(V sum, const Vectors<V, kN>& x, const Vectors<V, kN / 2 - 1>& sums,
                      const Vectors<V, kN / 2 - 1>& differences, std::integer_sequence<int, kPair...>) {
  if constexpr (kI == 0) sum = hn::Add(sum, x[0]);
  if constexpr (kI == kM - 1) sum = hn::Add(sum, x[kN - 1]);
  const auto& terms = kI % 2 == 0 ? sums : differences;
  ((sum = AddTimes(OutputFactor<kN, kPair, kI>(), terms[kPair], sum)), ...);
  return sum;
}

template <int kN, int kM, int... kI>
HWY_INLINE void InverseOne(V bias, const Vectors<V, kN>& x, const WinogradArgs& args, float* output,
                           std::integer_sequence<int, kI...>) {
  POLYPHASE_VECTORS(V, sums, [kN / 2 - 1]);
  POLYPHASE_VECTORS(V, differences, [kN / 2 - 1]);
#pragma GCC unroll 4
  for (int p = 0; p < kN / 2 - 1; ++p) {
    sums[p] = hn::Add(x[2 * p + 1], x[2 * p + 2]);
    differences[p] = hn::Sub(x[2 * p + 1], x[2 * p + 2]);
  }
  constexpr auto kPairs = std::make_integer_sequence<int, kN / 2 - 1>();
  (hn::StoreU(OutputOf<kN, kM, kI>(bias, x, sums, differences, kPairs), D(), output + kI * args.output_step), ...);
}

template <int kN, int kR>
void Inverse(const WinogradArgs& args) {
  const D d;
  constexpr int kM = kN - kR + 1;
  for (int64_t i = 0; i < args.count; ++i) {
    const float* const input = args.input + i * args.input_next;
    float* const output = args.output + i * args.output_next;
    for (int64_t f = 0; f < args.floats; f += static_cast<int64_t>(hn::Lanes(d))) {
      const V bias = args.bias == nullptr ? hn::Zero(d) : hn::LoadU(d, args.bias + f);
      if constexpr (kN == 1) {
        hn::StoreU(hn::Add(bias, hn::LoadU(d, input + f)), d, output + f);
      } else {
        POLYPHASE_VECTORS(V, x, [kN]);
#pragma GCC unroll 8
        for (int k = 0; k < kN; ++k) x[k] = hn::LoadU(d, input + f + k * args.input_step);
        InverseOne<kN, kM>(bias, x, args, output + f, std::make_integer_sequence<int, kM>());
      }
    }
  }
}

template <int kN, int... kR>
void FillInverse(WinogradKernels* kernels, std::integer_sequence<int, kR...>) {
  // Fewer than two outputs of an axis save nothing.
  const auto fill = [&](auto r) HWY_ATTR {
    if constexpr (kN - r() + 1 >= 2) kernels->inverse[kN / 2][r()] = &Inverse<kN, r()>;
  };
  (fill(std::integral_constant<int, kR + 2>()), ...);
}

WinogradKernels MakeWinogradKernels() {
  WinogradKernels kernels{};
  kernels.forward = {&Forward<1>, nullptr, &Forward<4>, &Forward<6>, &Forward<8>};
  kernels.inverse[0][1] = &Inverse<1, 1>;
  constexpr auto kTaps = std::make_integer_sequence<int, kMaxWinogradTaps - 1>();
  FillInverse<4>(&kernels, kTaps);
  FillInverse<6>(&kernels, kTaps);
  FillInverse<8>(&kernels, kTaps);
  return kernels;
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {

HWY_EXPORT(MakeWinogradKernels);
WinogradKernels GetWinogradKernels(int64_t target) { return POLYPHASE_DISPATCH(MakeWinogradKernels, target)(); }

}  // namespace polyphase::internal
#endif  // HWY_ONCE
