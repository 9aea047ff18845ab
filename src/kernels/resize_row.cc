// The two passes of a separable resize on rows, for every target.
#include "kernels/resize_row.h"

#include <algorithm>
#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resize_row.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/compat-inl.h"
#include "kernels/simd.h"
#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kLineLanes>;
using V = hn::Vec<D>;
using VI = hn::Vec<hn::RebindToSigned<D>>;

// Kernels copy operands out of `args` first: a vector store may alias anything, so the compiler would reload them after
// each.

// Sums the taps of one vector, where fetch(k) gives the sources of tap k and weight(k) their weights. A single tap has
// weight 1.
template <int kTaps, class Fetch, class Weight>
HWY_INLINE hn::Vec<D> WeightedSum(const Fetch& fetch, const Weight& weight) {
  auto sum = fetch(0);
  if constexpr (kTaps > 1) {
    sum = hn::Mul(sum, weight(0));
#pragma GCC unroll 4
    for (int k = 1; k < kTaps; ++k) sum = hn::MulAdd(fetch(k), weight(k), sum);
  }
  return sum;
}

// A single tap has no weights, to whose null pointer nothing may be added.
template <int kTaps>
HWY_INLINE const float* WeightsAt(const ResizeXArgs& args, int64_t at) {
  return kTaps == 1 ? nullptr : args.weights + at;
}

// Permutes the lanes of kVectors vectors that lie one after the other in memory.
template <int kVectors>
HWY_INLINE V Permute(D d, const float* HWY_RESTRICT x, VI lane) {
  if constexpr (kVectors == 1) {
    return hn::TableLookupLanes(hn::LoadU(d, x), hn::IndicesFromVec(d, lane));
  } else {
    const int64_t lanes = hn::Lanes(d);
    const V lower = PermuteTwo(d, hn::LoadU(d, x), hn::LoadU(d, x + lanes), lane);
    if constexpr (kVectors == 2) {
      return lower;
    } else {
      const hn::RebindToSigned<D> di;
      const V upper = PermuteTwo(d, hn::LoadU(d, x + 2 * lanes), hn::LoadU(d, x + 3 * lanes), lane);
      const auto is_lower = hn::Lt(lane, hn::Set(di, static_cast<int32_t>(2 * lanes)));
      return hn::IfThenElse(hn::RebindMask(d, is_lower), lower, upper);
    }
  }
}

