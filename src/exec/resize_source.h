// RowSource: gives the source rows of a resize.
#ifndef POLYPHASE_SRC_EXEC_RESIZE_SOURCE_H_
#define POLYPHASE_SRC_EXEC_RESIZE_SOURCE_H_

#include <cstdint>

#include "geometry/index_range.h"
#include "plan/addressing.h"
#include "plan/resize.h"

namespace polyphase::internal {

// The part of the output that a task computes.
struct ResizePart {
  ResizePart() = default;
  ResizePart(const ResizePlan& plan, int64_t task) {
    TaskIndex index(task);
    columns = index.Next(plan.columns);
    rows = index.Next(plan.rows);
    planes = index.Next(plan.planes);
    image = index.rest();
  }

  IndexRange columns{0, 0}, rows{0, 0}, planes{0, 0};
  int64_t image = 0;
};

// Source rows are rows of the tensor, unchanged or converted to 32-bit lanes, products of the 1x1 convolution, or sums
// of rows (ResizePlan::first_y).
class RowSource {
 public:
  // `part` changes from task to task.
  RowSource(const ResizePlan& plan, const ResizePart& part, const void* input, const ResizeScratch& scratch)
      : plan_(plan),
        kernels_(plan.op.kernels),
        part_(part),
        element_bytes_(static_cast<int64_t>(ElementSize(plan.input.dtype))),
        input_(static_cast<const char*>(input)),
        pointwise_(plan.op.pointwise()),
        scratch_(scratch) {}

  // Returns row (z, y) of an f32 tensor where it is.
  const float* InPlace(int64_t z, int64_t y) const {
    return reinterpret_cast<const float*>(Row(z, y)) + ChannelOffset(ChannelsOf(plan_.input), first_channel());
  }
  // Writes pixels of a row into `panel`, [pixel][width] for each plane of the task; planes are plane_step floats apart.
  void Read(int64_t z, int64_t y, IndexRange pixels, float* panel, int64_t plane_step) const {
    if (plan_.first_y) return SumRows(z, y, pixels, panel);
    const char* const begin = Pixel(Row(z, y), pixels.begin);
    pointwise_ ? Multiply(begin, pixels.count(), panel, plane_step) : Convert(begin, pixels.count(), panel);
  }
  // Writes pixels of rows [y, y + rows) of a contiguous plane into `panel` side by side, [pixel][width][kLineLanes].
  void ReadBatch(int64_t z, int64_t y, int64_t rows, IndexRange pixels, float* panel) const;

 private:
  int64_t first_channel() const { return part_.planes.begin * plan_.width; }
  // Returns channel 0 of row (z, y).
  const char* Row(int64_t z, int64_t y) const {
    return input_ + PixelOffset(plan_.input, part_.image, z, y, 0) * element_bytes_;
  }
  const char* Pixel(const char* row, int64_t x) const { return row + x * plan_.input.stride[kColumn] * element_bytes_; }
  void Convert(const char* begin, int64_t pixels, float* panel) const;
  void SumRows(int64_t z, int64_t y, IndexRange pixels, float* sums) const;
  void Multiply(const char* begin, int64_t pixels, float* panel, int64_t plane_step) const;

  const ResizePlan& plan_;
  const Kernels& kernels_;
  const ResizePart& part_;
  const int64_t element_bytes_;
  const char* const input_;
  const bool pointwise_;
  const ResizeScratch& scratch_;
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_RESIZE_SOURCE_H_
