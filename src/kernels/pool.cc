// Reduces windows, for every target.
#include "kernels/pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kLineLanes>;
using DI = hn::RebindToSigned<D>;
using V = hn::Vec<D>;
using VI = hn::Vec<DI>;

// kTaps is the number of taps, or 0 where it is known only at run time.
template <bool kPositions, int kTaps>
void MaxPixels(const PoolArgs& args) {
  const D d;
  const DI di;
  const int64_t lanes = hn::Lanes(d);
  const PoolArgs local = args;
  const int64_t taps = kTaps > 0 ? kTaps : local.taps;
  for (int64_t p = 0; p < local.pixels; ++p) {
    for (int64_t v = 0; v < kLineLanes; v += lanes) {
      const int64_t source = local.source + p * local.source_step + v;
      float* HWY_RESTRICT value = local.values + p * local.value_step + v;
      int32_t* HWY_RESTRICT position = kPositions ? local.positions + p * kLineLanes + v : nullptr;
      // The first tap takes part twice, which changes nothing.
      V max = local.resume ? hn::LoadU(d, value) : hn::LoadU(d, local.rows[0] + source);
      VI at = hn::Zero(di);
      if constexpr (kPositions) at = local.resume ? hn::LoadU(di, position) : hn::Set(di, local.row_positions[0]);
      for (int64_t r = 0; r < local.row_count; ++r) {
        const float* HWY_RESTRICT x = local.rows[r] + source;
        VI here = hn::Zero(di);
        if constexpr (kPositions) here = hn::Set(di, local.row_positions[r]);
#pragma GCC unroll 4
        for (int64_t t = 0; t < taps; ++t, x += local.tap_step) {
          const V tap = hn::LoadU(d, x);
          const auto better = hn::Or(hn::Gt(tap, max), hn::IsNaN(tap));
          max = hn::IfThenElse(better, tap, max);
          if constexpr (kPositions) {
            at = hn::IfThenElse(hn::RebindMask(di, better), here, at);
            here = hn::Add(here, hn::Set(di, local.tap_position));
          }
        }
      }
      hn::StoreU(max, d, value);
      if constexpr (kPositions) hn::StoreU(at, di, position);
    }
  }
}

template <int kTaps>
void SumPixels(const PoolArgs& args) {
  const D d;
  const int64_t lanes = hn::Lanes(d);
  const PoolArgs local = args;
  const int64_t taps = kTaps > 0 ? kTaps : local.taps;
  const bool divide = local.divisor != 1.0f;
  for (int64_t p = 0; p < local.pixels; ++p) {
    for (int64_t v = 0; v < kLineLanes; v += lanes) {
      const int64_t source = local.source + p * local.source_step + v;
      float* HWY_RESTRICT value = local.values + p * local.value_step + v;
      V sum = local.resume ? hn::LoadU(d, value) : hn::Zero(d);
      for (int64_t r = 0; r < local.row_count; ++r) {
        const float* HWY_RESTRICT x = local.rows[r] + source;
#pragma GCC unroll 4
        for (int64_t t = 0; t < taps; ++t, x += local.tap_step) sum = hn::Add(sum, hn::LoadU(d, x));
      }
      if (divide) sum = hn::Div(sum, hn::Set(d, local.divisor));
      hn::StoreU(sum, d, value);
    }
  }
}

// Most windows have two or three taps in a row. A constant number of taps lets the compiler unroll their loop.
template <bool kPositions>
void Max(const PoolArgs& args) {
  if (args.taps == 2) return MaxPixels<kPositions, 2>(args);
  if (args.taps == 3) return MaxPixels<kPositions, 3>(args);
  MaxPixels<kPositions, 0>(args);
}
void Sum(const PoolArgs& args) {
  if (args.taps == 1) return SumPixels<1>(args);
  if (args.taps == 2) return SumPixels<2>(args);
  if (args.taps == 3) return SumPixels<3>(args);
  SumPixels<0>(args);
}

void Divide(float* HWY_RESTRICT panel, int64_t count, float divisor) {
  const D d;
  const int64_t lanes = hn::Lanes(d);
  const V by = hn::Set(d, divisor);
  for (int64_t i = 0; i < count; i += lanes) hn::StoreU(hn::Div(hn::LoadU(d, panel + i), by), d, panel + i);
}

template <typename T>
void Index(const PoolIndexArgs& args) {
  // d32 has as many lanes as d.
  const hn::CappedTag<T, kLineLanes> d;
  const hn::Rebind<int32_t, decltype(d)> d32;
  const int64_t lanes = hn::Lanes(d);
  const PoolIndexArgs local = args;
  alignas(64) T base[kLineLanes];
  for (int c = 0; c < kLineLanes; ++c) base[c] = static_cast<T>(local.base[c]);
  for (int64_t p = 0; p < local.pixels; ++p) {
    const auto step = hn::Set(d, static_cast<T>(p * local.base_step));
    for (int64_t v = 0; v < kLineLanes; v += lanes) {
      const auto narrow = hn::LoadU(d32, local.positions + p * kLineLanes + v);
      const auto first = hn::Add(hn::Load(d, base + v), step);
      T* HWY_RESTRICT index = static_cast<T*>(local.indices) + p * local.index_step + v;
      if constexpr (sizeof(T) == sizeof(int32_t)) {
        hn::StoreU(hn::Add(first, narrow), d, index);
      } else {
        hn::StoreU(hn::Add(first, hn::PromoteTo(d, narrow)), d, index);
      }
    }
  }
}

PoolKernels MakePoolKernels() {
  return PoolKernels{&Max<false>, &Max<true>, &Sum, &Divide, &Index<int32_t>, &Index<int64_t>};
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {
HWY_EXPORT(MakePoolKernels);
PoolKernels GetPoolKernels(int64_t target) { return POLYPHASE_DISPATCH(MakePoolKernels, target)(); }
}  // namespace polyphase::internal
#endif  // HWY_ONCE