// Permutes for each tap of a vector, since neighbouring outputs read neighbouring sources. kTaps is 0 for windows.
template <int kTaps, int kVectors, bool kOneLoad>
void NearX(const ResizeXArgs& args) {
  const D d;
  const hn::RebindToSigned<D> di;
  const int64_t lanes = hn::Lanes(d);
  const ResizeXArgs local = args;
  const int64_t step = local.weights_stride;
  const int64_t end = local.end;
  // Without the attribute, GCC 12 makes a call for each vector, which takes 1.2 times as long (SSE4).
  const auto run = [&](int64_t o, int64_t table) HWY_ATTR __attribute__((always_inline)) {
    const float* HWY_RESTRICT x = local.source + local.base[static_cast<uint64_t>(o) / 4];
    const float* HWY_RESTRICT w = WeightsAt<kTaps>(local, table);
    const auto relative =
        hn::Sub(hn::LoadU(di, local.first + table), hn::Set(di, local.base[static_cast<uint64_t>(table) / 4]));
    if constexpr (kTaps == 0) {
      V sum = hn::Zero(d);
      for (int64_t k = 0; k < local.taps; ++k, x += local.pixel, w += step) {
        const auto weight = hn::LoadU(d, w);
        const auto value = Permute<kVectors>(d, x, relative);
        sum = hn::MulAdd(hn::IfThenElseZero(hn::Ne(weight, hn::Zero(d)), value), weight, sum);
      }
      hn::StoreU(sum, d, local.row + o);
    } else {
      const auto loaded = hn::LoadU(d, x);
      const auto indices = hn::IndicesFromVec(d, kVectors == 1 ? relative : hn::Zero(di));
      const auto fetch = [&](int k) HWY_ATTR {
        if constexpr (kOneLoad) {
          const auto lane = hn::Add(relative, hn::Set(di, static_cast<int32_t>(k * local.pixel)));
          return hn::TableLookupLanes(loaded, hn::IndicesFromVec(d, lane));
        } else if constexpr (kVectors == 1) {
          return hn::TableLookupLanes(hn::LoadU(d, x + k * local.pixel), indices);
        } else {
          return Permute<kVectors>(d, x + k * local.pixel, relative);
        }
      };
      const auto sum = WeightedSum<kTaps>(fetch, [&](int k) HWY_ATTR { return hn::LoadU(d, w + k * step); });
      hn::StoreU(sum, d, local.row + o);
    }
  };
  int64_t o = local.begin;
  const int64_t periodic_begin = local.periodic_begin;
  const int64_t periodic_stop = std::min(local.periodic_end, end);
  for (; o < std::min(periodic_begin, end); o += lanes) run(o, o);
  if constexpr (kOneLoad) {
    if (local.period == lanes && o < periodic_stop) {
      // All tables stay in registers: each vector takes a load, a permutation and a multiply-add per tap, and a store.
      POLYPHASE_VECTORS(VI, relative, [kTaps]);
      POLYPHASE_VECTORS(V, weights, [kTaps]);
#pragma GCC unroll 4
      for (int k = 0; k < kTaps; ++k) {
        const auto lane = hn::Set(di, static_cast<int32_t>(k * local.pixel - local.base[periodic_begin / 4]));
        relative[k] = hn::Add(hn::LoadU(di, local.first + periodic_begin), lane);
        weights[k] = kTaps > 1 ? hn::LoadU(d, local.weights + periodic_begin + k * step) : hn::Set(d, 1.0f);
      }
      for (; o < periodic_stop; o += lanes) {
        const auto loaded = hn::LoadU(d, local.source + local.base[static_cast<uint64_t>(o) / 4]);
        const auto sum = WeightedSum<kTaps>(
            [&](int k) HWY_ATTR { return hn::TableLookupLanes(loaded, hn::IndicesFromVec(d, relative[k])); },
            [&](int k) HWY_ATTR { return weights[k]; });
        hn::StoreU(sum, d, local.row + o);
      }
    }
  }
  if (o < periodic_stop) {
    for (int64_t table = periodic_begin + (o - periodic_begin) % local.period; o < periodic_stop; o += lanes) {
      run(o, table);
      table += lanes;
      if (table == periodic_begin + local.period) table = periodic_begin;
    }
  }
  for (; o < end; o += lanes) run(o, o);
}

template <int kTaps>
void FarX(const ResizeXArgs& args) {
  const D d;
  const hn::RebindToSigned<D> di;
  const int64_t lanes = hn::Lanes(d);
  const ResizeXArgs local = args;
  const int64_t step = local.weights_stride;
  for (int64_t o = local.begin; o < local.end; o += lanes) {
    const float* HWY_RESTRICT x = local.source;
    const float* HWY_RESTRICT w = WeightsAt<kTaps>(local, o);
    const auto indices = hn::LoadU(di, local.first + o);
    const auto sum = WeightedSum<kTaps>([&](int k) HWY_ATTR { return Gather(d, x + k * local.pixel, indices); },
                                        [&](int k) HWY_ATTR { return hn::LoadU(d, w + k * step); });
    hn::StoreU(sum, d, local.row + o);
  }
}

