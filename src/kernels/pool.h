// Reduces windows: each output pixel is the maximum or the sum of pixels of several source rows, with 16 channels side
// by side.
#ifndef POLYPHASE_SRC_KERNELS_POOL_H_
#define POLYPHASE_SRC_KERNELS_POOL_H_

#include <cstdint>

#include "base/line.h"

namespace polyphase::internal {

// Output pixel p reduces the pixels rows[r][source + p * source_step + t * tap_step], r < row_count, t < taps, in this
// order. Steps count floats. With `resume`, it continues from what the outputs hold, with more rows of the same
// windows.
struct PoolArgs {
  const float* const* rows;
  int64_t row_count;
  int64_t source, source_step;
  int64_t taps, tap_step;
  int64_t pixels;
  float* values;
  int64_t value_step;
  bool resume;
  // Maxima record where they were found: positions[p * kLineLanes + lane] = row_positions[r] + t * tap_position.
  const int32_t* row_positions;
  int32_t tap_position;
  int32_t* positions;
  // Every sum is divided by this.
  float divisor;
};
using PoolFn = void (*)(const PoolArgs& args);

// As int64_t or int32_t, indices[p * index_step + lane] = positions[p * kLineLanes + lane] + base[lane] + p *
// base_step.
struct PoolIndexArgs {
  const int32_t* positions;
  int64_t pixels;
  const int64_t* base;  // kLineLanes
  int64_t base_step;
  void* indices;
  int64_t index_step;
};
using PoolIndexFn = void (*)(const PoolIndexArgs& args);

// panel[i] /= divisor for i < count, a multiple of kLineLanes.
using PoolDivideFn = void (*)(float* panel, int64_t count, float divisor);

struct PoolKernels {
  // A tap replaces the maximum if it is larger or a NaN. Maxima need at least one tap.
  PoolFn max;           // only values
  PoolFn max_position;  // values and positions
  PoolFn sum;           // zero where there are no taps
  PoolDivideFn divide;
  PoolIndexFn index32, index64;
};

PoolKernels GetPoolKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_POOL_H_
