// MaxPool, AvgPool and AvgUnpool: the operator, and for one input shape the windows, tiles, tasks and scratch.
#ifndef POLYPHASE_SRC_PLAN_POOL_H_
#define POLYPHASE_SRC_PLAN_POOL_H_

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

enum class PoolKind { kMax, kAverage, kAverageUnpool };

struct PoolOperator : OperatorImpl {
  Status MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                  std::unique_ptr<PlanImpl>* plan) const override;
  std::string Describe() const override;

  PoolKind kind = PoolKind::kMax;
  PoolWindow window;
  // kMax
  IndexConvention index_convention = IndexConvention::kPlane;
  bool column_major = false;
  // For the averages. Without `divide` (AvgUnpoolMode::kCopy) nothing is divided.
  bool divide = true;
  bool count_include_pad = true;
  int64_t divisor_override = 0;
};

// All three ops are the same: an output pixel reduces a box of input pixels, which are those of its window or, in
// AvgUnpool, the windows that cover it. A task computes some output rows (z, y), which count as one axis, of one tile
// of columns of kLineLanes channels. The input rows that it needs are packed into a strip of slots
// [column][kLineLanes], unless the input has lines of channels already. Each row is packed once, as long as its slot is
// not needed for another row. A box with more rows than there are slots is reduced part by part.
struct PoolPlan : PlanImpl {
  explicit PoolPlan(const PoolOperator& pool) : op(pool) {}
  Status Run(const RunContext& context) const override;

  const PoolOperator& op;
  PoolAxes axes;
  IndexMap index_map{};
  Conversion conversion = Conversion::kF32;
  // In AvgUnpool, windows may have different divisors: inputs are then divided while they are packed, instead of the
  // sums.
  bool divide_inputs = false;

  int64_t tile_inputs = 0;         // most input columns that a tile reads; 0 where rows are read where they are
  int64_t box_rows = 0;            // most rows that are reduced at once
  int64_t ring_z = 0, ring_y = 0;  // slots; row (z, y) is in slot (z mod ring_z, y mod ring_y)
  int64_t slots = 0;               // without a ring (ring_y == 0) as many as box_rows
  Ranges rows, columns, channels;  // of the output, in a task

  bool unpool() const { return op.kind == PoolKind::kAverageUnpool; }

  // Returns the inputs that an output reads along an axis.
  AxisElements Inputs(int axis, int64_t output_index) const {
    return unpool() ? axes[axis].Windows(output_index) : axes[axis].Elements(output_index);
  }
  // Returns the range from the first to the last input that some neighbouring outputs read.
  IndexRange InputRange(int axis, const IndexRange& outputs) const {
    const PoolAxis& a = axes[axis];
    if (!unpool()) {
      return IndexRange{a.Begin(outputs.begin), a.Begin(outputs.end - 1) + a.EffectiveKernel()}.Clip(a.full);
    }
    const AxisElements last = a.Windows(outputs.end - 1);
    return {a.Windows(outputs.begin).first, last.first + last.count};
  }
  int64_t MaxInputs(int axis) const { return unpool() ? axes[axis].MaxWindows() : axes[axis].MaxElements(); }
};

// The memory of one worker.
struct PoolScratch {
  PoolScratch(const PoolPlan& plan, Arena& arena);

  int64_t* held;           // the row in each slot of the strip
  const float** rows;      // of the part of a box that is reduced
  int32_t* row_positions;  // and their positions
  float* strip;            // [slot][input column of the tile][kLineLanes]
  // These are the [output column][kLineLanes] of a tile. The last two are taken where the plan has indices.
  float* values;
  int32_t* positions;
  int64_t* indices;
};

Status CreateMaxPoolOperator(const MaxPoolAttributes& attributes, const OperatorOptions& options,
                             std::shared_ptr<OperatorImpl>* op);
Status CreateAvgPoolOperator(const AvgPoolAttributes& attributes, const OperatorOptions& options,
                             std::shared_ptr<OperatorImpl>* op);
Status CreateAvgUnpoolOperator(const AvgUnpoolAttributes& attributes, const OperatorOptions& options,
                               std::shared_ptr<OperatorImpl>* op);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_POOL_H_
