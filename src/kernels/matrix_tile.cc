// Computes matrix tiles on every target, out of f32 multiply-adds, and splits their operands into parts.
#include "kernels/matrix_tile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/checked_math.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matrix_tile.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/conv_tile-inl.h"
#include "kernels/simd.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kLineLanes>;
using V = hn::Vec<D>;

// These tiles serve tests, and callers who want the arithmetic of another machine: 8 sums, 8 more for small products,
// and 2 operands fit into the registers of every target but for a few moves.
constexpr int kPixels = 4;
constexpr int kVectors = 2;

// Each lane of 32 bits is a pair of bf16 numbers.
template <class DI>
HWY_INLINE V OddOf(DI d32, hn::Vec<DI> pairs) {
  return hn::BitCast(D(), hn::And(pairs, hn::Set(d32, 0xFFFF0000u)));
}
template <class DI>
HWY_INLINE V EvenOf(DI, hn::Vec<DI> pairs) {
  return hn::BitCast(D(), hn::ShiftLeft<16>(pairs));
}

HWY_INLINE hn::Mask<D> IsFiniteLane(V v) {
  const hn::RebindToUnsigned<D> d32;
  const hn::RebindToSigned<D> di;
  const auto magnitude = hn::BitCast(di, hn::And(hn::BitCast(d32, v), hn::Set(d32, 0x7FFFFFFF)));
  return hn::RebindMask(D(), hn::Lt(magnitude, hn::Set(di, 0x7F800000)));
}

template <int kParts, int kP, int kV>
void MatrixTile(const ConvTileArgs& args) {
  const D d;
  const hn::RebindToUnsigned<D> d32;
  const size_t lanes = hn::Lanes(d);
  // Sum 0 is that of the largest products, sum 1 that of the others.
  constexpr int kSums = kParts > 1 ? 2 : 1;
  V acc[kSums][kP][kV];
  for (int p = 0; p < kP; ++p) {
    for (int v = 0; v < kV; ++v) {
      acc[0][p][v] = hn::LoadU(d, static_cast<const float*>(args.bias) + v * lanes);
      acc[kSums - 1][p][v] = kSums > 1 ? hn::Zero(d) : acc[0][p][v];
    }
  }
  // Adds the products of `pairs` pairs of one part of the inputs and one of the weights.
  const auto add = [&](V(&sums)[kP][kV], const char* line, const uint32_t* w, int64_t pairs) HWY_ATTR {
    for (int64_t k = 0; k < pairs; ++k, w += kV * lanes) {
      V odd[kV], even[kV];
      for (int v = 0; v < kV; ++v) {
        const auto wv = hn::LoadU(d32, w + v * lanes);
        odd[v] = OddOf(d32, wv);
        even[v] = EvenOf(d32, wv);
      }
      for (int p = 0; p < kP; ++p) {
        uint32_t pair;
        std::memcpy(&pair, line + p * kLineBytes + k * sizeof(pair), sizeof(pair));
        const auto x = hn::Set(d32, pair);
        const V x_odd = OddOf(d32, x);
        const V x_even = EvenOf(d32, x);
        for (int v = 0; v < kV; ++v) {
          sums[p][v] = hn::MulAdd(x_even, even[v], hn::MulAdd(x_odd, odd[v], sums[p][v]));
        }
      }
    }
  };
  ForEachTap(args, [&](const char* line, const char* weights) HWY_ATTR {
    auto w = reinterpret_cast<const uint32_t*>(weights);
    for (int64_t left = args.channels; left > 0; left -= kSplitChannels) {
      const int64_t pairs = (std::min(left, kSplitChannels) + 1) / 2;
      const int64_t part = pairs * static_cast<int64_t>(kV * lanes);
      for (int sum = kParts - 1; sum >= 0; --sum) {
        for (int i = 0; i <= sum; ++i) {
          add(acc[sum == 0 ? 0 : kSums - 1], line + i * args.input_step_block, w + (sum - i) * part, pairs);
        }
      }
      line += kParts * args.input_step_block;
      w += kParts * part;
    }
  });
  for (int p = 0; p < kP; ++p) {
    float* const sums = reinterpret_cast<float*>(static_cast<char*>(args.sums) + p * args.sums_step);
    for (int v = 0; v < kV; ++v) {
      V sum = acc[0][p][v];
      if constexpr (kSums > 1) sum = hn::IfThenElse(IsFiniteLane(acc[1][p][v]), hn::Add(sum, acc[1][p][v]), sum);
      hn::StoreU(sum, d, sums + v * lanes);
    }
  }
}

