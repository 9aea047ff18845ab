// Nearest resizing of types with which no kernel computes: for one input shape the sources and the tasks.
#ifndef POLYPHASE_SRC_PLAN_RESIZE_MOVE_H_
#define POLYPHASE_SRC_PLAN_RESIZE_MOVE_H_

#include <cstdint>

#include "geometry/resize.h"
#include "geometry/split.h"
#include "plan/operator.h"
#include "plan/resize.h"

namespace polyphase::internal {

// Every output element is an input element, bit for bit, or the extrapolation value. A task moves some rows (z, y),
// which count as one axis, of the output of one image.
struct ResizeMovePlan : PlanImpl {
  explicit ResizeMovePlan(const ResizeOperator& resize) : op(resize) {}
  Status Run(const RunContext& context) const override;

  const ResizeOperator& op;
  ResizeAxis z, y, x;  // one tap each
  Ranges rows;
  uint64_t outside = 0;  // the bits of an element that is extrapolated
};

// Returns whether resizing a tensor of this type moves its elements.
bool IsMoved(DataType dtype);

Status MakeResizeMovePlan(const ResizeOperator& op, const TensorDesc& input, const PlanOptions& options, size_t threads,
                          std::unique_ptr<PlanImpl>* plan);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_RESIZE_MOVE_H_
