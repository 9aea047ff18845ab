// MaxUnpool where windows do not overlap: each output pixel takes the element of its window or zero, by comparison.
#ifndef POLYPHASE_SRC_KERNELS_MAX_UNPOOL_H_
#define POLYPHASE_SRC_KERNELS_MAX_UNPOOL_H_

#include <cstdint>

#include "base/line.h"

namespace polyphase::internal {

// Taps of a window that are looked for.
constexpr int kMaxUnpoolTaps = 64;

// taps[p * kLineLanes + lane] = numbers[k] where indices[p * index_step + lane] = base[lane] + p * base_step +
// offsets[k], and -1 where there is no such k < count, for p < pixels; lanes < 16, of which those from `lanes` on are not
// read and become -1.
struct UnpoolTapArgs {
  const void* indices;
  int64_t index_step;
  int64_t pixels;
  int64_t lanes;
  const int64_t* base;  // kLineLanes
  int64_t base_step;
  const int64_t* offsets;
  const int32_t* numbers;
  int64_t count;
  int32_t* taps;
};
// The number of taps that were found.
using UnpoolTapFn = int64_t (*)(const UnpoolTapArgs& args);

// Output pixel o < outputs takes values[o / kernel] where taps[o / kernel] = first_tap + o % kernel, and zero elsewhere.
// Steps count elements. Lanes: a pixel has kLineLanes elements, its taps are at [pixel * kLineLanes]. Planar: one,
// all steps are 1.
struct UnpoolSpreadArgs {
  const void* values;
  int64_t value_step;
  const int32_t* taps;
  int32_t first_tap;
  int64_t kernel;
  void* output;
  int64_t output_step;
  int64_t outputs;
};
using UnpoolSpreadFn = void (*)(const UnpoolSpreadArgs& args);

struct MaxUnpoolKernels {
  UnpoolTapFn taps32, taps64;
  // Indexed by log2 of the element size.
  UnpoolSpreadFn planar[4];
  UnpoolSpreadFn lanes[4];
};

MaxUnpoolKernels GetMaxUnpoolKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_MAX_UNPOOL_H_
