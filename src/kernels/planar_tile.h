// Register tiles with pixels in lanes, for few output channels: a few vectors of pixels times a few columns, which are
// output channels of one or more phases.
#ifndef POLYPHASE_SRC_KERNELS_PLANAR_TILE_H_
#define POLYPHASE_SRC_KERNELS_PLANAR_TILE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/conv_tile.h"

namespace polyphase::internal {

// A position has at most this many columns, in one or more tiles.
constexpr int kMaxPlanarColumns = 24;
constexpr int kMaxPlanarTileColumns = 12;
constexpr int kMaxPlanarTileVectors = 12;

// A tap reads the pixels `input` floats after those of the tile, and the weights `weights` floats after the first ones
// of a channel.
struct PlanarTap {
  ptrdiff_t input, weights;
};

// Operands of one tile. Steps count floats.
struct PlanarTileArgs {
  const float* input;    // [channel][pixel]
  const float* weights;  // [channel][tap][column]
  const float* bias;     // what the sums begin with, one per column
  float* sums;           // [column][pixel]; overwritten
  ptrdiff_t input_step, weights_step, sums_step;
  const PlanarTap* taps;
  const ptrdiff_t* rows;  // where the inputs of each row of taps begin
  int64_t tap_count, row_count, channels;
};
using PlanarTileFn = void (*)(const PlanarTileArgs& args);

// lanes = 1, since columns fill no vectors; mr pixels fill one.
struct PlanarTile : TileFormat {
  // run[c - 1][v - 1] computes c columns of v vectors of pixels, v <= vectors[c - 1].
  std::array<std::array<PlanarTileFn, kMaxPlanarTileVectors>, kMaxPlanarTileColumns> run;
  std::array<int, kMaxPlanarTileColumns> vectors;

  // Estimates the time of one tap of one vector of pixels for `columns`, in vector multiply-adds: there are as many
  // loads at a time as multiply-adds. A vector of pixels is loaded from any address, which costs half a load more.
  double TapCost(int64_t columns) const {
    const int64_t tiles = (columns + nr - 1) / nr;
    const int64_t each = (columns + tiles - 1) / tiles;
    const double loads = 1.5 + static_cast<double>(each) / vectors[static_cast<size_t>(each - 1)];
    return static_cast<double>(tiles) * std::max(static_cast<double>(each), loads);
  }
};

PlanarTile GetPlanarTile(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_PLANAR_TILE_H_
