// Resize: the operator's immutable part, and for one input shape the tables, the path, the tasks, the workspace.
#ifndef POLYPHASE_SRC_PLAN_RESIZE_H_
#define POLYPHASE_SRC_PLAN_RESIZE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/aligned_buffer.h"
#include "geometry/resize.h"
#include "geometry/tensor.h"
#include "plan/conv_weights.h"
#include "plan/epilogue.h"
#include "plan/kernels.h"
#include "polyphase/operator.h"
#include "polyphase/resize.h"

namespace polyphase::internal {

struct ResizeOperator {
  ResizeAttributes attributes;
  Kernels kernels;
  OpEpilogue epilogue;
  // With a 1x1 convolution, whose scale and bias are in weights and epilogue: [tile][input channel][tile width], tiles
  // of one width that divides kLineLanes; the channels that fill the last block have zeros.
  ColumnTiles tiles{};
  AlignedBuffer weights;

  std::string Describe() const;
};

// A task computes some rows (z, y) of some columns of one plane, or, with a 1x1 convolution, of a few. A source row is
// resized along x into a ring of as many rows as an output row has taps in z times y, and each output row is the weighted
// sum of the ring. A plane is one of:
//   contiguous: rows lie in memory without gaps on both sides, of pixels of `width` floats. That is one channel (width
//     1), or all of the few channels of a kNhwc tensor.
//   blocks: kLineLanes channels side by side (width kLineLanes), which are packed.
// What reads beyond the edges and what is not f32 is packed first, with copies of the edges; the rest of a contiguous
// row is read where it is. Windows along x that do not fit into `elements` take 16 lanes side by side: the channels of a
// block, or as many neighbouring rows of a contiguous plane. Chunks of columns whose ring stays in L1 were slower for wide
// pictures (1.1 to 1.4 times, 3840 pixels): rows of memory are read and streamed best as a whole.
// With a 1x1 convolution planes are blocks of output channels, and what is resized of a source row is the product of its
// pixels, packed as a strip of input channels, with the weights of the task's blocks.
struct ResizePlan : PlanTensors {
  std::shared_ptr<const ResizeOperator> op;
  ResizeAxis z, y, x;
  Conversion conversion = Conversion::kF32;
  bool fixed = false;            // lanes are int32
  bool contiguous = false;       // the form of planes
  int64_t width = 1;             // channels of a plane
  int64_t blocks = 1;            // planes of a task
  bool batched = false;          // x takes kLineLanes rows of a contiguous plane at a time
  IndexRange direct_x{0, 0};     // outputs of a row whose sources need no packing; of `elements`, multiples of 16
  ResizeXFn resize_x = nullptr;  // null: windows of 16 lanes side by side, or nothing changes along x
  ElementTaps elements;          // contiguous planes of fewer than kLineLanes channels: the tables of resize_x
  const char* path = "empty";    // what happens along x, for Describe
  bool in_place_x = false;       // source rows are read where they are
  bool summed = true;            // otherwise rows are resized along x, or copied, where they are stored
  bool direct_y = false;         // output rows are stored as they are summed (with the residual), not from a panel
  bool stream = false;           // past the caches
  // As StorePanel sees a contiguous plane: its rows as those of a single channel.
  PlanTensors rows;
  // tasks = n * plane_tasks * row_tasks * column_tasks; planes of one image, rows (z, y), columns (multiples of 16).
  int64_t plane_tasks = 0, rows_per_task = 0, row_tasks = 0, columns_per_task = 0, column_tasks = 0;
  // Outputs along x that are packed and resized at a time.
  int64_t x_step = 0;
  // Rows of the ring along z and y.
  int64_t ring_z = 1, ring_y = 1;

  // Workspace of one worker in floats, each a multiple of 16: what of input rows is packed for the 1x1 convolution at a
  // time; what of source rows is packed (or such a product) at a time; x_step outputs of a batch; one plane of a row of
  // the ring; the panel; the residual's panel; which source row each row of the ring holds; rows and weights of the taps
  // of one output row.
  int64_t strip_floats = 0, source_floats = 0, batch_floats = 0, row_floats = 0, panel_floats = 0, residual_floats = 0,
          held_floats = 0, taps_floats = 0;

  int64_t taps() const { return z.taps * y.taps; }  // of an output row
  bool windows_y() const { return z.windows || y.windows || taps() > kMaxResizeTaps; }
  int64_t tasks() const { return input.n * plane_tasks * row_tasks * column_tasks; }
  int64_t ring_floats() const { return ring_z * ring_y * blocks * row_floats; }
  int64_t worker_floats() const {
    return strip_floats + source_floats + batch_floats + ring_floats() + panel_floats + residual_floats + held_floats +
           2 * taps_floats;
  }

  std::string Choice() const;  // for Plan::Describe
};

Status CreateResizeOperator(const ResizeAttributes& attributes, const OperatorOptions& options,
                            std::shared_ptr<const ResizeOperator>* op);

// `input` is normalized and `threads` >= 1.
Status MakeResizePlan(std::shared_ptr<const ResizeOperator> op, const TensorDesc& input, const PlanOptions& options,
                      size_t threads, ResizePlan* plan, std::string* reason);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_RESIZE_H_
