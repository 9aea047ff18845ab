// Computes the activations on vectors, for every kernel that ends in an epilogue. Each target includes this file once.
//
// Every lane goes through the same operations, so that a tail of one lane has the bits of a full vector. A NaN stays a
// NaN: comparisons that decide on x are written so that a NaN selects x, and Min and Max, which may lose a NaN, only
// take values that are combined with x afterwards. At infinity every function has its limit (silu, gelu and hard-swish
// of -inf are zeros, where PyTorch has NaNs), except that a slope of 0 times -inf is a NaN, as in PyTorch.
//
// Sigmoid, tanh, silu and both gelus share one exponential. It replaces Highway's Exp and Tanh, which cover inputs that
// do not occur here and take 35 and 47 instructions of AVX3 in a loop; OnePlusExp and Tanh below take 20 and 24. The
// errors stated below are the largest over all 2^32 values and over AVX3, AVX2, SSE4, SSSE3 and scalar code
// (tests/kernels/activation_test.cc).
#if defined(POLYPHASE_SRC_KERNELS_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLYPHASE_SRC_KERNELS_ACTIVATION_INL_H_
#undef POLYPHASE_SRC_KERNELS_ACTIVATION_INL_H_
#else
#define POLYPHASE_SRC_KERNELS_ACTIVATION_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/activation.h"
#include "polyphase/epilogue.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// AtLeast is max(x, lo) and AtMost is min(x, hi), but they keep a NaN. That takes one instruction more than Max and
// Min.
template <class D, class V>
HWY_INLINE V AtLeast(D d, V x, float lo) {
  return hn::IfThenElse(hn::Lt(x, hn::Set(d, lo)), hn::Set(d, lo), x);
}
template <class D, class V>
HWY_INLINE V AtMost(D d, V x, float hi) {
  return hn::IfThenElse(hn::Gt(x, hn::Set(d, hi)), hn::Set(d, hi), x);
}

// Returns c[0] + c[1] x + c[2] x^2 + ...
template <class D, class V, int kCount>
HWY_INLINE V Polynomial(D d, V x, const float (&c)[kCount]) {
  V sum = hn::Set(d, c[kCount - 1]);
  for (int i = kCount - 2; i >= 0; --i) sum = hn::MulAdd(sum, x, hn::Set(d, c[i]));
  return sum;
}

// Represents exp(-x) as scale * (1 - r * ratio), where the scale is a power of 2, r at most log(2) / 2 in magnitude and
// the ratio (1 - exp(-r)) / r. Requires -89 <= x <= 88, and keeps a NaN. The scale is 0 from x = 87.69 on and infinity
// below -88.37, so that the functions made of it reach their limits there.
template <class D, class V>
HWY_INLINE void DecayOf(D d, V x, V& scale, V& r, V& ratio) {
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits; the 127 turns those bits into the exponent of
  // 2^n.
  const V bias = hn::Set(d, 0x1.8p23f + 127.0f);
  const V biased = hn::MulAdd(x, hn::Set(d, -1.44269504f), bias);
  const V n = hn::Sub(biased, bias);
  scale = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(hn::RebindToUnsigned<D>(), biased)));
  // r is x + n * log(2). log(2) is split into two parts so that the product of n and the first is exact.
  r = hn::MulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::MulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  // The polynomial is minimax in relative error with c[0] fixed: 1.4e-8. One degree less would give 4.5e-7.
  constexpr float c[] = {1.0f, -0.49999997f, 0.166665465f, -0.041667439f, 0.00836625602f, -0.00138703175f};
  ratio = Polynomial(d, r, c);
}

// Returns 1 + exp(-x), for the x that DecayOf takes.
template <class D, class V>
HWY_INLINE V OnePlusExp(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  V scale, r, ratio;
  DecayOf(d, x, scale, r, ratio);
  return hn::MulAdd(scale, hn::NegMulAdd(r, ratio, one), one);
}

// The largest relative error is 1.6e-7. Results that should be denormal, below x = -87.3, may be 0.
template <class D, class V>
HWY_INLINE V Sigmoid(D d, V x) {
  return hn::Div(hn::Set(d, 1.0f), OnePlusExp(d, AtMost(d, AtLeast(d, x, -89.0f), 88.0f)));
}

// Computes y / (2 - y) with y = 1 - exp(-2 |x|). Nothing cancels in it: y = scale * r * ratio + (1 - scale), and the
// scale is 1 where x is small. The largest relative error is 2.2e-7. The function is odd to the bit.
template <class D, class V>
HWY_INLINE V Tanh(D d, V x) {
  const V magnitude = AtMost(d, hn::Abs(x), 10.0f);
  V scale, r, ratio;
  DecayOf(d, hn::Add(magnitude, magnitude), scale, r, ratio);
  const V y = hn::MulAdd(scale, hn::Mul(r, ratio), hn::Sub(hn::Set(d, 1.0f), scale));
  return hn::CopySign(hn::Div(y, hn::Sub(hn::Set(d, 2.0f), y)), x);
}

