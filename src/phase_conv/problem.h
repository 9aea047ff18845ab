// What every dense op is lowered to: layers of phases with their weights, and for one input the problems to solve.
#ifndef POLYPHASE_SRC_PHASE_CONV_PROBLEM_H_
#define POLYPHASE_SRC_PHASE_CONV_PROBLEM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "geometry/index_range.h"
#include "geometry/phases.h"
#include "geometry/tensor.h"
#include "phase_conv/weights.h"
#include "plan/epilogue.h"
#include "plan/operator.h"
#include "polyphase/epilogue.h"

namespace polyphase::internal {

struct PhaseAlgorithm;

// One phase convolution before the input's size is known.
struct PhaseLayer {
  int64_t groups = 1, ic = 0, oc = 0;  // ic and oc of one group
  std::array<AxisPhases, kMaxSpatialRank> phases;
  SpatialSizes origin{};  // added to that of the output's shape
  JoinedPhases joined;
  PhaseWeights weights;
};

class PhaseConvOperator final : public OperatorImpl {
 public:
  Status MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                  std::unique_ptr<PlanImpl>* plan) const override;
  std::string Describe() const override;
  std::string DescribeSaving() const;

  std::string layer_text;  // kernel, strides and what is fused, for Describe
  int32_t spatial_rank = 0;
  int64_t input_channels = 0, output_channels = 0, groups = 1;  // of the attributes
  // The output's size and the origin of each axis for an input's size and PlanOptions::output_size, both expanded.
  std::function<Status(const SpatialSizes& input, const SpatialSizes& output_size, PhaseShape* shape)> resolve;
  Prologue prologue;
  OpEpilogue epilogue;    // without scale and shift, which are in weights and biases
  double flop_ratio = 1;  // multiply-adds of the ops that are fused, one after the other, per multiply-add here
  PhaseLayer layer;
  // The same layer without a fold, for the outputs near the ends of each axis that border_begin and border_end count:
  // their padding reflects more than a pixel. Null without any.
  std::unique_ptr<PhaseLayer> border;
  SpatialSizes border_begin{}, border_end{};
  // The choice of kAuto for every length of a 1-D layer, so that a new length never needs another format of the weights;
  // null otherwise.
  const PhaseAlgorithm* fixed = nullptr;
};

// A part of the output that one algorithm computes.
struct PhaseProblem {
  PhaseProblem(const PhaseConvOperator& op, const PhaseLayer& layer, const PlanTensors& tensors,
               const SpatialSizes& origin, const std::array<IndexRange, kMaxSpatialRank>& part);

  const PhaseConvOperator& op;
  const PhaseLayer& layer;
  const PlanTensors& tensors;
  std::array<IndexRange, kMaxSpatialRank> part;
  std::array<Axis, kMaxSpatialRank> axes;  // outputs count from the part's begin
};

// A problem as a format of weights sees it.
struct PhaseView {
  PhaseView(const PhaseProblem& problem, const WeightFormat& format);

  const Axis& x() const { return axes[kColumn]; }
  double Product(int64_t Axis::*size) const;
  // (output, tap) pairs that meet an input.
  double Pairs() const;
  // Multiplications that meet an input.
  double UsefulMacs() const;

  // Where phases are joined, an axis's outputs are the positions q, and the channels of one position are those of all
  // joined phases. The first `skip` outputs of the first position do not exist.
  std::array<Axis, kMaxSpatialRank> axes;
  SpatialSizes join{1, 1, 1}, skip{};
  int64_t images, groups, ic, oc;
  // All groups at once, channels in lanes on both sides: group g's one input channel feeds the output channels
  // [g * multiplier, (g + 1) * multiplier), and the strip repeats it for each of them.
  bool depthwise = false;
  int64_t multiplier = 1;
};

// Completes a layer whose fields before `joined` are set: joins phases, packs weights. `op` has its kernels. `source` has
// the weights and biases, with the epilogue's scale and shift in them, and needs no phases.
Status FinishLayer(const PhaseConvOperator& op, WeightSource source, const Runtime& runtime, PhaseLayer* layer);
// Completes an operator whose layers are finished: keeps the epilogue without scale and shift, makes the fixed choice.
Status FinishOperator(const Epilogue& epilogue, const Runtime& runtime, PhaseConvOperator* op);

// "4x4": the last `rank` sizes.
std::string SizesText(const SpatialSizes& sizes, int32_t rank);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PHASE_CONV_PROBLEM_H_
