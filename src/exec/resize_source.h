// RowSource: where the source rows of a resize come from.
#ifndef POLYPHASE_SRC_EXEC_RESIZE_SOURCE_H_
#define POLYPHASE_SRC_EXEC_RESIZE_SOURCE_H_

#include <cstdint>

#include "geometry/index_range.h"
#include "plan/addressing.h"
#include "plan/resize.h"

namespace polyphase::internal {

// The part of the output that a task computes.
struct ResizePart {
  ResizePart(const ResizePlan& plan, int64_t task);

  IndexRange columns{}, rows{}, planes{};
  int64_t image = 0;
};

// Source rows are rows of the tensor, as they are or converted to 32-bit lanes, or products of the 1x1 convolution.
class RowSource {
 public:
  RowSource(const ResizePlan& plan, const ResizePart& part, const void* input, float* strip);

  // Row (z, y) of an f32 tensor where it is.
  const float* InPlace(int64_t z, int64_t y) const {
    return reinterpret_cast<const float*>(Row(z, y)) + ChannelOffset(ChannelsOf(plan_.input), first_channel_);
  }
  // Writes pixels of a row into `panel`, [pixel][width] for each plane of the task; planes are plane_step floats apart.
  void Read(int64_t z, int64_t y, IndexRange pixels, float* panel, int64_t plane_step) const;
  // Writes pixels of rows [y, y + rows) of a contiguous plane into `panel` side by side, [pixel][width][kLineLanes].
  void ReadBatch(int64_t z, int64_t y, int64_t rows, IndexRange pixels, float* panel) const;

 private:
  // Channel 0 of row (z, y).
  const char* Row(int64_t z, int64_t y) const {
    return input_ + (z * plan_.input.stride[kDepth] + y * plan_.input.stride[kRow]) * element_bytes_;
  }
  const char* Pixel(const char* row, int64_t x) const { return row + x * plan_.input.stride[kColumn] * element_bytes_; }
  void Convert(const char* row, IndexRange pixels, float* panel) const;
  void Multiply(const char* row, IndexRange pixels, float* panel, int64_t plane_step) const;

  const ResizePlan& plan_;
  const Kernels& kernels_;
  const int64_t element_bytes_;
  const char* const input_;  // the image
  const int64_t first_channel_, planes_;
  float* const strip_;
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_RESIZE_SOURCE_H_
