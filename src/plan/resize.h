// Resize: the operator, and for one input shape the tables, how rows move, the tasks and the scratch.
#ifndef POLYPHASE_SRC_PLAN_RESIZE_H_
#define POLYPHASE_SRC_PLAN_RESIZE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/aligned_buffer.h"
#include "base/arena.h"
#include "geometry/resize.h"
#include "geometry/split.h"
#include "geometry/tensor.h"
#include "plan/epilogue.h"
#include "plan/operator.h"
#include "plan/resize_elements.h"
#include "polyphase/resize.h"

namespace polyphase::internal {

struct ResizeOperator : OperatorImpl {
  Status MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                  std::unique_ptr<PlanImpl>* plan) const override;
  std::string Describe() const override;

  std::string FilterName() const;  // for both Describes
  bool pointwise() const { return HasPointwise(attributes); }

  ResizeAttributes attributes;
  OwnedEpilogue epilogue;
  // A 1x1 convolution's weights, times the epilogue's scale; its bias is in the epilogue. The width of a tile divides
  // kLineLanes, and the channels that fill the last line have zeros.
  ColumnTiles tiles;
  AlignedBuffer weights;
};

// Says how a source row becomes a row of the ring, or of the output.
enum class RowPass : int {
  kNone,            // the plan of an empty tensor
  kInPlace,         // x does not change: contiguous f32 rows are read where they are
  kCopy,            // x does not change: pixels are packed
  kPermute,         // taps of elements, of which one load serves all
  kPermutePerTap,   // taps or windows of elements, each permuted out of a few vectors
  kGather,          // taps of elements, gathered
  kShortPixels,     // taps or windows of elements, a pixel of 3 or 4 at a time
  kPixels,          // taps of pixels of at least a line
  kWindows,         // windows of the channels of a block
  kBatchedWindows,  // windows of kLineLanes neighbouring rows of a contiguous plane, which lie side by side
};

// Says how an output row is stored.
enum class RowStore : int {
  kPanel,    // summed into a panel in L1, which goes through the epilogue
  kSummed,   // summed in the output, with the residual
  kResized,  // its one tap in z and y is resized into the output or, if it is not streamed, copied from the row above
};

// The kernel of the passes from kPermute to kPixels, and the tables that it reads.
struct RowTaps {
  ResizeXFn resize;
  ResizeXArgs args;         // without the fields of a call: source, row, begin, end
  int64_t unit;             // outputs of the kernel in a column: elements, or one pixel
  IndexRange direct{0, 0};  // columns whose sources need no packing
  ElementTaps elements;     // `args` refers to them, unless outputs are pixels
};

// A task computes some rows (z, y) of some columns of one plane or, with a 1x1 convolution, of a few planes. A source
// row is resized along x into a ring of as many rows as an output row has taps in z times y, and each output row is the
// weighted sum of the ring. A plane has one of two forms:
//   contiguous: rows lie in memory without gaps on both sides, and have pixels of `width` floats. That is one channel
//     (width 1), or all of the few channels of a kNhwc tensor.
//   blocks: kLineLanes channels side by side (width kLineLanes), which are packed.
// Pixels beyond the edges and pixels that are not f32 are packed first, with copies of the edges; the rest of a
// contiguous row is read where it is. Chunks of columns whose ring stays in L1 were slower for wide pictures (1.1 to
// 1.4 times, 3840 pixels), because rows of memory are read and streamed best as a whole.
// With a 1x1 convolution, planes are blocks of output channels, and a source row is the product of its pixels, packed
// as a strip of input channels, and the weights of the blocks of the task.
struct ResizePlan : PlanImpl {
  explicit ResizePlan(const ResizeOperator& resize) : op(resize) {}
  Status Run(const RunContext& context) const override;

  const ResizeOperator& op;
  ResizeAxis z, y, x;
  // Windows only: rows are summed by this table before they are resized along x; then y copies. Source rows are read
  // again for each sum.
  std::optional<ResizeAxis> first_y;
  Conversion conversion = Conversion::kF32;
  ResizeLane lane = ResizeLane::kF32;

  bool contiguous = false;  // the form of planes
  int64_t width = 1;        // floats of a pixel of a plane
  PlanTensors stored;       // the tensors as StorePanel sees them: a contiguous plane has one channel

  RowPass pass = RowPass::kNone;
  RowTaps taps_x{};
  RowStore store = RowStore::kPanel;
  bool stream = false;  // outputs go past the caches

  Ranges columns, rows, planes;    // of the output, in a task; columns are multiples of kLineLanes
  int64_t ring_z = 1, ring_y = 1;  // rows of the ring
  int64_t step = 0;                // columns that are packed and resized at a time
  int64_t source_pixels = 0;       // the most source pixels that a step reads
  int64_t source_floats = 0;       // what they take when they are packed for all planes; 0 where nothing is packed
  int64_t row_floats = 0;          // one plane of a row of the ring
  int64_t panel_floats = 0;

  // Rows of first_y that are packed before they are summed: all that are not read where they are.
  int64_t rows_packed() const { return first_y && lane == ResizeLane::kFixed ? first_y->taps : 0; }
  bool batched() const { return pass == RowPass::kBatchedWindows; }
  int64_t taps() const { return z.taps * y.taps; }  // of an output row
  bool windows_y() const { return z.windows || y.windows || taps() > kMaxResizeTaps; }
};

// The memory of one worker.
struct ResizeScratch {
  ResizeScratch(const ResizePlan& plan, Arena& arena);

  float* strip;            // pixels that the 1x1 convolution multiplies, [block of input channels][pixel][kLineLanes]
  float* source;           // packed pixels or products, [plane][pixel][width]
  float* y_sources;        // first_y: packed pixels of the rows of a sum, [tap][pixel][width]
  float* y_sums;           // and with kBatchedWindows sums, [row][pixel][width]
  float* batch;            // kBatchedWindows: outputs, [column][width][kLineLanes]
  float* ring;             // [slot][plane][column][width]
  float* panel;            // an output row of a plane, [column][width]
  float* residual;         // and its residual
  int64_t* held;           // the source row in each slot of the ring
  const float** tap_rows;  // of one output row with windows, or one row of first_y
  float* tap_weights;
};

// Returns the least of `rows` output rows that a task should have: neighbouring tasks resize some source rows twice.
// Windows of a shrinking axis overlap by less than their length.
int64_t LeastRows(const ResizeAxis& y, int64_t rows);

// Checks the input and the options, and sets the tensors of a plan and what its axes are made from.
Status InferResize(const ResizeOperator& op, const TensorDesc& input, const PlanOptions& options, PlanTensors* tensors,
                   ResizeSizes* sizes);

Status CreateResizeOperator(const ResizeAttributes& attributes, const OperatorOptions& options,
                            std::shared_ptr<OperatorImpl>* op);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_RESIZE_H_
