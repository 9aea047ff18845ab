// Computes MaxUnpool by comparison, for every target.
#include "kernels/max_unpool.h"

#include <algorithm>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/max_unpool.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A vector of Elements<T> and one of Words<T> have equally many lanes: whichever are larger fill a vector.
template <typename T>
using Elements = hn::Rebind<T, hn::CappedTag<std::conditional_t<sizeof(T) == 8, int64_t, int32_t>, kLineLanes>>;
template <typename T>
using Words = hn::Rebind<int32_t, Elements<T>>;

template <typename T>
HWY_INLINE hn::Vec<Words<T>> Narrow(hn::Vec<Elements<T>> v) {
  if constexpr (sizeof(T) == sizeof(int32_t)) {
    return v;
  } else {
    const hn::RebindToUnsigned<Elements<T>> du;
    const hn::RebindToUnsigned<Words<T>> du32;
    return hn::BitCast(Words<T>(), hn::TruncateTo(du32, hn::BitCast(du, v)));
  }
}

template <typename T>
int64_t FindTaps(const UnpoolTapArgs& args) {
  const Elements<T> d;
  const Words<T> d32;
  const int64_t lanes = hn::Lanes(d);
  const UnpoolTapArgs local = args;
  alignas(64) T base[kLineLanes];
  for (int i = 0; i < kLineLanes; ++i) base[i] = static_cast<T>(local.base[i]);
  int64_t found = 0;
  for (int64_t p = 0; p < local.pixels; ++p) {
    const auto step = hn::Set(d, static_cast<T>(p * local.base_step));
    const T* HWY_RESTRICT indices = static_cast<const T*>(local.indices) + p * local.index_step;
    int32_t* HWY_RESTRICT taps = local.taps + p * kLineLanes;
    int64_t c = 0;
    // Differences wrap around as sums do, so that any index is compared exactly.
    for (; c + lanes <= local.lanes; c += lanes) {
      const auto position = hn::Sub(hn::Sub(hn::LoadU(d, indices + c), hn::Load(d, base + c)), step);
      auto tap = hn::Set(d, T{-1});
      for (int64_t k = 0; k < local.count; ++k) {
        const auto here = hn::Eq(position, hn::Set(d, static_cast<T>(local.offsets[k])));
        tap = hn::IfThenElse(here, hn::Set(d, static_cast<T>(local.numbers[k])), tap);
      }
      const auto narrow = Narrow<T>(tap);
      found += static_cast<int64_t>(hn::CountTrue(d32, hn::Gt(narrow, hn::Set(d32, -1))));
      hn::StoreU(narrow, d32, taps + c);
    }
    for (; c < local.lanes; ++c) {
      const auto* const end = local.offsets + local.count;
      const auto* const at = std::find_if(local.offsets, end, [&](int64_t offset) {
        return int64_t{indices[c]} == local.base[c] + p * local.base_step + offset;
      });
      taps[c] = at == end ? -1 : local.numbers[at - local.offsets];
      found += at != end;
    }
    std::fill(taps + c, taps + kLineLanes, -1);
  }
  return found;
}

// Returns values[i] in each lane i whose tap is `tap`, and zero in the others.
template <typename T>
HWY_INLINE hn::Vec<Elements<T>> Select(const T* HWY_RESTRICT values, const int32_t* HWY_RESTRICT taps, int64_t tap) {
  const Elements<T> d;
  const Words<T> d32;
  const auto words = hn::LoadU(d32, taps);
  const auto wanted = hn::Set(d, static_cast<T>(tap));
  const auto value = hn::LoadU(d, values);
  if constexpr (sizeof(T) == sizeof(int32_t)) {
    return hn::IfThenElseZero(hn::Eq(words, wanted), value);
  } else if constexpr (sizeof(T) > sizeof(int32_t)) {
    return hn::IfThenElseZero(hn::Eq(hn::PromoteTo(d, words), wanted), value);
  } else {
    return hn::IfThenElseZero(hn::Eq(hn::DemoteTo(d, words), wanted), value);
  }
}

