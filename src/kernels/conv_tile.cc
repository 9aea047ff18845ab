// Computes the register tiles of all dense ops, for every target.
#include "kernels/conv_tile.h"

#include <array>
#include <type_traits>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv_tile.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/conv_tile-inl.h"
#include "kernels/simd.h"
#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kLineLanes>;
using V = hn::Vec<D>;

// A tile takes kPixels * kVectors accumulators, kVectors weights and one broadcast input, all in registers.
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3) || HWY_ARCH_ARM_A64
constexpr int kPixels = 14;  // 28 + 2 + 1 of 32
#else
// These take 12 + 2 + 1 of 16. Tiles of 4 pixels x 3 vectors (12 + 3 + 1) lost 10 to 17 % on Zen 4 (AVX2). Unrolling
// over channels gained nothing.
constexpr int kPixels = 6;
#endif
constexpr int kVectors = 2;
// Weights are prefetched this many floats ahead. A tile streams its weights from L2, where prefetching gains 5 to 7 %
// of layers of 256 channels and more (Sapphire Rapids, AVX-512; nothing on Zen 4). Passes over parts of the channels,
// whose weights stay in L1 while the pixels of a panel pass, lost 0 to 6 % instead.
constexpr int kPrefetch = 512;

HWY_INLINE float* SumsOf(const ConvTileArgs& args, int pixel) {
  return reinterpret_cast<float*>(static_cast<char*>(args.sums) + pixel * args.sums_step);
}

template <int kP, int kV>
void DenseTile(const ConvTileArgs& args) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  POLYPHASE_VECTORS(V, acc, [kP][kV]);
#pragma GCC unroll 16
  for (int p = 0; p < kP; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < kV; ++v) acc[p][v] = hn::LoadU(d, static_cast<const float*>(args.bias) + v * lanes);
  }
  ForEachTap(args, [&](const char* input, const char* weights) POLYPHASE_VECTORS_ATTR {
    auto x = reinterpret_cast<const float*>(input);
    auto w = reinterpret_cast<const float*>(weights);
    for (int64_t left = args.channels; left > 0; left -= kLineLanes) {
      const int64_t count = left < kLineLanes ? left : kLineLanes;
      for (int64_t c = 0; c < count; ++c) {
        POLYPHASE_VECTORS(V, wv, [kV]);
#pragma GCC unroll 4
        for (int v = 0; v < kV; ++v) {
          wv[v] = hn::LoadU(d, w + v * lanes);
          hwy::Prefetch(w + v * lanes + kPrefetch);
        }
        w += kV * lanes;
#pragma GCC unroll 16
        for (int p = 0; p < kP; ++p) {
          const V xv = hn::Set(d, x[p * kLineLanes + c]);
#pragma GCC unroll 4
          for (int v = 0; v < kV; ++v) acc[p][v] = hn::MulAdd(xv, wv[v], acc[p][v]);
        }
      }
      x = reinterpret_cast<const float*>(reinterpret_cast<const char*>(x) + args.input_step_block);
    }
  });
#pragma GCC unroll 16
  for (int p = 0; p < kP; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < kV; ++v) hn::StoreU(acc[p][v], d, SumsOf(args, p) + v * lanes);
  }
}

// A row keeps the weights of this many taps in registers, beside a bias and kRowPixels sums, and passes over its sums
// again for each further so many.
constexpr int kPassTaps = 9;
constexpr int kRowPixels = 4;

struct PassTaps {
  int count = 0;
  const char* input[kPassTaps];
  const float* weights[kPassTaps];
};

