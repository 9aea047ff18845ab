// Computes ConvexUpsample, for every target.
#include "kernels/convex_upsample.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convex_upsample.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/activation-inl.h"
#include "kernels/simd.h"
#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int kTaps = 9;

// Returns 2^x, and 0 from -126.5 on downwards. Requires x <= 0, and keeps a NaN. It takes 10 instructions and a clamp
// where an exponential by DecayOf takes 12, which is 15 % of the time of the op (Zen 1). The largest relative error is
// 1.9e-7.
template <class D, class V>
HWY_INLINE V PowerOf2(D d, V x) {
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits; the 127 turns those bits into the exponent.
  const V bias = hn::Set(d, 0x1.8p23f + 127.0f);
  const V clamped = AtLeast(d, x, -127.0f);
  const V biased = hn::Add(clamped, bias);
  const V scale = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(hn::RebindToUnsigned<D>(), biased)));
  // The polynomial is minimax in relative error with c[0] fixed: 1.1e-7. One degree less would give 2.8e-6.
  constexpr float c[] = {1.0f, 0.693147004f, 0.240222424f, 0.0555073358f, 0.00967151299f, 0.00132647273f};
  return hn::Mul(scale, Polynomial(d, hn::Sub(clamped, hn::Sub(biased, bias)), c));
}

// Computes the lanes [begin, begin + Lanes(d)).
template <bool kPixels, class D>
HWY_INLINE void Combine(D d, const ConvexUpsampleArgs& args, int64_t begin) {
  using V = hn::Vec<D>;
  const float* HWY_RESTRICT mask = args.mask + begin;
  POLYPHASE_VECTORS(V, w, [kTaps]);
#pragma GCC unroll 9
  for (int k = 0; k < kTaps; ++k) w[k] = hn::LoadU(d, mask + k * args.mask_step);
  // The largest logit is that of the largest mask or, with a negative scale, of the smallest. Either may lose a NaN,
  // but the difference from it is a NaN again.
  V largest = w[0];
  if (args.mask_scale < 0) {
#pragma GCC unroll 9
    for (int k = 1; k < kTaps; ++k) largest = hn::Min(largest, w[k]);
  } else {
#pragma GCC unroll 9
    for (int k = 1; k < kTaps; ++k) largest = hn::Max(largest, w[k]);
  }
  // The product is finite, so that a difference of 0 stays 0.
  constexpr float kMost = std::numeric_limits<float>::max();
  const V log2e = hn::Set(d, std::clamp(args.mask_scale * 1.44269504f, -kMost, kMost));
  V sum = hn::Zero(d);
#pragma GCC unroll 9
  for (int k = 0; k < kTaps; ++k) {
    w[k] = PowerOf2(d, hn::Mul(hn::Sub(w[k], largest), log2e));
    sum = hn::Add(sum, w[k]);
  }
  // The weights are divided, and not the results, so that no sum of values is larger than the largest of them.
  const V factor = hn::Div(hn::Set(d, args.scale), sum);
#pragma GCC unroll 9
  for (int k = 0; k < kTaps; ++k) w[k] = hn::Mul(w[k], factor);
  for (int64_t c = 0; c < args.channels; ++c) {
    V result = hn::Zero(d);
#pragma GCC unroll 9
    for (int k = 0; k < kTaps; ++k) {
      const float* value = args.rows[k / 3] + c * args.row_channel_step + k % 3;
      if constexpr (kPixels) {
        result = hn::MulAdd(w[k], hn::LoadU(d, value + begin), result);
      } else {
        result = hn::MulAdd(w[k], hn::Set(d, *value), result);
      }
    }
    hn::StoreU(result, d, args.output + c * args.output_channel_step + begin);
  }
}

// Computes fewer than 2 * kLanes lanes from `begin` on, with one vector per bit of their number.
template <bool kPixels, size_t kLanes>
HWY_INLINE void CombineTail(const ConvexUpsampleArgs& args, int64_t begin) {
  if (((args.lanes - begin) & kLanes) != 0) {
    Combine<kPixels>(hn::CappedTag<float, kLanes>(), args, begin);
    begin += kLanes;
  }
  if constexpr (kLanes > 1) CombineTail<kPixels, kLanes / 2>(args, begin);
}

template <bool kPixels>
void ConvexUpsample(const ConvexUpsampleArgs& args) {
  const hn::CappedTag<float, 16> d;
  const int64_t lanes = hn::Lanes(d);
  constexpr size_t kMost = hn::MaxLanes(decltype(d)());
  int64_t l = 0;
  for (; l + lanes <= args.lanes; l += lanes) {
    if (args.next_mask != nullptr) {
      for (int k = 0; k < kTaps; ++k) hwy::Prefetch(args.next_mask + k * args.mask_step + l);
    }
    Combine<kPixels>(d, args, l);
  }
  if (l == args.lanes) return;
  if (l > 0) return Combine<kPixels>(d, args, args.lanes - lanes);  // computes some lanes twice
  if constexpr (kMost > 1) CombineTail<kPixels, kMost / 2>(args, 0);
}

ConvexUpsampleKernels MakeConvexUpsampleKernels() {
  return ConvexUpsampleKernels{&ConvexUpsample<true>, &ConvexUpsample<false>};
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {
HWY_EXPORT(MakeConvexUpsampleKernels);
ConvexUpsampleKernels GetConvexUpsampleKernels(int64_t target) {
  return POLYPHASE_DISPATCH(MakeConvexUpsampleKernels, target)();
}
}  // namespace polyphase::internal
#endif  // HWY_ONCE
