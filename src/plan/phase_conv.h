// The dense ops, which are all phase convolutions: the operator's immutable part, and for one input shape the algorithm,
// the tiles, the tasks, the workspace. What an op is on top of that is in plan/conv.cc and plan/conv_transpose.cc.
#ifndef POLYPHASE_SRC_PLAN_PHASE_CONV_H_
#define POLYPHASE_SRC_PLAN_PHASE_CONV_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "geometry/conv.h"
#include "geometry/conv_transpose.h"
#include "geometry/phases.h"
#include "geometry/tensor.h"
#include "plan/conv_weights.h"
#include "plan/epilogue.h"
#include "plan/kernels.h"
#include "polyphase/operator.h"

namespace polyphase::internal {

struct PhaseConvOperator {
  const char* name;
  std::variant<ConvTransposeAttributes, ConvAttributes> attributes;  // axes expanded
  int32_t spatial_rank;
  int64_t input_channels, output_channels, groups;  // of the tensors
  Prologue prologue;
  std::array<AxisPhases, kMaxSpatialRank> phases;
  SpatialSizes origin{};  // unless the sizes decide it
  double saving = 1;      // multiplications of the ops that are fused, one after the other, for each that is left
  // The number of phases of the axes whose phases are computed as one, with that one; elsewhere 1.
  SpatialSizes join{1, 1, 1};
  std::array<AxisPhases, kMaxSpatialRank> joined;
  Kernels kernels;
  ConvWeights weights;
  OpEpilogue epilogue;  // scale and shift are in weights and biases
  bool gemm = false;    // whether kGemmCol2im exists
  // The same layer without a fold, for the outputs whose padding reflects more than one pixel; null where there are none.
  std::shared_ptr<const PhaseConvOperator> border;
  // What kAuto means for every length of a 1-D layer, so that a new length never needs another form of the weights;
  // kAuto otherwise.
  Algorithm algorithm = Algorithm::kAuto;

  std::string Describe() const;
  std::string DescribeSaving() const;
};

// A task computes a box of outputs, of the channels of some tiles of one group of some images. It packs the inputs that
// they read into a strip first, so that the tiles see one format whatever the layout:
//   strip [z][y][channel block][x][image][kStripBlock],
// where a tile's pixels are neighbours in x (batched: in image) and thus kStripBlock floats apart. Without `batched`
// there is one image and the strip has the pixels outside of the input that taps read, on the left and right; with it,
// and in z and y, taps that read zeros are left out, which serves maps that are small beside the kernel.
struct PhaseConvPlan : PlanTensors {
  std::shared_ptr<const PhaseConvOperator> op;
  // The part of the output that this plan computes, and the plans of the others, which have none in their turn.
  SpatialSizes part_begin{}, part_size{};
  std::vector<PhaseConvPlan> others;
  // What is computed. Where phases are joined, an axis's outputs are the positions q, and the channels of one are those
  // of all joined phases: channel (phase z, y, x, channel of the tensor). The store takes them apart.
  std::array<Axis, kMaxSpatialRank> axes;
  SpatialSizes join{1, 1, 1};
  SpatialSizes join_skip{};                // outputs of the first position that do not exist
  Algorithm algorithm = Algorithm::kAuto;  // never kAuto once planned
  WeightForm form = WeightForm::kTaps;
  // All groups at once, channels in lanes on both sides: group g's one input channel feeds the output channels
  // [g * multiplier, (g + 1) * multiplier), and the strip repeats it for each of them.
  bool depthwise = false;
  int64_t multiplier = 1;
  int64_t groups = 0, ic = 0, oc = 0;  // ic and oc of one group; depthwise: 1 group of all output channels
  PackedWeights packed{};              // in `form`
  ColumnTiles tiles{};                 // of the packed weights
  int64_t weights_group_stride = 0;

  bool stream = false;  // the output goes past the caches
  bool batched = false;
  int64_t images_per_task = 0, image_tasks = 0;
  SpatialSizes box{}, box_tasks{};             // outputs of a task along each axis, and how many tasks there are
  int64_t tiles_per_task = 0, tile_tasks = 0;  // kColumns and kJoined: 1 task of all tiles
  int64_t x_chunk = 0;                         // kSubpixel: positions q of a row whose outputs share a panel in L1
  // kColumns: floats between two planes of the columns and of a row's sums, and how many of the latter.
  int64_t column_plane = 0, sum_plane = 0, sum_planes = 0;

  // Workspace of one worker, each a multiple of 16. Columns are the GEMM's, or joined phases before they
  // are taken apart.
  int64_t strip_floats = 0, columns_floats = 0, panel_floats = 0;

  const Axis& x() const { return axes[kColumn]; }
  bool flattened() const { return form == WeightForm::kColumns; }
  bool is_joined() const { return form == WeightForm::kJoined; }
  // Channels of the tensor in one group's oc.
  int64_t tensor_oc() const { return oc / (join[0] * join[1] * join[2]); }
  // Of this part alone, as the workspace.
  int64_t part_tasks() const {
    return groups * image_tasks * box_tasks[kDepth] * box_tasks[kRow] * box_tasks[kColumn] * tile_tasks;
  }
  int64_t tasks() const {
    int64_t sum = part_tasks();
    for (const PhaseConvPlan& other : others) sum += other.part_tasks();
    return sum;
  }
  int64_t worker_floats() const { return strip_floats + columns_floats + (residual ? 2 : 1) * panel_floats; }
};

Status CreateConvTransposeOperator(const ConvTransposeAttributes& attributes, const Weights& weights, const float* bias,
                                   const OperatorOptions& options, std::shared_ptr<const PhaseConvOperator>* op);
Status CreateConvOperator(const ConvAttributes& attributes, const Weights& weights, const float* bias,
                          const OperatorOptions& options, std::shared_ptr<const PhaseConvOperator>* op);

// What both have left to do, once the fields before `join` are set: kernels, joined axes, packed weights, epilogue.
// `source` has the weights and biases, with the epilogue's scale and shift in them.
Status FinishPhaseConvOperator(const Epilogue& epilogue, ConvWeightsSource source, const OperatorOptions& options,
                               const std::shared_ptr<PhaseConvOperator>& op);

// `input` is normalized and `threads` >= 1. For n == 0 the plan has no weights. `reason` says why the algorithm was
// taken.
Status MakePhaseConvPlan(std::shared_ptr<const PhaseConvOperator> op, const TensorDesc& input,
                         const PlanOptions& options, size_t threads, PhaseConvPlan* plan, std::string* reason);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_PHASE_CONV_H_
