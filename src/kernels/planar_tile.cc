// Computes the register tiles that have pixels in lanes, for every target.
#include "kernels/planar_tile.h"

#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/planar_tile.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd.h"
#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kLineLanes>;
using V = hn::Vec<D>;

// A tile keeps its sums in this many registers at most. The others hold the vectors of a tap, or its weights, whichever
// are fewer, and one of the other kind.
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3) || HWY_ARCH_ARM_A64
constexpr int kSums = 24;
#else
constexpr int kSums = 12;
#endif

constexpr int VectorsOf(int columns) {
  return kSums / columns < kMaxPlanarTileVectors ? kSums / columns : kMaxPlanarTileVectors;
}

template <int kC, int kV>
void Tile(const PlanarTileArgs& args) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  POLYPHASE_VECTORS(V, acc, [kC][kV]);
#pragma GCC unroll 16
  for (int c = 0; c < kC; ++c) {
#pragma GCC unroll 16
    for (int v = 0; v < kV; ++v) acc[c][v] = hn::Set(d, args.bias[c]);
  }
  const float* input = args.input;
  const float* weights = args.weights;
  const PlanarTap* const taps_end = args.taps + args.tap_count;
  for (int64_t channel = args.channels; channel > 0; --channel) {
    for (const ptrdiff_t* row = args.rows; row != args.rows + args.row_count; ++row) {
#pragma GCC unroll 16
      for (size_t i = 0; i <= kV * lanes; i += kLineLanes) hwy::Prefetch(input + args.input_step + *row + i);
    }
    for (const PlanarTap* tap = args.taps; tap != taps_end; ++tap) {
      const float* HWY_RESTRICT x = input + tap->input;
      const float* HWY_RESTRICT w = weights + tap->weights;
      if constexpr (kC <= kV) {
        POLYPHASE_VECTORS(V, wv, [kC]);
#pragma GCC unroll 16
        for (int c = 0; c < kC; ++c) wv[c] = hn::Set(d, w[c]);
#pragma GCC unroll 16
        for (int v = 0; v < kV; ++v) {
          const V xv = hn::LoadU(d, x + v * lanes);
#pragma GCC unroll 16
          for (int c = 0; c < kC; ++c) acc[c][v] = hn::MulAdd(xv, wv[c], acc[c][v]);
        }
      } else {
        POLYPHASE_VECTORS(V, xv, [kV]);
#pragma GCC unroll 16
        for (int v = 0; v < kV; ++v) xv[v] = hn::LoadU(d, x + v * lanes);
#pragma GCC unroll 16
        for (int c = 0; c < kC; ++c) {
          const V wv = hn::Set(d, w[c]);
#pragma GCC unroll 16
          for (int v = 0; v < kV; ++v) acc[c][v] = hn::MulAdd(xv[v], wv, acc[c][v]);
        }
      }
    }
    input += args.input_step;
    weights += args.weights_step;
  }
#pragma GCC unroll 16
  for (int c = 0; c < kC; ++c) {
#pragma GCC unroll 16
    for (int v = 0; v < kV; ++v) hn::StoreU(acc[c][v], d, args.sums + c * args.sums_step + v * lanes);
  }
}

template <int kC, int... kV>
void FillVectors(PlanarTile* tile, std::integer_sequence<int, kV...>) {
  ((tile->run[kC - 1][kV] = &Tile<kC, kV + 1>), ...);
  tile->vectors[kC - 1] = VectorsOf(kC);
}

template <int... kC>
void FillColumns(PlanarTile* tile, std::integer_sequence<int, kC...>) {
  (FillVectors<kC + 1>(tile, std::make_integer_sequence<int, VectorsOf(kC + 1)>()), ...);
}

PlanarTile MakePlanarTile() {
  PlanarTile tile{};
  tile.input = tile.weights = tile.sums = DataType::kF32;
  tile.lanes = tile.kr = tile.parts = 1;
  tile.cost = tile.granule = 1;
  tile.mr = static_cast<int>(hn::Lanes(D()));
  tile.nr = kMaxPlanarTileColumns;
  FillColumns(&tile, std::make_integer_sequence<int, kMaxPlanarTileColumns>());
  return tile;
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {
HWY_EXPORT(MakePlanarTile);
PlanarTile GetPlanarTile(int64_t target) {
  PlanarTile tile = POLYPHASE_DISPATCH(MakePlanarTile, target)();
  tile.pack = &PackRows;
  return tile;
}
}  // namespace polyphase::internal
#endif  // HWY_ONCE