// Computes pixels of up to kShortPixel floats, each in one vector. Its last lanes belong to the next pixel, which
// overwrites them. kTaps is 0 for windows.
template <int kTaps>
void ShortX(const ResizeXArgs& args) {
  const hn::CappedTag<float, kShortPixel> d;
  const ResizeXArgs local = args;
  const int64_t step = local.weights_stride;
  for (int64_t o = local.begin; o < local.end; o += local.pixel) {
    const float* HWY_RESTRICT x = local.source + local.first[o];
    const float* HWY_RESTRICT w = WeightsAt<kTaps>(local, o);
    auto sum = hn::Zero(d);
    if constexpr (kTaps == 0) {
      for (int64_t k = 0; k < local.taps; ++k, x += local.pixel, w += step) {
        const auto weight = hn::LoadU(d, w);
        const auto value = hn::IfThenElseZero(hn::Ne(weight, hn::Zero(d)), hn::LoadU(d, x));
        sum = hn::MulAdd(value, weight, sum);
      }
    } else {
      sum = hn::LoadU(d, x);
      if constexpr (kTaps > 1) {
        sum = hn::Mul(sum, hn::LoadU(d, w));
#pragma GCC unroll 4
        for (int k = 1; k < kTaps; ++k) {
          sum = hn::MulAdd(hn::LoadU(d, x + k * local.pixel), hn::LoadU(d, w + k * step), sum);
        }
      }
    }
    hn::StoreU(sum, d, local.row + o);
  }
}

// `pixel` is the number of floats per pixel. The type that is a constant of kLineLanes is up to 1.5 times faster than a
// number.
template <int kTaps, bool kStream, typename Pixel>
HWY_INLINE void PixelsX(const ResizeXArgs& args, Pixel pixel) {
  const D d;
  const int64_t lanes = hn::Lanes(d);
  const ResizeXArgs local = args;
  const int64_t step = local.weights_stride;
  for (int64_t o = local.begin; o < local.end; ++o) {
    const float* HWY_RESTRICT w = WeightsAt<kTaps>(local, o);
    for (int64_t begin = 0; begin < pixel; begin += lanes) {
      const int64_t v = std::min(begin, pixel - lanes);  // the last vector ends with the pixel
      const float* HWY_RESTRICT x = local.source + local.first[o] * pixel + v;
      const auto sum = WeightedSum<kTaps>([&](int k) HWY_ATTR { return hn::LoadU(d, x + k * pixel); },
                                          [&](int k) HWY_ATTR { return hn::Set(d, w[k * step]); });
      float* const to = local.row + o * pixel + v;
      kStream ? hn::Stream(sum, d, to) : hn::StoreU(sum, d, to);
    }
  }
}

template <int kTaps, bool kStream>
HWY_INLINE void AnyPixelsX(const ResizeXArgs& args) {
  if (args.pixel == kLineLanes) {
    PixelsX<kTaps, kStream>(args, std::integral_constant<int64_t, kLineLanes>());
  } else {
    PixelsX<kTaps, kStream>(args, args.pixel);
  }
}

template <int kTaps>
void BlockX(const ResizeXArgs& args) {
  const int64_t lanes = hn::Lanes(D());
  // Streaming stores must be aligned.
  const bool aligned = args.pixel % lanes == 0 && reinterpret_cast<uintptr_t>(args.row) % (lanes * sizeof(float)) == 0;
  const bool stream = args.stream && aligned;
  stream ? AnyPixelsX<kTaps, true>(args) : AnyPixelsX<kTaps, false>(args);
}

