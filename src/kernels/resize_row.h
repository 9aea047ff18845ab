// The two passes of a separable resize on rows: along x from one source row, along y from several rows.
#ifndef POLYPHASE_SRC_KERNELS_RESIZE_ROW_H_
#define POLYPHASE_SRC_KERNELS_RESIZE_ROW_H_

#include <cstddef>
#include <cstdint>

namespace polyphase::internal {

constexpr int kMaxResizeTaps = 4;
// Vectors read and write up to this many floats; rows and tables have room for whole vectors.
constexpr int kResizeLanes = 16;
constexpr int kResizeXReach = kResizeLanes + kMaxResizeTaps;

// row[o] = sum over k < taps of weights[k * weights_stride + o] * source[first[o] + k], for o in [begin, end) and up to
// the end of the last vector; begin is a multiple of kResizeLanes. A pixel is 1 float, or `pixel`. Both tables are
// readable up to the last vector's end; source, of pixels of 1 float, for kResizeXReach floats from each first[o] on.
// Outputs in [periodic_begin, periodic_end) may take their weights, and their sources relative to first[], from the
// outputs [periodic_begin, periodic_begin + period), all three multiples of kResizeLanes: of an integer scale only
// these few stay in L1 instead of tables that are larger than a row. An empty range: no period.
struct ResizeXArgs {
  const float* source;
  int64_t pixel;
  const int32_t* first;
  const float* weights;
  int64_t weights_stride;
  float* row;
  int64_t begin, end;
  int64_t periodic_begin, periodic_end, period;
};
using ResizeXFn = void (*)(const ResizeXArgs& args);

// outputs[r][i] = sum over k < taps of weights[r][k] * rows[k][i], for i in [0, count) and one or two output rows r that
// read the same source rows: together they load them once (bicubic x2 to 4K, whose rows come from L2, went from about
// 0.43 to 0.50 of streaming). With `stream`, past the caches.
constexpr int kMaxResizeRows = 2;
struct ResizeYArgs {
  const float* rows[kMaxResizeTaps];
  float weights[kMaxResizeRows][kMaxResizeTaps];
  float* outputs[kMaxResizeRows];
  int64_t count;
  bool stream;
};
using ResizeYFn = void (*)(const ResizeYArgs& args);

// The same for windows, of any number of taps: lanes are f32, or int32 in fixed point, where a sum is rounded by
// (+ 2^(precision - 1)) >> precision and brought into 0..255.
enum class ResizeLane : int { kF32 = 0, kFixed = 1 };

// row[o] = sum over k < count[o] of weights[o * stride + k] * source[first[o] + k], for o in [begin, end), in pixels of
// `vectors` times kResizeLanes lanes.
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

// Those of a fixed number of taps are indexed by it; 1, 2 and 4 exist.
struct ResizeRowKernels {
  int lanes;
  // Pixels of 1 float. Near: the sources of one tap of each `lanes` neighbouring outputs lie within `lanes` floats, so
  // that a load and a permutation fetch them; dense: those of all taps do, so that one load serves them all. Far: any
  // table, by gathers.
  ResizeXFn dense_x[kMaxResizeTaps + 1];
  ResizeXFn near_x[kMaxResizeTaps + 1];
  ResizeXFn far_x[kMaxResizeTaps + 1];
  // Pixels of at least kResizeLanes floats.
  ResizeXFn block_x[kMaxResizeTaps + 1];
  ResizeYFn y[kMaxResizeRows][kMaxResizeTaps + 1];  // [output rows - 1][taps]
  // Indexed by ResizeLane.
  WindowXFn window_x[2];
  WindowYFn window_y[2];
};

ResizeRowKernels GetResizeRowKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_RESIZE_ROW_H_
