// The two passes of a separable resize on rows, for every target.
#include "kernels/resize_row.h"

#include <algorithm>
#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resize_row.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/activation-inl.h"
#include "kernels/simd.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kResizeLanes>;

// Two loads and two permutations per vector of a bilinear row: neighbouring outputs read neighbouring sources.
template <int kTaps>
void NearX(const ResizeXArgs& args) {
  const D d;
  const hn::RebindToSigned<D> di;
  const int64_t lanes = hn::Lanes(d);
  for (int64_t o = 0; o < args.count; o += lanes) {
    const int32_t base = args.first[o];
    const auto indices = hn::IndicesFromVec(d, hn::Sub(hn::LoadU(di, args.first + o), hn::Set(di, base)));
    auto sum = hn::TableLookupLanes(hn::LoadU(d, args.source + base), indices);
    if constexpr (kTaps > 1) {
      sum = hn::Mul(sum, hn::LoadU(d, args.weights + o));
      for (int k = 1; k < kTaps; ++k) {
        const auto x = hn::TableLookupLanes(hn::LoadU(d, args.source + base + k), indices);
        sum = hn::MulAdd(x, hn::LoadU(d, args.weights + k * args.weights_stride + o), sum);
      }
    }
    hn::StoreU(sum, d, args.row + o);
  }
}

template <int kTaps>
void FarX(const ResizeXArgs& args) {
  const D d;
  const hn::RebindToSigned<D> di;
  const int64_t lanes = hn::Lanes(d);
  for (int64_t o = 0; o < args.count; o += lanes) {
    const auto indices = hn::LoadU(di, args.first + o);
    auto sum = hn::GatherIndex(d, args.source, indices);
    if constexpr (kTaps > 1) {
      sum = hn::Mul(sum, hn::LoadU(d, args.weights + o));
      for (int k = 1; k < kTaps; ++k) {
        sum = hn::MulAdd(hn::GatherIndex(d, args.source + k, indices),
                         hn::LoadU(d, args.weights + k * args.weights_stride + o), sum);
      }
    }
    hn::StoreU(sum, d, args.row + o);
  }
}

template <int kTaps>
void BlockX(const ResizeXArgs& args) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  for (int64_t o = 0; o < args.count; ++o) {
    const float* source = args.source + int64_t{args.first[o]} * kResizeLanes;
    for (size_t v = 0; v < kResizeLanes; v += lanes) {
      auto sum = hn::LoadU(d, source + v);
      if constexpr (kTaps > 1) {
        sum = hn::Mul(sum, hn::Set(d, args.weights[o]));
        for (int k = 1; k < kTaps; ++k) {
          sum = hn::MulAdd(hn::LoadU(d, source + k * kResizeLanes + v),
                           hn::Set(d, args.weights[k * args.weights_stride + o]), sum);
        }
      }
      hn::StoreU(sum, d, args.row + o * kResizeLanes + v);
    }
  }
}

template <int kTaps>
void ResizeY(const ResizeYArgs& args) {
  WithActivation(*args.epilogue, [&](const auto& activation) HWY_ATTR {
    const D d;
    const hn::CappedTag<float, 1> d1;
    const int64_t lanes = hn::Lanes(d);
    const auto value = [&](auto tag, int64_t i) HWY_ATTR {
      auto sum = hn::LoadU(tag, args.rows[0] + i);
      if constexpr (kTaps > 1) {
        sum = hn::Mul(sum, hn::Set(tag, args.weights[0]));
        for (int k = 1; k < kTaps; ++k) {
          sum = hn::MulAdd(hn::LoadU(tag, args.rows[k] + i), hn::Set(tag, args.weights[k]), sum);
        }
      }
      return activation(tag, sum);
    };
    int64_t i = 0;
    if (args.stream) {
      // Streaming stores must be aligned. Single elements round as vectors do: the same operations, one lane.
      for (; i < args.count && reinterpret_cast<uintptr_t>(args.output + i) % (lanes * sizeof(float)) != 0; ++i) {
        hn::StoreU(value(d1, i), d1, args.output + i);
      }
      for (; i + lanes <= args.count; i += lanes) hn::Stream(value(d, i), d, args.output + i);
    } else {
      for (; i + lanes <= args.count; i += lanes) hn::StoreU(value(d, i), d, args.output + i);
    }
    for (; i < args.count; ++i) hn::StoreU(value(d1, i), d1, args.output + i);
  });
}

ResizeRowKernels MakeResizeRowKernels() {
  return ResizeRowKernels{static_cast<int>(hn::Lanes(D())),
                          {nullptr, &NearX<1>, &NearX<2>, nullptr, &NearX<4>},
                          {nullptr, &FarX<1>, &FarX<2>, nullptr, &FarX<4>},
                          {nullptr, &BlockX<1>, &BlockX<2>, nullptr, &BlockX<4>},
                          {nullptr, &ResizeY<1>, &ResizeY<2>, nullptr, &ResizeY<4>},
                          &hwy::FlushStream};
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {
HWY_EXPORT(MakeResizeRowKernels);
ResizeRowKernels GetResizeRowKernels(int64_t target) { return POLYPHASE_DISPATCH(MakeResizeRowKernels, target)(); }
}  // namespace polyphase::internal
#endif  // HWY_ONCE