// Each interleaving store writes one vector of pixels. The last one ends with the last whole window and rewrites part
// of the one before it. Returns the number of outputs written.
template <int kKernel, typename T>
int64_t Interleave(const UnpoolSpreadArgs& args) {
  const Elements<T> d;
  const int64_t lanes = hn::Lanes(d);
  const T* HWY_RESTRICT x = static_cast<const T*>(args.values);
  T* HWY_RESTRICT out = static_cast<T*>(args.output);
  const int32_t* HWY_RESTRICT taps = args.taps;
  const int64_t tap = args.first_tap;
  const int64_t pixels = args.outputs / kKernel;
  if (pixels < lanes) return 0;
  for (int64_t begin = 0; begin < pixels; begin += lanes) {
    const int64_t p = std::min(begin, pixels - lanes);
    const auto v0 = Select(x + p, taps + p, tap);
    if constexpr (kKernel == 1) {
      hn::StoreU(v0, d, out + p);
    } else {
      const auto v1 = Select(x + p, taps + p, tap + 1);
      if constexpr (kKernel == 2) {
        hn::StoreInterleaved2(v0, v1, d, out + 2 * p);
      } else {
        const auto v2 = Select(x + p, taps + p, tap + 2);
        if constexpr (kKernel == 3) {
          hn::StoreInterleaved3(v0, v1, v2, d, out + 3 * p);
        } else {
          hn::StoreInterleaved4(v0, v1, v2, Select(x + p, taps + p, tap + 3), d, out + 4 * p);
        }
      }
    }
  }
  return pixels * kKernel;
}

template <typename T>
void SpreadPlanar(const UnpoolSpreadArgs& args) {
  int64_t o = 0;
  if (args.kernel == 1) o = Interleave<1, T>(args);
  if (args.kernel == 2) o = Interleave<2, T>(args);
  if (args.kernel == 3) o = Interleave<3, T>(args);
  if (args.kernel == 4) o = Interleave<4, T>(args);
  const T* HWY_RESTRICT x = static_cast<const T*>(args.values);
  T* HWY_RESTRICT out = static_cast<T*>(args.output);
  for (int64_t p = o / args.kernel; o < args.outputs; ++p) {
    const int64_t end = std::min(o + args.kernel, args.outputs);
    const int64_t hit = o + args.taps[p] - args.first_tap;
    std::fill(out + o, out + end, T{0});
    if (hit >= o && hit < end) out[hit] = x[p];
    o = end;
  }
}

template <typename T>
void SpreadLanes(const UnpoolSpreadArgs& args) {
  const Elements<T> d;
  const int64_t lanes = hn::Lanes(d);
  const UnpoolSpreadArgs local = args;
  for (int64_t p = 0, o = 0; o < local.outputs; ++p) {
    const int64_t end = std::min(o + local.kernel, local.outputs);
    const T* HWY_RESTRICT x = static_cast<const T*>(local.values) + p * local.value_step;
    const int32_t* HWY_RESTRICT taps = local.taps + p * kLineLanes;
    for (int64_t tap = local.first_tap; o < end; ++o, ++tap) {
      T* HWY_RESTRICT out = static_cast<T*>(local.output) + o * local.output_step;
      for (int64_t v = 0; v < kLineLanes; v += lanes) hn::StoreU(Select(x + v, taps + v, tap), d, out + v);
    }
  }
}

MaxUnpoolKernels MakeMaxUnpoolKernels() {
  return MaxUnpoolKernels{
      &FindTaps<int32_t>,
      &FindTaps<int64_t>,
      {&SpreadPlanar<int8_t>, &SpreadPlanar<int16_t>, &SpreadPlanar<int32_t>, &SpreadPlanar<int64_t>},
      {&SpreadLanes<int8_t>, &SpreadLanes<int16_t>, &SpreadLanes<int32_t>, &SpreadLanes<int64_t>}};
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {
HWY_EXPORT(MakeMaxUnpoolKernels);
MaxUnpoolKernels GetMaxUnpoolKernels(int64_t target) { return POLYPHASE_DISPATCH(MakeMaxUnpoolKernels, target)(); }
}  // namespace polyphase::internal
#endif  // HWY_ONCE