// The largest error is 1.2e-7 |x|, and 1.8e-7 relative down to x = -87.
template <class D, class V>
HWY_INLINE V Silu(D d, V x) {
  const V y = AtLeast(d, x, -89.0f);
  return hn::Div(y, OnePlusExp(d, hn::Min(y, hn::Set(d, 88.0f))));
}

// Computes x * sigmoid(u) with u = 2 * sqrt(2 / pi) * (x + 0.044715 * x^3), which is -88.7 at the lower bound of y. The
// largest error is 1.3e-7 |x|, and 1.3e-5 relative down to x = -9.9, where the rounding of u shows.
template <class D, class V>
HWY_INLINE V GeluTanh(D d, V x) {
  const V y = AtLeast(d, x, -10.06f);
  const V u = hn::Mul(y, hn::MulAdd(hn::Mul(y, y), hn::Set(d, 0.0713548163f), hn::Set(d, 1.59576912f)));
  return hn::Div(y, OnePlusExp(d, hn::Min(u, hn::Set(d, 88.0f))));
}

// Computes relu(x) - v * erfc(sqrt(2) * v) with v = |x| / 2. The erfc is exp(-v * P(v)), where P is minimax on 0 <= v
// <= 6.535 such that erfc / 2 has an absolute error below 5.1e-8 and a relative one below 0.5 %. At the upper bound of
// v the exponential is 0. This takes 28 instructions and no division. The erf as a quotient of polynomials in x^2 would
// take about 18, one of them a division, but would get no digit of the negative tail right. The largest error is 1.4e-7
// |x|, and 0.51 % relative down to x = -12.9.
template <class D, class V>
HWY_INLINE V Gelu(D d, V x) {
  constexpr float c[] = {1.59577703f,    1.27305484f,     0.292085201f,   -0.08140257f,     0.0078049209f,
                         0.00452784728f, -0.00220787665f, 0.00043980006f, -4.27456398e-05f, 1.65259064e-06f};
  const V one = hn::Set(d, 1.0f);
  const V v = hn::Min(hn::Mul(hn::Abs(x), hn::Set(d, 0.5f)), hn::Set(d, 6.53f));
  V scale, r, ratio;
  DecayOf(d, hn::Mul(v, Polynomial(d, v, c)), scale, r, ratio);
  const V erfc = hn::Mul(scale, hn::NegMulAdd(r, ratio, one));
  return hn::NegMulAdd(v, erfc, hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x));
}

// The sum is exact next to -3, where its difference from 0 counts. From 3 on the result is x, without overflow. The
// largest error is 1.4e-7 |x|, and 1.8e-7 relative.
template <class D, class V>
HWY_INLINE V HardSwish(D d, V x) {
  const V y = AtLeast(d, x, -3.0f);
  const V six_times = hn::Min(hn::Add(y, hn::Set(d, 3.0f)), hn::Set(d, 6.0f));
  return hn::Mul(y, hn::Mul(six_times, hn::Set(d, 1.0f / 6.0f)));
}

template <class D, class V>
HWY_INLINE V LeakyRelu(D d, V x, V slope) {
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(x, slope), x);
}

// Calls body(f), where f(d, x, slope) is the activation of the lanes of x. Only kPRelu reads the slopes, one per lane.
template <class Body>
HWY_INLINE void WithActivation(Activation activation, const ActivationParameters& parameters, const Body& body) {
  switch (activation) {
    case Activation::kNone: return body([](auto, auto x, auto) HWY_ATTR { return x; });
    case Activation::kRelu:
      return body([](auto d, auto x, auto) HWY_ATTR { return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x); });
    case Activation::kLeakyRelu:
      return body([slope = parameters.negative_slope](auto d, auto x, auto)
                      HWY_ATTR { return LeakyRelu(d, x, hn::Set(d, slope)); });
    case Activation::kClamp:
      return body([lower = parameters.lower, upper = parameters.upper](auto d, auto x, auto)
                      HWY_ATTR { return AtMost(d, AtLeast(d, x, lower), upper); });
    case Activation::kPRelu: return body([](auto d, auto x, auto slope) HWY_ATTR { return LeakyRelu(d, x, slope); });
    case Activation::kSigmoid: return body([](auto d, auto x, auto) HWY_ATTR { return Sigmoid(d, x); });
    case Activation::kTanh: return body([](auto d, auto x, auto) HWY_ATTR { return Tanh(d, x); });
    case Activation::kSilu: return body([](auto d, auto x, auto) HWY_ATTR { return Silu(d, x); });
    case Activation::kGelu: return body([](auto d, auto x, auto) HWY_ATTR { return Gelu(d, x); });
    case Activation::kGeluTanh: return body([](auto d, auto x, auto) HWY_ATTR { return GeluTanh(d, x); });
    case Activation::kHardSwish: return body([](auto d, auto x, auto) HWY_ATTR { return HardSwish(d, x); });
  }
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
