// The register tiles of all dense ops: a few pixels of one phase times a few vectors of output channels.
#ifndef POLYPHASE_SRC_KERNELS_CONV_TILE_H_
#define POLYPHASE_SRC_KERNELS_CONV_TILE_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/line.h"
#include "polyphase/tensor.h"

namespace polyphase::internal {

constexpr int kMaxTilePixels = 14;
constexpr int kMaxTileVectors = 2;

// Operands of one tile. All steps count bytes. Inputs are lines: one line holds kLineBytes of neighbouring channels of
// a pixel, and the lines of the pixels of a tile follow one another. A tap (z, y, x) reads channel block b of pixel p
// at
//   input + z * input_step_z + y * input_step_y + x * input_step_x + b * input_step_block + p * kLineBytes
// Where inputs are sums of several parts, each part is a block: part q of channel block b is block b * parts + q.
struct ConvTileArgs {
  const void* input;    // first tap, first pixel
  const void* weights;  // dense: [z][y][x], then what the tile's packer writes; depthwise: [z][y][x][lane of the line]
  const void* bias;     // what the sums begin with, one per column
  void* sums;           // [pixel][column]; overwritten
  ptrdiff_t input_step_z;
  ptrdiff_t input_step_y;
  ptrdiff_t input_step_x;
  ptrdiff_t input_step_block;
  ptrdiff_t weights_step_z;
  ptrdiff_t weights_step_y;
  ptrdiff_t weights_step_x;
  ptrdiff_t sums_step;  // of one pixel
  ptrdiff_t input_step_row, sums_step_row;
  int64_t taps_z;
  int64_t taps_y;
  int64_t taps_x;
  int64_t channels;  // dense only
  int64_t pixels;    // of a row; tiles know theirs
  int64_t rows;      // depthwise only
};

using ConvTileFn = void (*)(const ConvTileArgs& args);

// A matrix of f32 weights: element (row, column) is source[row * row_step + offsets[column]], or 0 where the offset is
// negative. Rows are input channels (depthwise: taps), columns are output channels.
struct WeightBlock {
  const float* source;
  int64_t row_step;
  const int64_t* offsets;
  int64_t rows, columns;
};

// Says what a kind of tile reads and writes: mr pixels x nr columns of sums, from kr input channels at a time.
struct TileFormat {
  DataType input, weights, sums;
  int lanes;  // columns of one vector; a tile computes 1 to nr / lanes vectors
  int mr;     // most pixels
  int nr;     // most columns
  int kr;
  int granule;  // a tile computes a multiple of so many pixels, whatever it is asked for
  int parts;    // inputs and weights are sums of so many numbers
  double cost;  // of kr products of a pixel and a vector, in vector multiply-adds of f32
  // Writes a block in the order that the tile reads, in rows of `width` columns of which those past block.columns are
  // zeros, and returns the end.
  void* (*pack)(const WeightBlock& block, int64_t width, void* packed);
  // Where these are not null, a thread calls `enter` before its first tile and `leave` after its last one.
  void (*enter)();
  void (*leave)();

  // Returns the input channels of a line.
  int64_t line_channels() const { return kLineBytes / static_cast<int64_t>(ElementSize(input)); }
  // Returns the lines that `channels` channels of a pixel take.
  int64_t lines(int64_t channels) const { return (channels + line_channels() - 1) / line_channels() * parts; }
  // Returns the bytes that the packer writes for a column of `rows` rows.
  int64_t column_bytes(int64_t rows) const {
    return (rows + kr - 1) / kr * kr * parts * static_cast<int64_t>(ElementSize(weights));
  }
};

// The packer of tiles that read rows of f32.
void* PackRows(const WeightBlock& block, int64_t width, void* packed);

// Tiles with channels in lanes: nr <= kMaxTileVectors * lanes, and mr <= kMaxTilePixels but for rows.
struct ConvTile : TileFormat {
  // run[v - 1][p - 1] computes p pixels of v vectors: sums[p][o] = bias[o] + sum over taps and channels c of
  // input[p][c] * weights[c][o].
  std::array<std::array<ConvTileFn, kMaxTilePixels>, kMaxTileVectors> run;
  // Some tiles come as rows of any number of pixels instead: rows[v - 1]. They read whole tiles of lines, and so up to
  // kMaxLinesAfter lines after the last pixel's.
  std::array<ConvTileFn, kMaxTileVectors> rows;
};
constexpr int64_t kMaxLinesAfter = 15;

// Enters and leaves a format's tiles.
class TileScope {
 public:
  explicit TileScope(const TileFormat& tile) : leave_(tile.leave) {
    if (tile.enter != nullptr) tile.enter();
  }
  ~TileScope() {
    if (leave_ != nullptr) leave_();
  }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;

 private:
  void (*leave_)();
};

// Rows of one line of channels: sums[p][c] = bias[c] + sum over taps of input[p][c] * weights[c], for any number of
// rows and pixels, mr at a time.
struct DepthwiseRow : TileFormat {
  ConvTileFn run;
};

struct ConvTileKernels {
  ConvTile dense;
  DepthwiseRow depthwise;
  const float* no_bias;  // zeros
};

// The columns of a matrix of weights, cut into the tiles that a kernel computes at once.
struct ColumnTiles {
  int64_t columns = 0;  // in all
  int64_t lanes = 1;
  int64_t nr = 1;  // a multiple of lanes

  ColumnTiles() = default;
  ColumnTiles(int64_t all, int64_t tile_lanes, int64_t most) : columns(all), lanes(tile_lanes), nr(most) {
    count_ = (columns + nr - 1) / nr;
    vectors_ = nr / lanes;
    last_vectors_ = (columns - (count_ - 1) * nr + lanes - 1) / lanes;
  }

  int64_t count() const { return count_; }
  int64_t first(int64_t tile) const { return tile * nr; }
  // Returns the vectors of a tile, the last of which may be partly empty.
  int64_t vectors(int64_t tile) const { return tile + 1 < count_ ? vectors_ : last_vectors_; }
  int64_t width(int64_t tile) const { return vectors(tile) * lanes; }
  // Returns the columns of all tiles, the empty lanes included.
  int64_t padded() const { return (columns + lanes - 1) / lanes * lanes; }

 private:
  // A division for each tile took 6 % of the time of small depthwise layers (Granite Rapids).
  int64_t count_ = 0, vectors_ = 1, last_vectors_ = 0;
};

ConvTileKernels GetConvTileKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_CONV_TILE_H_
