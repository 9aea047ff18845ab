// The two passes of a separable resize on rows: along x from one source row, along y from several rows.
#ifndef POLYPHASE_SRC_KERNELS_RESIZE_ROW_H_
#define POLYPHASE_SRC_KERNELS_RESIZE_ROW_H_

#include <cstddef>
#include <cstdint>

#include "polyphase/epilogue.h"

namespace polyphase::internal {

constexpr int kMaxResizeTaps = 4;
// Vectors read and write up to this many floats; rows and tables have room for whole vectors.
constexpr int kResizeLanes = 16;

// row[o] = sum over k < taps of weights[k * weights_stride + o] * source[first[o] + k], for o in [0, count) and up to the
// end of the last vector. A pixel is 1 or kResizeLanes floats. first[o] >= 0; source and both tables are readable up to the
// last vector's end.
struct ResizeXArgs {
  const float* source;
  const int32_t* first;
  const float* weights;
  int64_t weights_stride;
  float* row;
  int64_t count;
};
using ResizeXFn = void (*)(const ResizeXArgs& args);

// output[i] = activation(sum over k < taps of weights[k] * rows[k][i]), for i in [0, count). With `stream`, past the caches.
struct ResizeYArgs {
  const float* rows[kMaxResizeTaps];
  float weights[kMaxResizeTaps];
  const Epilogue* epilogue;
  float* output;
  int64_t count;
  bool stream;
};
using ResizeYFn = void (*)(const ResizeYArgs& args);

// Indexed by the number of taps, of which 1, 2 and 4 exist.
struct ResizeRowKernels {
  int lanes;
  // Pixels of 1 float. Near: the sources of each `lanes` neighbouring outputs lie within `lanes` floats, so that a load and
  // a permutation fetch them. Far: any table, by gathers.
  ResizeXFn near_x[kMaxResizeTaps + 1];
  ResizeXFn far_x[kMaxResizeTaps + 1];
  // Pixels of kResizeLanes floats.
  ResizeXFn block_x[kMaxResizeTaps + 1];
  ResizeYFn y[kMaxResizeTaps + 1];
  // Makes streamed outputs visible to other threads; once at the end of a task.
  void (*flush)();
};

ResizeRowKernels GetResizeRowKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_RESIZE_ROW_H_
