// MaxUnpool: the operator's immutable part, and for one input shape the windows, the two ways to run it, their tasks.
#ifndef POLYPHASE_SRC_PLAN_MAX_UNPOOL_H_
#define POLYPHASE_SRC_PLAN_MAX_UNPOOL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "geometry/pool.h"
#include "geometry/tensor.h"
#include "plan/kernels.h"
#include "polyphase/operator.h"
#include "polyphase/pool.h"

namespace polyphase::internal {

struct MaxUnpoolOperator {
  MaxUnpoolAttributes attributes;
  Kernels kernels;

  std::string Describe() const;
};

// Where windows do not overlap, and each index names an element of its own window, as those of MaxPool do, an output
// row is made of one input row by comparison: a task makes some output rows (z, y), which count as one axis, of one
// tile of columns. Otherwise, and where an index turns out to be another one, elements are scattered: a task fills a
// band of positions of the output plane with zeros and takes those elements of the whole input plane whose index is in
// its band, so that what a position gets does not depend on the bands. Both work on `width` channels at once: one where
// all layouts are NCHW, else kLineLanes.
struct MaxUnpoolPlan : PlanTensors {
  std::shared_ptr<const MaxUnpoolOperator> op;
  PoolAxes axes;
  IndexMap index_map{};
  SpatialSizes index_size{};  // of the tensor in which indices count
  int element_log2 = 2;
  int64_t width = 1, block_tasks = 0;

  bool disjoint = false;  // by comparison first
  int64_t tile = 0;       // input columns
  int64_t tile_tasks = 0, rows_per_task = 0, row_tasks = 0;
  int64_t bands = 0;
  // Workspace of one worker, each for a tile: values, indices, taps, output elements.
  int64_t value_bytes = 0, index_bytes = 0, tap_bytes = 0, output_bytes = 0;

  int64_t output_rows() const { return output.size[kDepth] * output.size[kRow]; }
  int64_t output_plane() const { return output_rows() * output.size[kColumn]; }
  int64_t compare_tasks() const { return input.n * block_tasks * tile_tasks * row_tasks; }
  int64_t scatter_tasks() const { return input.n * block_tasks * bands; }
  int64_t tasks() const { return disjoint ? compare_tasks() : scatter_tasks(); }
  int64_t worker_bytes() const { return value_bytes + index_bytes + tap_bytes + output_bytes; }
};

Status CreateMaxUnpoolOperator(const MaxUnpoolAttributes& attributes, const OperatorOptions& options,
                               std::shared_ptr<const MaxUnpoolOperator>* op);

// `input` is normalized and `threads` >= 1.
Status MakeMaxUnpoolPlan(std::shared_ptr<const MaxUnpoolOperator> op, const TensorDesc& input,
                         const PlanOptions& options, size_t threads, MaxUnpoolPlan* plan, std::string* reason);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_MAX_UNPOOL_H_
