// ConvTranspose: the operator's immutable part, and for one input shape the algorithm, the tiles, the tasks, the
// workspace.
#ifndef POLYPHASE_SRC_PLAN_CONV_TRANSPOSE_H_
#define POLYPHASE_SRC_PLAN_CONV_TRANSPOSE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "geometry/conv_transpose.h"
#include "geometry/tensor.h"
#include "plan/conv_weights.h"
#include "plan/epilogue.h"
#include "plan/kernels.h"
#include "polyphase/conv_transpose.h"
#include "polyphase/operator.h"

namespace polyphase::internal {

struct ConvTransposeOperator {
  ConvTransposeAttributes attributes;
  AxisTaps taps_y, taps_x;
  Kernels kernels;
  ConvWeights weights;
  OpEpilogue epilogue;

  std::string Describe() const;
};

// A task computes output rows [band] of the channels of some tiles of one group of some images. It packs the input rows
// that they read into a strip first, so that the tiles see one format whatever the layout:
//   strip [y][channel block][x][image][kStripBlock],
// where a tile's pixels are neighbours in x (batched: in image) and thus kStripBlock floats apart. Without `batched`
// there is one image and the strip has the zeros that taps left and right of the image read; with it, taps outside are
// left out in x as they always are in y, which serves maps that are small beside the kernel.
struct ConvTransposePlan : PlanTensors {
  std::shared_ptr<const ConvTransposeOperator> op;
  Axis y, x;
  Algorithm algorithm = Algorithm::kAuto;  // never kAuto once planned
  bool depthwise = false;                  // all groups at once, channels in lanes on both sides
  int64_t groups = 0, ic = 0, oc = 0;      // ic and oc of one group; depthwise: 1 group of all channels
  const float* weights = nullptr;          // packed in the form of the algorithm
  ColumnTiles tiles{};                     // of the packed weights
  int64_t weights_group_stride = 0;
  bool flattened = false;  // the packed form is kColumns

  bool stream = false;  // the output goes past the caches
  bool batched = false;
  int64_t images_per_task = 0, image_tasks = 0;
  int64_t rows_per_task = 0, row_tasks = 0;    // output rows
  int64_t tiles_per_task = 0, tile_tasks = 0;  // flattened: 1 task of all tiles
  int64_t x_chunk = 0;                         // kSubpixel: positions q of a row whose outputs share a panel in L1
  IndexRange strip_x{0, 0};                    // inputs of one strip row; negative or >= in: zeros

  // Workspace of one worker, each a multiple of 16.
  int64_t strip_floats = 0, columns_floats = 0, panel_floats = 0;

  int64_t tasks() const { return groups * image_tasks * row_tasks * tile_tasks; }
  int64_t worker_floats() const { return strip_floats + columns_floats + panel_floats; }
};

Status CreateConvTransposeOperator(const ConvTransposeAttributes& attributes, const float* weights, const float* bias,
                                   const OperatorOptions& options, std::shared_ptr<const ConvTransposeOperator>* op);

// `input` is normalized and `threads` >= 1. For n == 0 the plan has no weights. `reason` says why the algorithm was
// taken.
Status MakeConvTransposePlan(std::shared_ptr<const ConvTransposeOperator> op, const TensorDesc& input,
                             const PlanOptions& options, size_t threads, ConvTransposePlan* plan, std::string* reason);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_CONV_TRANSPOSE_H_
