// Computes matrix tiles with AVX512_BF16 and with AMX, which Highway 1.0 has not. This is the one kernel file without
// Highway: its functions carry the instruction sets that they need, and run where HasAvx512Bf16 and HasAmx have found
// these.
#include <algorithm>
#include <utility>

#include "kernels/matrix_tile.h"

#if defined(__x86_64__) && (defined(__clang__) ? __clang_major__ >= 9 : __GNUC__ >= 10)
#define POLYPHASE_AVX512_BF16 1
#include <cpuid.h>
#include <immintrin.h>
#if defined(__linux__) && (defined(__clang__) || __GNUC__ >= 11)
#define POLYPHASE_AMX 1
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // of GCC 12's own intrinsics
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

// Takes 0.4 to 0.5 of the time of the one that every target has (Granite Rapids).
template <int kParts>
POLYPHASE_BF16_ATTR void SplitPixels(const float* panel, int64_t pixels, Line* lines, int64_t pixel_step,
                                     int64_t part_step) {
  const __m512i magnitude = _mm512_set1_epi32(0x7FFFFFFF), largest = _mm512_set1_epi32(kLargestRounded);
  for (int64_t p = 0; p < pixels; ++p, panel += kSplitChannels, lines += pixel_step) {
    __m512 low = _mm512_loadu_ps(panel), high = _mm512_loadu_ps(panel + kLineLanes);
    const __m512i both = _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(low), magnitude),
                                          _mm512_and_si512(_mm512_castps_si512(high), magnitude));
    if (_mm512_cmpgt_epi32_mask(both, largest) != 0) {
      for (int64_t c = 0; c < kSplitChannels; ++c) {
        SplitNumber(panel[c], kParts, reinterpret_cast<uint16_t*>(lines) + c, part_step * kSplitChannels);
      }
      continue;
    }
    for (int part = 0; part < kParts; ++part) {
      const auto rounded = (__m512i)_mm512_cvtne2ps_pbh(high, low);
      _mm512_storeu_si512(lines + part * part_step, rounded);
      if (part + 1 == kParts) break;
      const __m512i low_bits = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(rounded));
      const __m512i high_bits = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(rounded, 1));
      low = _mm512_sub_ps(low, _mm512_castsi512_ps(_mm512_slli_epi32(low_bits, 16)));
      high = _mm512_sub_ps(high, _mm512_castsi512_ps(_mm512_slli_epi32(high_bits, 16)));
    }
  }
}

template <int kParts, int kV, int... kP>
constexpr std::array<ConvTileFn, kMaxTilePixels> TilesOf(std::integer_sequence<int, kP...>) {
  return {&Bf16Tile<kParts, kP + 1, kV>...};
}
template <int kParts, int kV>
constexpr auto kTiles = TilesOf<kParts, kV>(std::make_integer_sequence<int, Pixels(kParts)>());

template <int kParts>
void UseTiles(ConvTile* tile) {
  tile->mr = Pixels(kParts);
  tile->run = {kTiles<kParts, 1>, kTiles<kParts, 2>};
}

}  // namespace

// The OS saves the registers: the target that these tiles go with is AVX-512 as well.
bool HasAvx512Bf16() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax >> 5 & 1) != 0;
}

void UseAvx512Bf16(MatrixTiles* tiles) {
  static_assert(kVectors == kMaxTileVectors, "the columns of a tile are those of other targets");
  tiles->split = {&SplitPixels<1>, &SplitPixels<2>, &SplitPixels<3>};
  UseTiles<1>(&tiles->tiles[0]);
  UseTiles<2>(&tiles->tiles[1]);
  UseTiles<3>(&tiles->tiles[2]);
  tiles->instruction = "vdpbf16ps";
  tiles->automatic_parts = 1;  // three products take longer than an f32 multiply-add
}

#else

bool HasAvx512Bf16() { return false; }
void UseAvx512Bf16(MatrixTiles*) {}

#endif

