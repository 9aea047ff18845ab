// ConvTranspose: the operator's immutable part, and for one input shape the algorithm, the tiles, the tasks, the
// workspace.
#ifndef POLYPHASE_SRC_PLAN_CONV_TRANSPOSE_H_
#define POLYPHASE_SRC_PLAN_CONV_TRANSPOSE_H_

#include <array>
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
  ConvTransposeAttributes attributes;  // axes expanded
  std::array<AxisTaps, kMaxSpatialRank> taps;
  Kernels kernels;
  ConvWeights weights;
  OpEpilogue epilogue;
  // What kAuto means for every length of a 1-D layer, so that a new length never needs another form of the weights;
  // kAuto otherwise.
  Algorithm algorithm = Algorithm::kAuto;

  std::string Describe() const;
};

// A task computes a box of outputs, of the channels of some tiles of one group of some images. It packs the inputs that
// they read into a strip first, so that the tiles see one format whatever the layout:
//   strip [z][y][channel block][x][image][kStripBlock],
// where a tile's pixels are neighbours in x (batched: in image) and thus kStripBlock floats apart. Without `batched`
// there is one image and the strip has the zeros that taps left and right of the image read; with it, taps outside are
// left out in x as they always are in z and y, which serves maps that are small beside the kernel.
struct ConvTransposePlan : PlanTensors {
  std::shared_ptr<const ConvTransposeOperator> op;
  std::array<Axis, kMaxSpatialRank> axes;
  Algorithm algorithm = Algorithm::kAuto;  // never kAuto once planned
  // All groups at once, channels in lanes on both sides: group g's one input channel feeds the output channels
  // [g * multiplier, (g + 1) * multiplier), and the strip repeats it for each of them.
  bool depthwise = false;
  int64_t multiplier = 1;
  int64_t groups = 0, ic = 0, oc = 0;  // ic and oc of one group; depthwise: 1 group of all output channels
  const float* weights = nullptr;      // packed in the form of the algorithm
  ColumnTiles tiles{};                 // of the packed weights
  int64_t weights_group_stride = 0;
  bool flattened = false;  // the packed form is kColumns

  bool stream = false;  // the output goes past the caches
  bool batched = false;
  int64_t images_per_task = 0, image_tasks = 0;
  SpatialSizes box{}, box_tasks{};             // outputs of a task along each axis, and how many tasks there are
  int64_t tiles_per_task = 0, tile_tasks = 0;  // flattened: 1 task of all tiles
  int64_t x_chunk = 0;                         // kSubpixel: positions q of a row whose outputs share a panel in L1

  // Workspace of one worker, each a multiple of 16.
  int64_t strip_floats = 0, columns_floats = 0, panel_floats = 0;

  const Axis& x() const { return axes[kColumn]; }
  int64_t tasks() const {
    return groups * image_tasks * box_tasks[kDepth] * box_tasks[kRow] * box_tasks[kColumn] * tile_tasks;
  }
  int64_t worker_floats() const { return strip_floats + columns_floats + (residual ? 2 : 1) * panel_floats; }
};

Status CreateConvTransposeOperator(const ConvTransposeAttributes& attributes, const float* weights, const float* bias,
                                   const OperatorOptions& options, std::shared_ptr<const ConvTransposeOperator>* op);

// `input` is normalized and `threads` >= 1. For n == 0 the plan has no weights. `reason` says why the algorithm was
// taken.
Status MakeConvTransposePlan(std::shared_ptr<const ConvTransposeOperator> op, const TensorDesc& input,
                             const PlanOptions& options, size_t threads, ConvTransposePlan* plan, std::string* reason);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_CONV_TRANSPOSE_H_
