// The register tiles of all dense ops: a few pixels of one phase times a few vectors of output channels.
#ifndef POLYPHASE_SRC_KERNELS_CONV_TILE_H_
#define POLYPHASE_SRC_KERNELS_CONV_TILE_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/line.h"

namespace polyphase::internal {

constexpr int kMaxTilePixels = 14;
constexpr int kMaxTileVectors = 2;

// Operands of one tile. All steps count floats. A tap (z, y, x) reads pixel p of channel c at input + z * input_step_z +
//   y * input_step_y + x * input_step_x + (c / kLineLanes) * input_step_block + p * kLineLanes + c % kLineLanes
struct ConvTileArgs {
  const float* input;    // first tap, first pixel
  const float* weights;  // dense: [z][y][x][channel][vectors * lanes]; depthwise: [z][y][x][kLineLanes]
  const float* bias;     // what the sums begin with: [vectors * lanes], depthwise [kLineLanes]
  float* output;         // [pixel][vectors * lanes], depthwise [pixel][kLineLanes]; overwritten
  ptrdiff_t input_step_z;
  ptrdiff_t input_step_y;
  ptrdiff_t input_step_x;
  ptrdiff_t input_step_block;
  ptrdiff_t weights_step_z;
  ptrdiff_t weights_step_y;
  ptrdiff_t weights_step_x;
  ptrdiff_t output_step;  // of one pixel
  int64_t taps_z;
  int64_t taps_y;
  int64_t taps_x;
  int64_t channels;  // dense only
};

using ConvTileFn = void (*)(const ConvTileArgs& args);

struct ConvTileKernels {
  int lanes;             // floats of one vector
  int max_pixels;        // <= kMaxTilePixels
  int max_vectors;       // <= kMaxTileVectors
  const float* no_bias;  // zeros
  // dense[v - 1][p - 1]: output[p][o] = bias[o] + sum over taps and channels of input[p][c] * weights[c][o].
  std::array<std::array<ConvTileFn, kMaxTilePixels>, kMaxTileVectors> dense;
  // depthwise[p - 1]: output[p][c] = bias[c] + sum over taps of input[p][c] * weights[c], for the kLineLanes channels
  // of a block.
  std::array<ConvTileFn, kMaxTilePixels> depthwise;
};

ConvTileKernels GetConvTileKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_CONV_TILE_H_
