// MaxUnpool for windows that do not overlap: a comparison gives each output pixel the element of its window, or zero.
#ifndef POLYPHASE_SRC_KERNELS_MAX_UNPOOL_H_
#define POLYPHASE_SRC_KERNELS_MAX_UNPOOL_H_

#include <cstdint>

#include "base/line.h"

namespace polyphase::internal {

// Windows with more taps than this are not searched, but scattered.
constexpr int kMaxUnpoolTaps = 64;

// For p < pixels, taps[p * kLineLanes + lane] = numbers[k] where indices[p * index_step + lane] = base[lane] + p *
// base_step + offsets[k], and -1 where no k < count satisfies that. Lanes from `lanes` on are not read and become -1.
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
// Returns the number of taps that were found.
using UnpoolTapFn = int64_t (*)(const UnpoolTapArgs& args);

// Output pixel o < outputs takes values[o / kernel] where taps[o / kernel] = first_tap + o % kernel, and zero
// elsewhere. Steps count elements. In the kernels `lanes`, a pixel has kLineLanes elements and its taps are at [pixel *
// kLineLanes]; in `planar`, it has one and all steps are 1.
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
  // Both are indexed by log2 of the element size.
  UnpoolSpreadFn planar[4];
  UnpoolSpreadFn lanes[4];
};

MaxUnpoolKernels GetMaxUnpoolKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_MAX_UNPOOL_H_