template <int kTaps, int kRows, bool kAdd>
HWY_INLINE void SumRows(const ResizeYArgs& args) {
  const D d;
  const hn::CappedTag<float, 1> d1;
  const int64_t lanes = hn::Lanes(d);
  const ResizeYArgs local = args;
  const int64_t count = local.count;
  // Computes element i of all output rows, in vectors of type `tag`.
  const auto run = [&](auto tag, int64_t i, const auto& store) HWY_ATTR {
    using VTag = hn::Vec<decltype(tag)>;
    POLYPHASE_VECTORS(VTag, x, [kTaps]);
#pragma GCC unroll 4
    for (int k = 0; k < kTaps; ++k) x[k] = hn::LoadU(tag, local.rows[k] + i);
#pragma GCC unroll 2
    for (int r = 0; r < kRows; ++r) {
      VTag sum = x[0];
      if constexpr (kTaps > 1) {
        sum = hn::Mul(sum, hn::Set(tag, local.weights[r][0]));
#pragma GCC unroll 4
        for (int k = 1; k < kTaps; ++k) sum = hn::MulAdd(x[k], hn::Set(tag, local.weights[r][k]), sum);
      }
      if constexpr (kAdd) sum = hn::Add(sum, hn::LoadU(tag, local.residuals[r] + i));
      store(sum, tag, local.outputs[r] + i);
    }
  };
  const auto store = [](auto v, auto tag, float* output) HWY_ATTR { hn::StoreU(v, tag, output); };
  int64_t i = 0;
  if (local.stream) {
    // Streaming stores must be aligned in each row. Single elements take the same operations in one lane, so they round
    // as vectors do.
    const auto misaligned = [&](int r) {
      return reinterpret_cast<uintptr_t>(local.outputs[r] + i) % (lanes * sizeof(float)) != 0;
    };
    while (i < count && misaligned(0)) run(d1, i++, store);
    if (kRows == 1 || !misaligned(kRows - 1)) {
      for (; i + lanes <= count; i += lanes) {
        run(d, i, [](auto v, auto tag, float* output) HWY_ATTR { hn::Stream(v, tag, output); });
      }
    }
  }
  for (; i + lanes <= count; i += lanes) run(d, i, store);
  for (; i < count; ++i) run(d1, i, store);
}

template <int kTaps, int kRows>
void ResizeY(const ResizeYArgs& args) {
  args.residuals[0] == nullptr ? SumRows<kTaps, kRows, false>(args) : SumRows<kTaps, kRows, true>(args);
}

// ---- Windows

// Sums windows in f32.
struct FloatSum {
  using Lane = float;
  explicit FloatSum(int) {}
  template <class Tag>
  HWY_INLINE hn::Vec<Tag> Begin(Tag d) const {
    return hn::Zero(d);
  }
  template <class Tag>
  HWY_INLINE hn::Vec<Tag> Add(Tag d, hn::Vec<Tag> x, float weight, hn::Vec<Tag> sum) const {
    return hn::MulAdd(x, hn::Set(d, weight), sum);
  }
  template <class Tag>
  HWY_INLINE hn::Vec<Tag> End(Tag, hn::Vec<Tag> sum) const {
    return sum;
  }
};

// Sums windows in fixed point and rounds to whole numbers from 0 to 255.
struct FixedSum {
  using Lane = int32_t;
  explicit FixedSum(int bits) : precision(bits), half(bits > 0 ? int32_t{1} << (bits - 1) : 0) {}
  template <class Tag>
  HWY_INLINE hn::Vec<Tag> Begin(Tag d) const {
    return hn::Set(d, half);
  }
  template <class Tag>
  HWY_INLINE hn::Vec<Tag> Add(Tag d, hn::Vec<Tag> x, int32_t weight, hn::Vec<Tag> sum) const {
    return hn::Add(hn::Mul(x, hn::Set(d, weight)), sum);
  }
  template <class Tag>
  HWY_INLINE hn::Vec<Tag> End(Tag d, hn::Vec<Tag> sum) const {
    return hn::Min(hn::Max(hn::ShiftRightSame(sum, precision), hn::Zero(d)), hn::Set(d, 255));
  }

  int precision;
  int32_t half;
};

template <class Sum>
void WindowX(const WindowXArgs& args) {
  using Lane = typename Sum::Lane;
  const hn::CappedTag<Lane, kLineLanes> d;
  const int64_t lanes = hn::Lanes(d);
  const WindowXArgs local = args;
  const Sum arithmetic(local.precision);
  const int64_t pixel_lanes = local.vectors * kLineLanes;
  for (int64_t o = local.begin; o < local.end; ++o) {
    const Lane* HWY_RESTRICT w = static_cast<const Lane*>(local.weights) + o * local.stride;
    const Lane* HWY_RESTRICT pixel = static_cast<const Lane*>(local.source) + local.first[o] * pixel_lanes;
    Lane* HWY_RESTRICT row = static_cast<Lane*>(local.row) + o * pixel_lanes;
    const int64_t taps = local.count[o];
    for (int64_t v = 0; v < pixel_lanes; v += lanes) {
      auto sum = arithmetic.Begin(d);
      for (int64_t k = 0; k < taps; ++k) sum = arithmetic.Add(d, hn::LoadU(d, pixel + k * pixel_lanes + v), w[k], sum);
      hn::StoreU(arithmetic.End(d, sum), d, row + v);
    }
  }
}

