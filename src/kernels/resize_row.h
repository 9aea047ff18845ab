// The two passes of a separable resize: along x from one source row, along y from several rows.
#ifndef POLYPHASE_SRC_KERNELS_RESIZE_ROW_H_
#define POLYPHASE_SRC_KERNELS_RESIZE_ROW_H_

#include <cstddef>
#include <cstdint>

#include "base/line.h"

namespace polyphase::internal {

constexpr int kMaxResizeTaps = 4;
// One vector of outputs is permuted from at most this many vectors of source.
constexpr int kMaxNearVectors = 4;
// Pixels of up to this many floats fit into a small vector. All lanes of it are read and written.
constexpr int kShortPixel = 4;

// row[o] = sum over k < taps of weights[k * weights_stride + o] * source[first[o] + k * pixel], for o in [begin, end)
// and up to the end of the last vector. `begin` is a multiple of kLineLanes. Outputs are floats (ElementTaps; all
// tables are readable up to the end of the last vector); those of block_x are pixels, and its first[] counts pixels.
// Outputs in [periodic_begin, periodic_end) may take their weights, and their sources relative to base[], from the
// outputs [periodic_begin, periodic_begin + period). All three are multiples of kLineLanes. With an integer scale, only
// these few entries then stay in L1, instead of tables that are larger than a row. An empty range means that there is
// no period. With `stream`, stores of block_x go past the caches.
struct ResizeXArgs {
  const float* source;
  int64_t pixel;
  int64_t taps;
  const int32_t* first;
  const int32_t* base;  // of ElementTaps
  const float* weights;
  int64_t weights_stride;
  float* row;
  int64_t begin, end;
  int64_t periodic_begin, periodic_end, period;
  bool stream;
};
using ResizeXFn = void (*)(const ResizeXArgs& args);

// outputs[r][i] = sum over k < taps of weights[r][k] * rows[k][i], plus residuals[r][i] if they are not null, for i in
// [0, count) and for one or two output rows r. Two output rows that read the same source rows load them once: bicubic
// x2 to 4K, whose rows come from L2, went from about 0.43 to 0.50 of streaming. With `stream`, stores go past the
// caches.
constexpr int kMaxResizeRows = 2;
struct ResizeYArgs {
  const float* rows[kMaxResizeTaps];
  float weights[kMaxResizeRows][kMaxResizeTaps];
  const float* residuals[kMaxResizeRows];
  float* outputs[kMaxResizeRows];
  int64_t count;
  bool stream;
};
using ResizeYFn = void (*)(const ResizeYArgs& args);

// Windows have any number of taps. Their lanes are f32, or int32 in fixed point, where a sum is rounded by (+
// 2^(precision - 1)) >> precision and clamped to 0..255.
enum class ResizeLane : int { kF32 = 0, kFixed = 1 };

// row[o] = sum over k < count[o] of weights[o * stride + k] * source[first[o] + k], for o in [begin, end). Outputs and
// sources are pixels of `vectors` times kLineLanes lanes.
struct WindowXArgs {
  const void* source;
  int64_t vectors;
  const int32_t* first;
  const int32_t* count;
  const void* weights;
  int64_t stride;
  int precision;
  void* row;
  int64_t begin, end;
};
using WindowXFn = void (*)(const WindowXArgs& args);

// output[i] = sum over k < taps of weights[k] * rows[k][i], for i in [0, count).
struct WindowYArgs {
  const void* const* rows;
  const void* weights;
  int64_t taps;
  int precision;
  void* output;
  int64_t count;
};
using WindowYFn = void (*)(const WindowYArgs& args);

// Kernels with a fixed number of taps are indexed by it; 1, 2 and 4 exist.
struct ResizeRowKernels {
  int lanes;
  // The outputs of these three are floats. near_x needs the sources of one tap of each `lanes` neighbouring outputs to
  // lie within 1, 2 or 4 times `lanes` floats from base on, so that loads and permutations fetch them; its [0] takes
  // windows, with any number of taps, and leaves out taps of weight 0. dense_x needs the sources of all taps to lie
  // within `lanes` floats, so that one load serves them all. far_x takes any table and gathers.
  ResizeXFn dense_x[kMaxResizeTaps + 1];
  ResizeXFn near_x[3][kMaxResizeTaps + 1];  // [log2 of the vectors][taps]
  ResizeXFn far_x[kMaxResizeTaps + 1];
  // The outputs are pixels of up to kShortPixel floats; [0] takes windows, as near_x does. Only for `lanes` >=
  // kShortPixel.
  ResizeXFn short_x[kMaxResizeTaps + 1];
  // The outputs are pixels of at least kLineLanes floats.
  ResizeXFn block_x[kMaxResizeTaps + 1];
  ResizeYFn y[kMaxResizeRows][kMaxResizeTaps + 1];  // [output rows - 1][taps]
  // Both are indexed by ResizeLane.
  WindowXFn window_x[2];
  WindowYFn window_y[2];
};

ResizeRowKernels GetResizeRowKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_RESIZE_ROW_H_
