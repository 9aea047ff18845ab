// Resizing of rows of bytes, for every target.
#include "kernels/resize_bytes.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resize_bytes.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/compat-inl.h"
#include "kernels/simd.h"
#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

ResizeBytesKernels MakeResizeBytesKernels() { return {}; }

#else

namespace hn = hwy::HWY_NAMESPACE;

void PermuteBytes(const PermuteBytesArgs& args) {
  const hn::FixedTag<uint8_t, kByteLanes> d;
  const PermuteBytesArgs local = args;
  for (const ByteBlock* block = local.blocks; block != local.blocks + local.count; ++block) {
    const auto bytes = hn::TableLookupBytes(hn::LoadU(d, local.source + block->source), hn::LoadU(d, block->index));
    hn::StoreU(bytes, d, local.output + block->output);
  }
}

// Adds a part's products of 16-bit lanes x and weights to `sum`.
template <class D32, class V16>
HWY_INLINE hn::Vec<D32> AddPairs(D32 d32, V16 x, V16 weights, hn::Vec<D32> sum) {
  return hn::Add(MulPairs(d32, x, weights), sum);
}

// Returns the rounded sum, before it is clamped.
template <int kParts, class D32>
HWY_INLINE hn::Vec<D32> EndFixed(D32, const Vectors<hn::Vec<D32>, kParts>& sums, int precision) {
  auto sum = sums[0];
  if constexpr (kParts == 2) sum = hn::Add(sum, hn::ShiftLeft<kFixedShift>(sums[1]));
  return hn::ShiftRightSame(sum, precision);
}

template <int kParts, bool kOneWeight>
void FixedX(const FixedXArgs& args) {
  const hn::FixedTag<uint8_t, 16> d8;
  const hn::FixedTag<int16_t, 8> d16;
  const hn::FixedTag<int32_t, 4> d32;
  const hn::Rebind<uint8_t, decltype(d32)> d_store;
  using V32 = hn::Vec<decltype(d32)>;
  const FixedXArgs local = args;
  constexpr int64_t kWeights = kOneWeight ? 2 : 8;
  const auto half = hn::Set(d32, int32_t{1} << (local.precision - 1));
  for (const FixedBlock* block = local.blocks; block != local.blocks + local.count; ++block) {
    const auto index = hn::LoadU(d8, block->index);
    POLYPHASE_VECTORS(V32, sums, [kFixedRows][kParts]);
#pragma GCC unroll 4
    for (int r = 0; r < kFixedRows; ++r) {
      sums[r][0] = half;
      if constexpr (kParts == 2) sums[r][1] = hn::Zero(d32);
    }
    const int16_t* HWY_RESTRICT w = local.weights + block->weights;
    int64_t source = block->source;
    for (int32_t p = block->pairs; p > 0; --p, source += 2 * local.pixel) {
      POLYPHASE_VECTORS(hn::Vec<decltype(d16)>, weights, [kParts]);
#pragma GCC unroll 2
      for (int part = 0; part < kParts; ++part, w += kWeights) {
        if constexpr (kOneWeight) {
          int32_t pair;
          std::memcpy(&pair, w, sizeof(pair));
          weights[part] = hn::BitCast(d16, hn::Set(d32, pair));
        } else {
          weights[part] = hn::LoadU(d16, w);
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < kFixedRows; ++r) {
        const auto x = hn::BitCast(d16, hn::TableLookupBytesOr0(hn::LoadU(d8, local.sources[r] + source), index));
#pragma GCC unroll 2
        for (int part = 0; part < kParts; ++part) sums[r][part] = AddPairs(d32, x, weights[part], sums[r][part]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kFixedRows; ++r) {
      const auto sum = EndFixed<kParts>(d32, sums[r], local.precision);
      hn::StoreU(hn::DemoteTo(d_store, sum), d_store, local.outputs[r] + block->output);
    }
  }
}

// Sums one vector of bytes of all rows, in four vectors of 32-bit lanes.
template <int kParts, class D8>
HWY_INLINE void FixedColumn(D8 d8, const FixedYArgs& args, int64_t i) {
  const hn::Repartition<int16_t, D8> d16;
  const hn::Repartition<int32_t, D8> d32;
  const auto zero = hn::Zero(d8);
  POLYPHASE_VECTORS(hn::Vec<decltype(d32)>, sums, [4][kParts]);
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    sums[v][0] = hn::Set(d32, int32_t{1} << (args.precision - 1));
    if constexpr (kParts == 2) sums[v][1] = hn::Zero(d32);
  }
  for (int64_t p = 0; p < args.pairs; ++p) {
    const auto a = hn::LoadU(d8, args.rows[2 * p] + i);
    const auto b = hn::LoadU(d8, args.rows[2 * p + 1] + i);
    const auto lower = hn::InterleaveLower(d8, a, b);
    const auto upper = hn::InterleaveUpper(d8, a, b);
    POLYPHASE_VECTORS(hn::Vec<decltype(d16)>, x, [4]);
    x[0] = hn::BitCast(d16, hn::InterleaveLower(d8, lower, zero));
    x[1] = hn::BitCast(d16, hn::InterleaveUpper(d8, lower, zero));
    x[2] = hn::BitCast(d16, hn::InterleaveLower(d8, upper, zero));
    x[3] = hn::BitCast(d16, hn::InterleaveUpper(d8, upper, zero));
#pragma GCC unroll 2
    for (int part = 0; part < kParts; ++part) {
      const auto weights = hn::BitCast(d16, hn::Set(d32, args.weights[p * kParts + part]));
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) sums[v][part] = AddPairs(d32, x[v], weights, sums[v][part]);
    }
  }
  POLYPHASE_VECTORS(hn::Vec<decltype(d32)>, rounded, [4]);
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) rounded[v] = EndFixed<kParts>(d32, sums[v], args.precision);
  hn::StoreU(DemoteFour(d8, rounded[0], rounded[1], rounded[2], rounded[3]), d8, args.output + i);
}

template <int kParts>
void FixedY(const FixedYArgs& args) {
  const hn::CappedTag<uint8_t, 64> d;
  const hn::FixedTag<uint8_t, kByteLanes> d_tail;
  const int64_t lanes = hn::Lanes(d);
  const FixedYArgs local = args;
  int64_t i = 0;
  for (; i + lanes <= local.count; i += lanes) FixedColumn<kParts>(d, local, i);
  for (; i < local.count; i += kByteLanes) {
    FixedColumn<kParts>(d_tail, local, std::min(i, local.count - kByteLanes));  // the last one ends with the row
  }
}

ResizeBytesKernels MakeResizeBytesKernels() {
  return ResizeBytesKernels{&PermuteBytes,
                            {{&FixedX<1, false>, &FixedX<2, false>}, {&FixedX<1, true>, &FixedX<2, true>}},
                            {&FixedY<1>, &FixedY<2>}};
}

#endif  // HWY_SCALAR

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {
HWY_EXPORT(MakeResizeBytesKernels);
ResizeBytesKernels GetResizeBytesKernels(int64_t target) {
  return POLYPHASE_DISPATCH(MakeResizeBytesKernels, target)();
}
}  // namespace polyphase::internal
#endif  // HWY_ONCE
