// Computes ConvexUpsample: the softmax over nine numbers, and the sum of nine values with these weights.
#ifndef POLYPHASE_SRC_KERNELS_CONVEX_UPSAMPLE_H_
#define POLYPHASE_SRC_KERNELS_CONVEX_UPSAMPLE_H_

#include <cstdint>

namespace polyphase::internal {

// Lane l of channel c is, for the taps k = 3 * row + column of the neighbourhood,
//   output[c * output_channel_step + l] = sum of w[k] * scale * value(row, c, column),
//   w = softmax over k of mask_scale * mask[k * mask_step + l].
struct ConvexUpsampleArgs {
  const float* mask;
  int64_t mask_step;
  // The mask of the next call, or null. It is prefetched, because the CPU does not see where the nine streams go on.
  const float* next_mask;
  // The rows above, at and below, from the column to the left of the first pixel on.
  const float* rows[3];
  int64_t row_channel_step;
  int64_t channels;
  float scale, mask_scale;
  float* output;
  int64_t output_channel_step;
  int64_t lanes;
};
using ConvexUpsampleFn = void (*)(const ConvexUpsampleArgs& args);

struct ConvexUpsampleKernels {
  // Lanes are pixels of the input: value(row, c, column) is rows[row][c * row_channel_step + column + l].
  ConvexUpsampleFn pixels;
  // Lanes are outputs of one pixel, which read the same values: rows[row][c * row_channel_step + column].
  ConvexUpsampleFn outputs;
};

ConvexUpsampleKernels GetConvexUpsampleKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_CONVEX_UPSAMPLE_H_
