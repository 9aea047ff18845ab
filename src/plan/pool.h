// MaxPool, AvgPool and AvgUnpool: the operator's immutable part, and for one input shape the windows, tiles, tasks,
// workspace.
#ifndef POLYPHASE_SRC_PLAN_POOL_H_
#define POLYPHASE_SRC_PLAN_POOL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "geometry/pool.h"
#include "geometry/tensor.h"
#include "plan/kernels.h"
#include "polyphase/operator.h"
#include "polyphase/pool.h"

namespace polyphase::internal {

enum class PoolKind { kMax, kAverage, kAverageUnpool };

struct PoolOperator {
  PoolKind kind = PoolKind::kMax;
  PoolWindow window;
  // kMax
  IndexConvention index_convention = IndexConvention::kPlane;
  bool column_major = false;
  // The averages. Without `divide` (AvgUnpoolMode::kCopy) nothing is divided.
  bool divide = true;
  bool count_include_pad = true;
  int64_t divisor_override = 0;
  Kernels kernels;

  const char* name() const;
  std::string Describe() const;
};

// All three ops are the same: an output pixel reduces a box of input pixels, which are those of its window, or in
// AvgUnpool the windows that cover it. A task computes some output rows (z, y), which count as one axis, of one tile of
// columns of kLineLanes channels. The input rows that it needs are packed into a strip of slots [column][kLineLanes],
// each once as long as its slot is not needed for another row, unless the input has 16 channels side by side already.
// A box with more rows than there are slots is reduced part by part.
struct PoolPlan : PlanTensors {
  std::shared_ptr<const PoolOperator> op;
  PoolAxes axes;
  IndexMap index_map{};
  Conversion conversion = Conversion::kF32;
  // AvgUnpool: the windows have different divisors, so that inputs are divided while they are packed, not the sums.
  bool divide_inputs = false;

  int64_t tile = 0;                // output columns
  int64_t tile_inputs = 0;         // most input columns that a tile reads
  int64_t box_rows = 0;            // most rows that are reduced at once
  int64_t ring_z = 0, ring_y = 0;  // slots; row (z, y) is in slot (z mod ring_z, y mod ring_y)
  int64_t slots = 0;               // without a ring (ring_y == 0) as many as box_rows
  int64_t rows_per_task = 0, row_tasks = 0, tile_tasks = 0, block_tasks = 0;

  // Workspace of one worker: an id for each slot, pointers and positions of box_rows rows, the strip, and, for a tile,
  // values, positions, indices.
  int64_t strip_bytes() const { return slots * tile_inputs * kLineLanes * int64_t{sizeof(float)}; }
  int64_t worker_bytes = 0;

  bool unpool() const { return op->kind == PoolKind::kAverageUnpool; }
  int64_t output_rows() const { return output.size[kDepth] * output.size[kRow]; }
  int64_t tasks() const { return input.n * block_tasks * tile_tasks * row_tasks; }

  // The inputs that an output reads along an axis.
  AxisElements Inputs(int axis, int64_t output_index) const {
    return unpool() ? axes[axis].Windows(output_index) : axes[axis].Elements(output_index);
  }
  // From the first to the last input that some neighbouring outputs read.
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

// Whether channels [channel, channel + kLineLanes) of f32 pixels lie side by side in memory.
bool IsPoolPanel(const TensorDesc& desc, int64_t channel);

Status CreateMaxPoolOperator(const MaxPoolAttributes& attributes, const OperatorOptions& options,
                             std::shared_ptr<const PoolOperator>* op);
Status CreateAvgPoolOperator(const AvgPoolAttributes& attributes, const OperatorOptions& options,
                             std::shared_ptr<const PoolOperator>* op);
Status CreateAvgUnpoolOperator(const AvgUnpoolAttributes& attributes, const OperatorOptions& options,
                               std::shared_ptr<const PoolOperator>* op);

// `input` is normalized and `threads` >= 1.
Status MakePoolPlan(std::shared_ptr<const PoolOperator> op, const TensorDesc& input, const PlanOptions& options,
                    size_t threads, PoolPlan* plan, std::string* reason);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_POOL_H_
