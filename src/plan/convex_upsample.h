// ConvexUpsample: the operator, and for one input shape what is in lanes, the tiles, their tasks and scratch.
#ifndef POLYPHASE_SRC_PLAN_CONVEX_UPSAMPLE_H_
#define POLYPHASE_SRC_PLAN_CONVEX_UPSAMPLE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/arena.h"
#include "geometry/split.h"
#include "geometry/tensor.h"
#include "plan/operator.h"
#include "polyphase/convex_upsample.h"

namespace polyphase::internal {

struct ConvexUpsampleOperator : OperatorImpl {
  Status MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                  std::unique_ptr<PlanImpl>* plan) const override;
  std::string Describe() const override;

  ConvexUpsampleAttributes attributes;  // with its scale
};

// A task makes the outputs of some rows of one tile of columns of one image.
struct ConvexUpsamplePlan : PlanImpl {
  explicit ConvexUpsamplePlan(const ConvexUpsampleOperator& convex) : op(convex) {}
  Status Run(const RunContext& context) const override;

  const ConvexUpsampleOperator& op;
  // Lanes are neighbouring pixels where the mask has planes. Where its channels are together, they are the factor^2
  // outputs of one pixel, if these fill a line; fewer would leave lanes empty, so the mask is transposed into planes.
  bool lanes_are_pixels = true;
  bool mask_in_place = true;
  int64_t group = 1;     // the outputs of a pixel that are in one kernel call: all, or those of a channel block
  Ranges rows, columns;  // of the input

  int64_t factor() const { return op.attributes.factor; }
  int64_t phases() const { return factor() * factor(); }
};

// The memory of one worker.
struct ConvexUpsampleScratch {
  ConvexUpsampleScratch(const ConvexUpsamplePlan& plan, Arena& arena);

  int64_t row_step;  // floats from channel to channel of `values`
  float* values;     // [row modulo 3][channel][column]: input rows with a pixel more on either side
  float* mask;       // unless it is in place: [channel][column], or the channels of one pixel
  float* panel;      // one row of outputs, [phase x][channel][column], or of all phases, [column][channel][phase]
  float* line;       // unless the output is NCHW: a row of it, [channel][column]
};

Status CreateConvexUpsampleOperator(const ConvexUpsampleAttributes& attributes, const OperatorOptions& options,
                                    std::shared_ptr<OperatorImpl>* op);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_CONVEX_UPSAMPLE_H_