// Sums kVectors vectors of each row at a time, so that as many sums do not wait for one another.
template <int kVectors, class Sum, class Tag>
HWY_INLINE void WindowColumn(Tag d, const WindowYArgs& args, const Sum& arithmetic, int64_t i) {
  using Lane = typename Sum::Lane;
  const int64_t lanes = hn::Lanes(d);
  const Lane* weights = static_cast<const Lane*>(args.weights);
  POLYPHASE_VECTORS(hn::Vec<Tag>, sums, [kVectors]);
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) sums[v] = arithmetic.Begin(d);
  for (int64_t k = 0; k < args.taps; ++k) {
    const Lane* row = static_cast<const Lane*>(args.rows[k]) + i;
    const Lane weight = weights[k];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[v] = arithmetic.Add(d, hn::LoadU(d, row + v * lanes), weight, sums[v]);
  }
  Lane* output = static_cast<Lane*>(args.output) + i;
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) hn::StoreU(arithmetic.End(d, sums[v]), d, output + v * lanes);
}

template <class Sum>
void WindowY(const WindowYArgs& args) {
  const hn::CappedTag<typename Sum::Lane, kLineLanes> d;
  const hn::CappedTag<typename Sum::Lane, 1> d1;
  const int64_t lanes = hn::Lanes(d);
  const WindowYArgs local = args;
  const Sum arithmetic(local.precision);
  int64_t i = 0;
  for (; i + 4 * lanes <= local.count; i += 4 * lanes) WindowColumn<4>(d, local, arithmetic, i);
  for (; i + lanes <= local.count; i += lanes) WindowColumn<1>(d, local, arithmetic, i);
  for (; i < local.count; ++i) WindowColumn<1>(d1, local, arithmetic, i);
}

ResizeRowKernels MakeResizeRowKernels() {
  return ResizeRowKernels{
      static_cast<int>(hn::Lanes(D())),
      {nullptr, &NearX<1, 1, true>, &NearX<2, 1, true>, nullptr, &NearX<4, 1, true>},
      {{&NearX<0, 1, false>, &NearX<1, 1, false>, &NearX<2, 1, false>, nullptr, &NearX<4, 1, false>},
       {&NearX<0, 2, false>, &NearX<1, 2, false>, &NearX<2, 2, false>, nullptr, &NearX<4, 2, false>},
       {&NearX<0, 4, false>, &NearX<1, 4, false>, &NearX<2, 4, false>, nullptr, &NearX<4, 4, false>}},
      {nullptr, &FarX<1>, &FarX<2>, nullptr, &FarX<4>},
      {&ShortX<0>, &ShortX<1>, &ShortX<2>, nullptr, &ShortX<4>},
      {nullptr, &BlockX<1>, &BlockX<2>, nullptr, &BlockX<4>},
      {{nullptr, &ResizeY<1, 1>, &ResizeY<2, 1>, nullptr, &ResizeY<4, 1>},
       {nullptr, &ResizeY<1, 2>, &ResizeY<2, 2>, nullptr, &ResizeY<4, 2>}},
      {&WindowX<FloatSum>, &WindowX<FixedSum>},
      {&WindowY<FloatSum>, &WindowY<FixedSum>}};
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {
HWY_EXPORT(MakeResizeRowKernels);
ResizeRowKernels GetResizeRowKernels(int64_t target) { return POLYPHASE_DISPATCH(MakeResizeRowKernels, target)(); }
}  // namespace polyphase::internal
#endif  // HWY_ONCE
