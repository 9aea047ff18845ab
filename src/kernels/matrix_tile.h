// Matrix tiles: the register tiles of dense ops that multiply bf16 numbers, exactly, and sum in f32. An operand is one
// bf16 number or, nearer to f32, the sum of two or three.
#ifndef POLYPHASE_SRC_KERNELS_MATRIX_TILE_H_
#define POLYPHASE_SRC_KERNELS_MATRIX_TILE_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/conv_tile.h"

namespace polyphase::internal {

// A f32 number has 24 bits and a bf16 number 8, so three parts are nearly always the whole number. Part 0 is the number
// rounded to nearest, ties to even, and each further part is what is left, rounded likewise. Numbers that would become
// infinities are cut, and so are their further parts, lest the sum of the parts be too large. The further parts of
// infinities and NaNs are 0.
constexpr int kMaxParts = 3;
constexpr int32_t kLargestRounded = 0x7F7F7FFF;  // the bits of the largest magnitude that is not cut

// Products of parts that are too small to matter are left out: part i of an input meets part j of a weight where
// i + j < parts.
constexpr int ProductsOf(int parts) { return parts * (parts + 1) / 2; }

// A pair of neighbouring channels is what a tile multiplies at once. A block of weights is
//   [32 channels, or what is left][part][pair][column][channel of the pair],
// and a missing channel of the last pair is 0. Tiles of kr = 32 channels have all pairs.
//
// Every target has tiles of one arithmetic, whose bits are the same where the CPU flushes denormal numbers. A sum takes
// the odd channel of a pair before the even one, each with one rounding. With several parts, the products of parts 0
// have a sum that begins with the bias, as f32 tiles have, and all others have a second sum, the smallest ones of 32
// channels first. The error of six products is thus that of one f32 sum: in a common sum, every product would be
// rounded to what the largest ones are rounded to. A second sum that is not finite is left out: an infinity has met a
// part that is 0 or has the other sign, and the first sum is what f32 yields.
struct MatrixTiles {
  std::array<ConvTile, kMaxParts> tiles;  // [parts - 1]
  // Splits pixels of kSplitChannels channels, panel[pixel][channel], into lines: part q of pixel p is line
  // q * part_step + p * pixel_step.
  using SplitFn = void (*)(const float* panel, int64_t pixels, Line* lines, int64_t pixel_step, int64_t part_step);
  std::array<SplitFn, kMaxParts> split;  // [parts - 1]
  // The instruction that multiplies, which takes two products of each lane in the time of one f32 multiply-add. Null:
  // tiles are made of f32 multiply-adds, and are slower than those of f32.
  const char* instruction;
  int automatic_parts;  // kAuto takes tiles of so many parts at most
};
constexpr int64_t kSplitChannels = kLineBytes / 2;

// Splits one number as the lines and blocks are split.
void SplitNumber(float value, int parts, uint16_t* to, int64_t part_step);

// Instructions that multiply bf16. Each kind may use those before it.
enum class Bf16Unit { kNone, kVectors, kTiles };

// The tiles are those of the best instructions up to `unit` that the CPU has and that go with the target.
MatrixTiles GetMatrixTiles(int64_t target, Bf16Unit unit);

// kernels/matrix_tile_x86.cc: return whether this process can use AVX512_BF16 (kVectors) and AMX (kTiles), and replace
// the tiles by those that use it.
bool HasAvx512Bf16();
void UseAvx512Bf16(MatrixTiles* tiles);
bool HasAmx();
void UseAmx(MatrixTiles* tiles);  // of AVX512_BF16

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_MATRIX_TILE_H_
