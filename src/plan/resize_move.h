// Nearest resizing that moves elements: for one input shape the sources and the tasks.
#ifndef POLYPHASE_SRC_PLAN_RESIZE_MOVE_H_
#define POLYPHASE_SRC_PLAN_RESIZE_MOVE_H_

#include <cstdint>
#include <vector>

#include "geometry/resize.h"
#include "geometry/split.h"
#include "kernels/resize_bytes.h"
#include "plan/operator.h"
#include "plan/resize.h"

namespace polyphase::internal {

// Every output element is an input element, bit for bit, or the extrapolation value. A task moves some rows (z, y),
// which count as one axis, of the output of one image.
struct ResizeMovePlan : PlanImpl {
  explicit ResizeMovePlan(const ResizeOperator& resize) : op(resize) {}
  Status Run(const RunContext& context) const override;

  const ResizeOperator& op;
  ResizeAxis z, y, x;  // one tap each; x.first[] is inside the input
  // The rows of a plane, where 16 bytes of output come from 16 bytes of input, as they do for scales of 1 and more.
  std::vector<ByteBlock> blocks;
  Ranges rows;
  uint64_t outside = 0;  // the bits of an element that is extrapolated
};

// Returns whether no kernel computes with this type, so that its elements can only be moved.
bool IsMoved(DataType dtype);
// Returns whether moving elements does what the resize does, and is the quickest. f32 has kernels that do the same.
bool PrefersMove(const ResizeAttributes& attributes, const PlanTensors& tensors);

Status MakeResizeMovePlan(const ResizeOperator& op, const TensorDesc& input, const PlanOptions& options, size_t threads,
                          std::unique_ptr<PlanImpl>* plan);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_RESIZE_MOVE_H_