// Sums the taps of a pass for all pixels of all rows, beginning with the biases or, after the first pass, with the
// sums.
template <int kTaps, bool kFirst>
void DepthwisePass(const PassTaps& taps, const ConvTileArgs& args) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  for (size_t lane = 0; lane < kLineLanes; lane += lanes) {
    const V bias = hn::LoadU(d, static_cast<const float*>(args.bias) + lane);
    const char* input[kTaps + 1];
    POLYPHASE_VECTORS(V, w, [kTaps + 1]);
#pragma GCC unroll 16
    for (int t = 0; t < kTaps; ++t) {
      input[t] = taps.input[t] + lane * sizeof(float);
      w[t] = hn::LoadU(d, taps.weights[t] + lane);
    }
    char* row = static_cast<char*>(args.sums) + lane * sizeof(float);
    for (int64_t left_rows = args.rows; left_rows > 0; --left_rows, row += args.sums_step_row) {
      char* sums = row;
      ptrdiff_t at = 0;
      const auto run = [&](auto count) POLYPHASE_VECTORS_ATTR {
        constexpr int kP = decltype(count)::value;
        POLYPHASE_VECTORS(V, acc, [kP]);
#pragma GCC unroll 16
        for (int p = 0; p < kP; ++p) {
          acc[p] = kFirst ? bias : hn::LoadU(d, reinterpret_cast<const float*>(sums + p * args.sums_step));
        }
#pragma GCC unroll 16
        for (int t = 0; t < kTaps; ++t) {
#pragma GCC unroll 16
          for (int p = 0; p < kP; ++p) {
            acc[p] =
                hn::MulAdd(hn::LoadU(d, reinterpret_cast<const float*>(input[t] + at + p * kLineBytes)), w[t], acc[p]);
          }
        }
#pragma GCC unroll 16
        for (int p = 0; p < kP; ++p) hn::StoreU(acc[p], d, reinterpret_cast<float*>(sums + p * args.sums_step));
        at += kP * kLineBytes;
        sums += kP * args.sums_step;
      };
      int64_t left = args.pixels;
      for (; left >= kRowPixels; left -= kRowPixels) run(std::integral_constant<int, kRowPixels>());
      for (; left > 0; --left) run(std::integral_constant<int, 1>());
#pragma GCC unroll 16
      for (int t = 0; t < kTaps; ++t) input[t] += args.input_step_row;
    }
  }
}

using DepthwisePassFn = void (*)(const PassTaps& taps, const ConvTileArgs& args);

template <bool kFirst, int... kTaps>
constexpr std::array<DepthwisePassFn, kPassTaps + 1> DepthwisePasses(std::integer_sequence<int, kTaps...>) {
  return {&DepthwisePass<kTaps, kFirst>...};
}

void RunDepthwiseRow(const ConvTileArgs& args) {
  using Counts = std::make_integer_sequence<int, kPassTaps + 1>;
  static constexpr std::array<DepthwisePassFn, kPassTaps + 1> kPasses[] = {DepthwisePasses<false>(Counts()),
                                                                           DepthwisePasses<true>(Counts())};
  PassTaps taps;
  bool first = true;
  const auto pass = [&] {
    kPasses[first ? 1 : 0][static_cast<size_t>(taps.count)](taps, args);
    first = false;
    taps.count = 0;
  };
  ForEachTap(args, [&](const char* input, const char* weights) {
    if (taps.count == kPassTaps) pass();
    taps.input[taps.count] = input;
    taps.weights[taps.count++] = reinterpret_cast<const float*>(weights);
  });
  if (first || taps.count > 0) pass();
}

template <int kV, int... kP>
void FillDense(ConvTile* tile, std::integer_sequence<int, kP...>) {
  ((tile->run[kV - 1][kP] = &DenseTile<kP + 1, kV>), ...);
}

template <int... kV>
void FillAllDense(ConvTile* tile, std::integer_sequence<int, kV...>) {
  (FillDense<kV + 1>(tile, std::make_integer_sequence<int, kPixels>()), ...);
}

alignas(kLineBytes) constexpr float kNoBias[kVectors * kLineLanes] = {};

ConvTileKernels MakeConvTileKernels() {
  ConvTileKernels kernels{};
  const int lanes = static_cast<int>(hn::Lanes(D()));
  ConvTile tile{};
  tile.input = tile.weights = tile.sums = DataType::kF32;
  tile.lanes = lanes;
  tile.mr = kPixels;
  tile.nr = kVectors * lanes;
  tile.kr = tile.parts = 1;
  tile.cost = tile.granule = 1;
  kernels.dense = tile;
  FillAllDense(&kernels.dense, std::make_integer_sequence<int, kVectors>());
  static_cast<TileFormat&>(kernels.depthwise) = tile;
  kernels.depthwise.lanes = kernels.depthwise.nr = kLineLanes;
  kernels.depthwise.mr = kRowPixels;
  kernels.depthwise.run = &RunDepthwiseRow;
  kernels.no_bias = kNoBias;
  return kernels;
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {

void* PackRows(const WeightBlock& block, int64_t width, void* packed) {
  float* row = static_cast<float*>(packed);
  for (int64_t r = 0; r < block.rows; ++r, row += width) {
    const float* const source = block.source + r * block.row_step;
    for (int64_t c = 0; c < width; ++c) {
      row[c] = c < block.columns && block.offsets[c] >= 0 ? source[block.offsets[c]] : 0.0f;
    }
  }
  return row;
}

HWY_EXPORT(MakeConvTileKernels);
ConvTileKernels GetConvTileKernels(int64_t target) {
  ConvTileKernels kernels = POLYPHASE_DISPATCH(MakeConvTileKernels, target)();
  kernels.dense.pack = kernels.depthwise.pack = &PackRows;
  return kernels;
}

}  // namespace polyphase::internal
#endif  // HWY_ONCE
