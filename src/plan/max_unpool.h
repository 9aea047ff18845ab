// MaxUnpool: the operator, and for one input shape the windows, the two ways to run it, their tasks and scratch.
#ifndef POLYPHASE_SRC_PLAN_MAX_UNPOOL_H_
#define POLYPHASE_SRC_PLAN_MAX_UNPOOL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/arena.h"
#include "geometry/pool.h"
#include "geometry/split.h"
#include "geometry/tensor.h"
#include "plan/operator.h"
#include "polyphase/pool.h"

namespace polyphase::internal {

struct MaxUnpoolOperator : OperatorImpl {
  Status MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                  std::unique_ptr<PlanImpl>* plan) const override;
  std::string Describe() const override;

  MaxUnpoolAttributes attributes;
};

// Comparison makes an output row of one input row. It serves windows that do not overlap, if each index names an
// element of its own window, as those of MaxPool do. A task then makes some output rows (z, y), which count as one
// axis, of one tile of columns.
// Scatter serves the rest, and also runs where an index turns out to name another element. A task then fills a band of
// positions of the output plane with zeros and takes those elements of the whole input plane whose index is in its
// band, so that what a position gets does not depend on the bands. `flat` planes are filled whole, one after the other.
// Both work on `width` channels at once: one where all layouts are NCHW and rows have kLineLanes pixels or more, else
// kLineLanes.
struct MaxUnpoolPlan : PlanImpl {
  explicit MaxUnpoolPlan(const MaxUnpoolOperator& unpool) : op(unpool) {}
  Status Run(const RunContext& context) const override;

  const MaxUnpoolOperator& op;
  PoolAxes axes;
  IndexMap index_map{};
  SpatialSizes index_size{};  // size of the tensor in which indices count
  int element_log2 = 2, index_log2 = 2;
  int64_t width = 1;

  bool disjoint = false;  // tasks compare, and scatter only where an index is in another window
  bool flat = false;      // a scatter's planes are dense and small; an index, less their first, is a position in one
  Ranges channels;        // of both kinds of tasks: `width` or, of flat planes, any number
  Ranges rows, columns;   // a comparison has output rows and input columns,
  Ranges bands;           // a scatter has positions of the output plane

  int64_t compare_tasks() const { return input.n * channels.count * columns.count * rows.count; }
  int64_t scatter_tasks() const { return input.n * channels.count * bands.count; }
};

// The memory of one worker for comparisons of one tile. Taps are written for whole vectors, from any pixel on.
struct MaxUnpoolScratch {
  MaxUnpoolScratch(const MaxUnpoolPlan& plan, Arena& arena);

  char* values;
  char* indices;
  int32_t* taps;
  char* panel;  // of outputs
};

Status CreateMaxUnpoolOperator(const MaxUnpoolAttributes& attributes, const OperatorOptions& options,
                               std::shared_ptr<OperatorImpl>* op);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_MAX_UNPOOL_H_
