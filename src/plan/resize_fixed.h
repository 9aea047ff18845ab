// Resize of u8 in fixed point, on bytes: for one input shape the tables, the tasks and the scratch.
#ifndef POLYPHASE_SRC_PLAN_RESIZE_FIXED_H_
#define POLYPHASE_SRC_PLAN_RESIZE_FIXED_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "base/arena.h"
#include "geometry/resize.h"
#include "geometry/split.h"
#include "kernels/resize_bytes.h"
#include "plan/operator.h"
#include "plan/resize.h"

namespace polyphase::internal {

// The windows of the rows, as FixedYArgs takes them: [output row][pair][part].
struct FixedRows {
  int parts = 1;
  int64_t stride = 0;  // of an output row
  std::vector<int32_t> weights;
};

// The windows of the columns, as FixedXArgs takes them.
struct FixedColumns {
  int parts = 1;
  bool one_weight = false;
  std::vector<FixedBlock> blocks;
  std::vector<int16_t> weights;
};

// Both passes read and write bytes, as both round to bytes: the sums are those of ResizePlan, bit for bit. Planes are
// contiguous, rows of pixels of up to 8 channels. A task computes some rows (z, y) of one plane. It resizes rows along
// x into a ring, kFixedRows at a time, and sums the ring into the output; with `rows_first` it sums kFixedRows output
// rows, and resizes the sums.
struct ResizeFixedPlan : PlanImpl {
  explicit ResizeFixedPlan(const ResizeOperator& resize) : op(resize) {}
  Status Run(const RunContext& context) const override;

  const ResizeOperator& op;
  ResizeAxis y, x;
  FixedRows rows_y;
  FixedColumns columns_x;
  bool rows_first = false;
  int64_t pixel = 1;  // bytes
  int64_t planes = 1;
  Ranges rows;            // of the output, in a task
  int64_t ring_rows = 0;  // 0 where x does not change
};

// The memory of one worker.
struct ResizeFixedScratch {
  ResizeFixedScratch(const ResizeFixedPlan& plan, Arena& arena);

  int64_t row_bytes;         // of a row of the ring
  uint8_t* ring;             // [row][pixel]
  int64_t* held;             // the source row in each row of the ring
  uint8_t* sums;             // rows_first: [kFixedRows][input pixel]
  const uint8_t** tap_rows;  // of one output row, a whole number of pairs
};

// Returns the plan on bytes that does what `plan` would do, or null where there is none. `plan` has its tables and the
// form of planes.
std::unique_ptr<ResizeFixedPlan> MakeResizeFixedPlan(const ResizePlan& plan, size_t threads);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_RESIZE_FIXED_H_
