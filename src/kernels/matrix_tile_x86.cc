// Computes matrix tiles with AVX512_BF16, which Highway 1.0 has not. This is the one kernel file without Highway: its
// functions carry the instruction sets that they need, and run where HasAvx512Bf16 has found these.
#include <algorithm>
#include <utility>

#include "kernels/matrix_tile.h"

#if defined(__x86_64__) && (defined(__clang__) ? __clang_major__ >= 9 : __GNUC__ >= 10)
#define POLYPHASE_AVX512_BF16 1
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace polyphase::internal {
#ifdef POLYPHASE_AVX512_BF16
namespace {

#define POLYPHASE_BF16_ATTR __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

// A tile has at most 28 sums in registers, beside 2 vectors of weights and a broadcast pair of channels. With several
// parts half of them are those of small products. Tiles of 7x4, 6x4, 9x3, 8x3, 10x2 and 12x2 ran at the same 2.00 times
// the peak of f32 multiply-adds (operands in L1 and L2, Zen 4).
constexpr int Pixels(int parts) { return parts == 1 ? 14 : 7; }
constexpr int kVectors = 2;
// Weights are prefetched this many bytes ahead, as those of f32 tiles are.
constexpr int kPrefetch = 2048;
constexpr int kNotFinite = 0x99;  // VFPCLASSPS: NaNs and infinities

template <int kParts, int kP, int kV>
POLYPHASE_BF16_ATTR void Bf16Tile(const ConvTileArgs& args) {
  constexpr int kSums = kParts > 1 ? 2 : 1;
  __m512 acc[kSums][kP][kV];
#pragma GCC unroll 16
  for (int p = 0; p < kP; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < kV; ++v) {
      acc[0][p][v] = _mm512_loadu_ps(static_cast<const float*>(args.bias) + v * kLineLanes);
      if constexpr (kSums > 1) acc[1][p][v] = _mm512_setzero_ps();
    }
  }
  for (int64_t tz = 0; tz < args.taps_z; ++tz) {
    for (int64_t ty = 0; ty < args.taps_y; ++ty) {
      for (int64_t tx = 0; tx < args.taps_x; ++tx) {
        const char* line = static_cast<const char*>(args.input) + tz * args.input_step_z + ty * args.input_step_y +
                           tx * args.input_step_x;
        const char* w = static_cast<const char*>(args.weights) + tz * args.weights_step_z + ty * args.weights_step_y +
                        tx * args.weights_step_x;
        for (int64_t left = args.channels; left > 0; left -= kSplitChannels) {
          const int64_t pairs = (std::min(left, kSplitChannels) + 1) / 2;
          const int64_t part = pairs * kV * kLineBytes;
#pragma GCC unroll 3
          for (int sum = kParts - 1; sum >= 0; --sum) {
#pragma GCC unroll 3
            for (int i = 0; i <= sum; ++i) {
              const char* const x = line + i * args.input_step_block;
              const char* const wj = w + (sum - i) * part;
              for (int64_t k = 0; k < pairs; ++k) {
                __m512i wv[kV];
#pragma GCC unroll 4
                for (int v = 0; v < kV; ++v) {
                  wv[v] = _mm512_loadu_si512(wj + (k * kV + v) * kLineBytes);
                  __builtin_prefetch(wj + (k * kV + v) * kLineBytes + kPrefetch);
                }
#pragma GCC unroll 16
                for (int p = 0; p < kP; ++p) {
                  int pair;
                  __builtin_memcpy(&pair, x + p * kLineBytes + k * sizeof(pair), sizeof(pair));
                  const __m512i xv = _mm512_set1_epi32(pair);
#pragma GCC unroll 4
                  for (int v = 0; v < kV; ++v) {
                    __m512& a = acc[sum == 0 ? 0 : kSums - 1][p][v];
                    a = _mm512_dpbf16_ps(a, (__m512bh)xv, (__m512bh)wv[v]);
                  }
                }
              }
            }
          }
          line += kParts * args.input_step_block;
          w += kParts * part;
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int p = 0; p < kP; ++p) {
    float* const sums = reinterpret_cast<float*>(static_cast<char*>(args.sums) + p * args.sums_step);
#pragma GCC unroll 4
    for (int v = 0; v < kV; ++v) {
      __m512 sum = acc[0][p][v];
      if constexpr (kSums > 1) {
        const __mmask16 finite = _knot_mask16(_mm512_fpclass_ps_mask(acc[1][p][v], kNotFinite));
        sum = _mm512_mask_add_ps(sum, finite, sum, acc[1][p][v]);
      }
      _mm512_storeu_ps(sums + v * kLineLanes, sum);
    }
  }
}

template <int kParts, int kV, int... kP>
void FillTiles(ConvTile* tile, std::integer_sequence<int, kP...>) {
  ((tile->run[kV - 1][kP] = &Bf16Tile<kParts, kP + 1, kV>), ...);
}

template <int kParts>
void UseTiles(ConvTile* tile) {
  tile->mr = Pixels(kParts);
  tile->run = {};
  FillTiles<kParts, 1>(tile, std::make_integer_sequence<int, Pixels(kParts)>());
  FillTiles<kParts, 2>(tile, std::make_integer_sequence<int, Pixels(kParts)>());
}

}  // namespace

// The OS saves the registers: the target that these tiles go with is AVX-512 as well.
bool HasAvx512Bf16() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax >> 5 & 1) != 0;
}

void UseAvx512Bf16(MatrixTiles* tiles) {
  static_assert(kVectors == kMaxTileVectors, "the columns of a tile are those of other targets");
  UseTiles<1>(&tiles->tiles[0]);
  UseTiles<2>(&tiles->tiles[1]);
  UseTiles<3>(&tiles->tiles[2]);
  tiles->instruction = "vdpbf16ps";
}

#else

bool HasAvx512Bf16() { return false; }
void UseAvx512Bf16(MatrixTiles*) {}

#endif
}  // namespace polyphase::internal
