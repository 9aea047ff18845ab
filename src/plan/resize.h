// Resize: the operator's immutable part, and for one input shape the tables, the path, the tasks, the workspace.
#ifndef POLYPHASE_SRC_PLAN_RESIZE_H_
#define POLYPHASE_SRC_PLAN_RESIZE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "geometry/resize.h"
#include "geometry/tensor.h"
#include "plan/epilogue.h"
#include "plan/kernels.h"
#include "polyphase/operator.h"
#include "polyphase/resize.h"

namespace polyphase::internal {

struct ResizeOperator {
  ResizeAttributes attributes;
  Kernels kernels;
  OpEpilogue epilogue;

  std::string Describe() const;
};

// A task computes some rows of one plane: of one channel, where both layouts are NCHW, else of kResizeLanes channels
// side by side. A source row is resized along x into a ring of as many rows as an output row has taps, and each output
// row is the weighted sum of the ring. What reads beyond the edges, and what has 16 channels side by side, is packed
// first, with copies of the edges; the rest of a plane's row is read where it is. Chunks of columns whose ring stays in
// L1 were slower for wide pictures (1.1 to 1.4 times, 3840 pixels): rows of memory are read and streamed best as a
// whole.
struct ResizePlan : PlanTensors {
  std::shared_ptr<const ResizeOperator> op;
  ResizeAxis y, x;
  int64_t width = 1;          // channels of a plane: 1 or kResizeLanes
  IndexRange direct_x{0, 0};  // outputs of a row whose sources need no packing; multiples of 16
  ResizeXFn resize_x = nullptr;
  const char* path = "empty";  // name of resize_x, for Describe
  bool direct_y = false;       // output rows are stored by ResizeY itself, not unpacked from a panel
  bool stream = false;         // past the caches
  int64_t rows_per_task = 0, row_tasks = 0,
          plane_tasks = 0;  // planes of one image; tasks = n * plane_tasks * row_tasks

  // Workspace of one worker, each a multiple of 16: the packed part of a source row, one row of the ring, the
  // panel.
  int64_t source_floats = 0, row_floats = 0, panel_floats = 0;

  int64_t tasks() const { return input.n * plane_tasks * row_tasks; }
  int64_t worker_floats() const { return source_floats + y.taps * row_floats + panel_floats; }
};

const char* ModeName(ResizeMode mode);

Status CreateResizeOperator(const ResizeAttributes& attributes, const OperatorOptions& options,
                            std::shared_ptr<const ResizeOperator>* op);

// `input` is normalized and `threads` >= 1.
Status MakeResizePlan(std::shared_ptr<const ResizeOperator> op, const TensorDesc& input, const PlanOptions& options,
                      size_t threads, ResizePlan* plan, std::string* reason);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_RESIZE_H_