template <int kParts>
void SplitPixels(const float* panel, int64_t pixels, Line* lines, int64_t pixel_step, int64_t part_step) {
  const D d;
  const hn::RebindToUnsigned<D> d32;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<uint16_t, D> d16;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto upper = hn::Set(d32, 0xFFFF0000u);
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t c = 0; c < kSplitChannels; c += lanes) {
      V left = hn::LoadU(d, panel + p * kSplitChannels + c);
      const auto magnitude = hn::BitCast(di, hn::And(hn::BitCast(d32, left), hn::Set(d32, 0x7FFFFFFF)));
      const auto cut = hn::RebindMask(d32, hn::Gt(magnitude, hn::Set(di, kLargestRounded)));
      const auto nan = hn::RebindMask(d32, hn::Gt(magnitude, hn::Set(di, 0x7F800000)));
      // A NaN keeps a bit that says so.
      auto quiet = hn::IfThenElseZero(nan, hn::Set(d32, 0x400000));
      const auto finite = IsFiniteLane(left);
      for (int part = 0; part < kParts; ++part) {
        const auto bits = hn::Or(hn::BitCast(d32, left), quiet);
        const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
        const auto up = hn::IfThenZeroElse(cut, hn::Add(odd, hn::Set(d32, 0x7FFF)));
        const auto rounded = hn::Add(bits, up);
        auto* const line = reinterpret_cast<uint16_t*>(lines + part * part_step + p * pixel_step);
        hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, hn::ShiftRight<16>(rounded))), d16, line + c);
        if (part + 1 == kParts) break;
        // What is left of an infinity or a NaN is 0.
        left = hn::IfThenElseZero(finite, hn::Sub(left, hn::BitCast(d, hn::And(rounded, upper))));
        quiet = hn::Zero(d32);
      }
    }
  }
}

template <int kParts, int kV, int... kP>
void FillTiles(ConvTile* tile, std::integer_sequence<int, kP...>) {
  ((tile->run[kV - 1][kP] = &MatrixTile<kParts, kP + 1, kV>), ...);
}

template <int kParts>
void MakeTiles(MatrixTiles* matrix) {
  ConvTile tile{};
  tile.input = tile.weights = DataType::kBF16;
  tile.sums = DataType::kF32;
  tile.lanes = static_cast<int>(hn::Lanes(D()));
  tile.mr = kPixels;
  tile.nr = kVectors * tile.lanes;
  tile.kr = 2;
  tile.parts = kParts;
  tile.cost = tile.granule = 1;
  FillTiles<kParts, 1>(&tile, std::make_integer_sequence<int, kPixels>());
  FillTiles<kParts, 2>(&tile, std::make_integer_sequence<int, kPixels>());
  matrix->tiles[kParts - 1] = tile;
  matrix->split[kParts - 1] = &SplitPixels<kParts>;
}

MatrixTiles MakeMatrixTiles() {
  MatrixTiles matrix{};
  MakeTiles<1>(&matrix);
  MakeTiles<2>(&matrix);
  MakeTiles<3>(&matrix);
  return matrix;
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {
namespace {

bool IsCut(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<int32_t>(bits & 0x7FFFFFFF) > kLargestRounded;
}

}  // namespace

void SplitNumber(float value, int parts, uint16_t* to, int64_t part_step) {
  const bool finite = std::isfinite(value);
  const bool cut = IsCut(value);
  for (int part = 0; part < parts; ++part, to += part_step) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    if (!cut) bits += 0x7FFF + (bits >> 16 & 1);
    if (value != value) bits |= 0x400000;
    bits &= 0xFFFF0000u;
    *to = static_cast<uint16_t>(bits >> 16);
    float rounded;
    std::memcpy(&rounded, &bits, sizeof(rounded));
    value = finite ? value - rounded : 0.0f;
  }
}

namespace {

// Packs a multiple of kChannels channels of each line.
template <int kParts, int64_t kChannels>
void* PackPairs(const WeightBlock& block, int64_t width, void* packed) {
  auto* to = static_cast<uint16_t*>(packed);
  for (int64_t first = 0; first < block.rows; first += kSplitChannels) {
    const int64_t pairs = RoundUp(std::min(block.rows - first, kSplitChannels), kChannels) / 2;
    const int64_t part_step = pairs * width * 2;
    for (int64_t r = 0; r < pairs * 2; ++r) {
      const float* const source = block.source + (first + r) * block.row_step;
      for (int64_t c = 0; c < width; ++c) {
        const bool exists = first + r < block.rows && c < block.columns && block.offsets[c] >= 0;
        SplitNumber(exists ? source[block.offsets[c]] : 0.0f, kParts, to + (r / 2 * width + c) * 2 + r % 2, part_step);
      }
    }
    to += kParts * part_step;
  }
  return to;
}

}  // namespace

HWY_EXPORT(MakeMatrixTiles);
MatrixTiles GetMatrixTiles(int64_t target, Bf16Unit unit) {
  MatrixTiles matrix = POLYPHASE_DISPATCH(MakeMatrixTiles, target)();
  const auto pack = [&matrix](auto channels) {
    matrix.tiles[0].pack = &PackPairs<1, decltype(channels)::value>;
    matrix.tiles[1].pack = &PackPairs<2, decltype(channels)::value>;
    matrix.tiles[2].pack = &PackPairs<3, decltype(channels)::value>;
  };
  pack(std::integral_constant<int64_t, 2>());
  if (unit == Bf16Unit::kNone || matrix.tiles[0].lanes != kLineLanes || !HasAvx512Bf16()) return matrix;
  UseAvx512Bf16(&matrix);
  if (unit == Bf16Unit::kVectors || !HasAmx()) return matrix;
  UseAmx(&matrix);
  pack(std::integral_constant<int64_t, kSplitChannels>());
  return matrix;
}

}  // namespace polyphase::internal
#endif  // HWY_ONCE