#ifdef POLYPHASE_AMX
namespace {

#define POLYPHASE_AMX_ATTR __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16")))

// A tile register has 16 rows of a line. Registers 0 to 3 are sums, [16 pixels][vector of columns], 4 and 5 are inputs
// of 16 pixels each, and 6 and 7 weights of a vector of columns each.
constexpr int64_t kRows = 16;

struct TileConfig {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};
constexpr TileConfig kConfig = {
    1,
    0,
    {},
    {kLineBytes, kLineBytes, kLineBytes, kLineBytes, kLineBytes, kLineBytes, kLineBytes, kLineBytes},
    {kRows, kRows, kRows, kRows, kRows, kRows, kRows, kRows}};

POLYPHASE_AMX_ATTR void EnterAmx() { _tile_loadconfig(&kConfig); }
POLYPHASE_AMX_ATTR void LeaveAmx() { _tile_release(); }

// Computes kGroups times 16 pixels, of which the second begin `second` pixels after the first. All products of 32
// channels have one sum, in which the smallest come first. An instruction sums its 32 products by itself before it adds
// them to the others, so that this is more exact than a sum of f32 (2.3e-7 against 6.0e-7 for 1024 products).
template <int kParts, int kGroups, int kV>
POLYPHASE_AMX_ATTR __attribute__((always_inline)) inline void AmxTile(const ConvTileArgs& args, const char* input,
                                                                      char* sums, int64_t sums_step, int64_t second) {
  constexpr int64_t kWeightsStep = kV * kLineBytes;
  constexpr int64_t kPart = kRows * kWeightsStep;
  const auto* const bias = static_cast<const char*>(args.bias);
  _tile_loadd(0, bias, 0);
  if constexpr (kV > 1) _tile_loadd(1, bias + kLineBytes, 0);
  if constexpr (kGroups > 1) _tile_loadd(2, bias, 0);
  if constexpr (kGroups > 1 && kV > 1) _tile_loadd(3, bias + kLineBytes, 0);
  for (int64_t tz = 0; tz < args.taps_z; ++tz) {
    for (int64_t ty = 0; ty < args.taps_y; ++ty) {
      const char* tap = input + tz * args.input_step_z + ty * args.input_step_y;
      const char* weights =
          static_cast<const char*>(args.weights) + tz * args.weights_step_z + ty * args.weights_step_y;
      for (int64_t tx = 0; tx < args.taps_x; ++tx, tap += args.input_step_x, weights += args.weights_step_x) {
        const char* x = tap;
        const char* w = weights;
        const auto load_inputs = [&](int part) POLYPHASE_AMX_ATTR {
          _tile_loadd(4, x + part * args.input_step_block, kLineBytes);
          if constexpr (kGroups > 1) _tile_loadd(5, x + part * args.input_step_block + second * kLineBytes, kLineBytes);
        };
        const auto load_weights = [&](int part) POLYPHASE_AMX_ATTR {
          _tile_loadd(6, w + part * kPart, kWeightsStep);
          if constexpr (kV > 1) _tile_loadd(7, w + part * kPart + kLineBytes, kWeightsStep);
        };
        const auto multiply = []() POLYPHASE_AMX_ATTR {
          _tile_dpbf16ps(0, 4, 6);
          if constexpr (kV > 1) _tile_dpbf16ps(1, 4, 7);
          if constexpr (kGroups > 1) _tile_dpbf16ps(2, 5, 6);
          if constexpr (kGroups > 1 && kV > 1) _tile_dpbf16ps(3, 5, 7);
        };
        for (int64_t left = args.channels; left > 0; left -= kSplitChannels) {
          // The order of loads is that of the fewest: 14 for 24 products with three parts.
          if constexpr (kParts == 1) {
            load_inputs(0), load_weights(0), multiply();
          } else if constexpr (kParts == 2) {
            load_inputs(1), load_weights(0), multiply();
            load_inputs(0), multiply();
            load_weights(1), multiply();
          } else {
            load_inputs(0), load_weights(2), multiply();
            load_weights(1), multiply();
            load_inputs(1), multiply();
            load_weights(0), multiply();
            load_inputs(2), multiply();
            load_inputs(0), multiply();
          }
          x += kParts * args.input_step_block;
          w += kParts * kPart;
        }
      }
    }
  }
  _tile_stored(0, sums, sums_step);
  if constexpr (kV > 1) _tile_stored(1, sums + kLineBytes, sums_step);
  if constexpr (kGroups > 1) _tile_stored(2, sums + second * sums_step, sums_step);
  if constexpr (kGroups > 1 && kV > 1) _tile_stored(3, sums + second * sums_step + kLineBytes, sums_step);
}

template <int kV>
POLYPHASE_AMX_ATTR bool AreFinite(const char* sums, int64_t sums_step, int64_t pixels) {
  // What is not finite times 0 is a NaN.
  __m512 zeros[kV];
  for (int v = 0; v < kV; ++v) zeros[v] = _mm512_setzero_ps();
  for (int64_t p = 0; p < pixels; ++p) {
    for (int v = 0; v < kV; ++v) {
      zeros[v] = _mm512_fmadd_ps(_mm512_loadu_ps(sums + p * sums_step + v * kLineBytes), _mm512_setzero_ps(), zeros[v]);
    }
  }
  __m512 zero = zeros[0];
  if constexpr (kV > 1) zero = _mm512_add_ps(zero, zeros[1]);
  return _mm512_cmp_ps_mask(zero, zero, _CMP_UNORD_Q) == 0;
}

// Computes those of the pixels [first, first + pixels) once more by vectors whose sums are not finite: no other pixel
// has other bits because of them.
template <int kParts, int kV>
POLYPHASE_AMX_ATTR __attribute__((noinline)) void RunVectors(const ConvTileArgs& args, int64_t first, int64_t pixels) {
  ConvTileArgs one = args;
  one.channels = (args.channels + kSplitChannels - 1) / kSplitChannels * kSplitChannels;  // the others are zeros
  for (int64_t p = first; p < first + pixels; ++p) {
    char* const sums = static_cast<char*>(args.sums) + p * args.sums_step;
    if (AreFinite<kV>(sums, args.sums_step, 1)) continue;
    one.input = static_cast<const char*>(args.input) + p * kLineBytes;
    one.sums = sums;
    kTiles<kParts, kV>[0](one);
  }
}

// Every tile is whole. The last one of a row of 16 pixels and more begins earlier, and computes some pixels again; that
// of a shorter row has sums of its own, some of them of whatever follows its lines.
template <int kParts, int kV>
POLYPHASE_AMX_ATTR void AmxRow(const ConvTileArgs& args) {
  const auto* const input = static_cast<const char*>(args.input);
  auto* const sums = static_cast<char*>(args.sums);
  const auto check = [&](const char* stored, int64_t step, int64_t first, int64_t pixels) POLYPHASE_AMX_ATTR {
    // An infinity has met a part that is 0 or has the other sign, unless the sum is not finite anyway. One part alone
    // is what f32 is.
    if (kParts > 1 && !AreFinite<kV>(stored, step, pixels)) RunVectors<kParts, kV>(args, first, pixels);
  };
  if (args.pixels < kRows) {
    alignas(kLineBytes) char own[kRows * kV * kLineBytes];
    AmxTile<kParts, 1, kV>(args, input, own, kV * kLineBytes, 0);
    for (int64_t p = 0; p < args.pixels; ++p) {
      for (int v = 0; v < kV; ++v) {
        _mm512_storeu_ps(sums + p * args.sums_step + v * kLineBytes, _mm512_load_ps(own + (p * kV + v) * kLineBytes));
      }
    }
    return check(own, kV * kLineBytes, 0, args.pixels);
  }
  for (int64_t p = 0; p < args.pixels; p += 2 * kRows) {
    const int64_t left = args.pixels - p;
    const bool two = left > kRows;
    const int64_t first = two ? p : args.pixels - kRows;
    const char* const x = input + first * kLineBytes;
    char* const to = sums + first * args.sums_step;
    if (two) {
      AmxTile<kParts, 2, kV>(args, x, to, args.sums_step, std::min(left - kRows, kRows));
    } else {
      AmxTile<kParts, 1, kV>(args, x, to, args.sums_step, 0);
    }
    check(to, args.sums_step, first, two ? std::min(left, 2 * kRows) : kRows);
  }
}

template <int kParts>
void UseRows(ConvTile* tile) {
  tile->mr = 2 * kRows;
  tile->kr = kSplitChannels;
  tile->granule = kRows;
  // An instruction takes 16 cycles for 16 pixels, in each of which there would be two multiply-adds. With operands from
  // L1 and L2 and random numbers there are 0.56 to 0.78 as many, or 0.36 to 0.71 with one part (Granite Rapids).
  tile->cost = kParts == 1 ? 4 : 3;
  tile->rows = {&AmxRow<kParts, 1>, &AmxRow<kParts, 2>};
  tile->enter = &EnterAmx;
  tile->leave = &LeaveAmx;
}

// There are virtual machines that have the bits of AMX and no palette of registers. Linux asks to be asked for the
// state.
bool FindAmx() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kAmxBf16 = 1 << 22, kAmxTile = 1 << 24, kOsXsave = 1 << 27;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((edx & kAmxBf16) == 0 || (edx & kAmxTile) == 0) return false;
  if (__get_cpuid_count(0x1D, 0, &eax, &ebx, &ecx, &edx) == 0 || eax < kConfig.palette) return false;
  if (__get_cpuid_count(0x1D, kConfig.palette, &eax, &ebx, &ecx, &edx) == 0) return false;
  const unsigned tile_bytes = eax >> 16, row_bytes = ebx & 0xFFFF, tiles = ebx >> 16, rows = ecx & 0xFFFF;
  if (tile_bytes < kRows * kLineBytes || row_bytes < kLineBytes || tiles < 8 || rows < kRows) return false;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & kOsXsave) == 0) return false;
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kTileStates = 3 << 17;
  if ((low & kTileStates) != kTileStates) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, since Linux 5.16
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool HasAmx() {
  static const bool found = FindAmx();
  return found;
}

void UseAmx(MatrixTiles* tiles) {
  static_assert(kRows - 1 <= kMaxLinesAfter);
  UseRows<1>(&tiles->tiles[0]);
  UseRows<2>(&tiles->tiles[1]);
  UseRows<3>(&tiles->tiles[2]);
  tiles->instruction = "tdpbf16ps";
  tiles->automatic_parts = 3;
}

#else

bool HasAmx() { return false; }
void UseAmx(MatrixTiles*) {}

#endif
}  // namespace polyphase::internal
