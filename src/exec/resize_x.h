// ResizeX: resizes source rows along x, with one function for each kind of pass.
#ifndef POLYPHASE_SRC_EXEC_RESIZE_X_H_
#define POLYPHASE_SRC_EXEC_RESIZE_X_H_

#include <algorithm>
#include <cstdint>

#include "exec/resize_ring.h"
#include "exec/resize_source.h"
#include "geometry/index_range.h"
#include "plan/resize.h"

namespace polyphase::internal {

class ResizeX {
 public:
  // `part` changes from task to task.
  ResizeX(const ResizePlan& plan, const ResizePart& part, const ResizeScratch& scratch, const RowSource& source)
      : plan_(plan), part_(part), scratch_(scratch), source_(source), taps_args_(plan.taps_x.args) {}

  // Writes the task's columns of source row (z, y) into `row`, [column][width] for each plane; planes are row_floats
  // apart. kInPlace and kBatchedWindows have no single rows.
  void Row(int64_t z, int64_t y, float* row);
  // kBatchedWindows: writes rows [y, y + rows) into the ring.
  void Batch(int64_t z, int64_t y, int64_t rows, const RowRing& ring);

 private:
  void Copy(int64_t z, int64_t y, float* row);
  void Taps(int64_t z, int64_t y, float* row);
  void Windows(int64_t z, int64_t y, float* row);

  void PackedTaps(int64_t z, int64_t y, IndexRange outputs, float* row);
  void CallTaps(const float* source, IndexRange outputs, float* row);
  void CallWindows(const float* source, int64_t first, int64_t vectors, IndexRange outputs, float* row);

  // Calls body(outputs) for the steps in which these columns are packed and resized.
  template <class Body>
  void ForEachStep(IndexRange columns, const Body& body) const {
    for (int64_t o = columns.begin; o < columns.end; o += plan_.step) {
      body(IndexRange{o, std::min(o + plan_.step, columns.end)});
    }
  }

  // Returns plan.x.Sources, which looks at every window, and took a sixth of the time; rows ask for the same ones.
  IndexRange Sources(IndexRange outputs) {
    if (outputs.begin != outputs_.begin || outputs.end != outputs_.end) {
      outputs_ = outputs;
      sources_ = plan_.x.Sources(outputs.begin, outputs.end);
    }
    return sources_;
  }

  const ResizePlan& plan_;
  const ResizePart& part_;
  const ResizeScratch& scratch_;
  const RowSource& source_;
  IndexRange outputs_{0, 0}, sources_{0, 0};
  ResizeXArgs taps_args_;  // every call changes four fields
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_RESIZE_X_H_
