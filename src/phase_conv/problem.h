// Every dense op is lowered to layers of phases with their weights, which become the problems to solve for one input.
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
#include "polyphase/weights.h"

namespace polyphase::internal {

struct PhaseAlgorithm;

// One phase convolution before the size of the input is known.
struct PhaseLayer {
  int64_t groups = 1, ic = 0, oc = 0;  // ic and oc of one group
  std::array<AxisPhases, kMaxSpatialRank> phases;
  SpatialSizes origin{};  // is added to the origin of the output's shape
  AxisWindows windows;
  // For channels in lanes, for pixels in lanes, and for Winograd, whose phases have as many taps as the window anyway.
  JoinedPhases joined, planar_joined, winograd_joined;
  PhaseWeights weights;
};

class PhaseConvOperator final : public OperatorImpl {
 public:
  Status MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                  std::unique_ptr<PlanImpl>* plan) const override;
  std::string Describe() const override;
  std::string DescribeSaving() const;

  Numerics numerics = Numerics::kDefault;
  std::string layer_text;  // says the kernel, the strides and what is fused, for Describe
  int32_t spatial_rank = 0;
  int64_t input_channels = 0, output_channels = 0, groups = 1;  // of the attributes
  // Resolves the size of the output and the origin of each axis from the size of the input and
  // PlanOptions::output_size, both of them expanded.
  std::function<Status(const SpatialSizes& input, const SpatialSizes& output_size, PhaseShape* shape)> resolve;
  Prologue prologue;
  OwnedEpilogue epilogue;  // has no scale and shift: weights and biases contain them
  double flop_ratio = 1;   // multiply-adds of the unfused ops / ours
  PhaseLayer layer;
  // The same layer without a fold. It computes the outputs near the ends of each axis whose padding reflects more than
  // a pixel; border_begin and border_end count these. It is null where there are none.
  std::unique_ptr<PhaseLayer> border;
  SpatialSizes border_begin{}, border_end{};
  // A 1-D layer makes the choice of kAuto once, so that a new length needs no other format of the weights, unless
  // another choice is much better for it. Otherwise this is null.
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
  std::array<PhaseAxis, kMaxSpatialRank> axes;  // count outputs from the beginning of the part
};

// Shows a problem as a format of weights sees it.
struct PhaseView {
  PhaseView(const PhaseProblem& problem, const WeightFormat& format);

  const PhaseAxis& x() const { return axes[kColumn]; }
  double Product(int64_t PhaseAxis::*size) const;
  // Returns the number of (output, tap) pairs that meet an input.
  double Pairs() const;
  // Returns the number of multiplications that meet an input.
  double UsefulMacs() const;

  // Where phases are joined, the outputs of an axis are the positions q, and the channels of one position are those of
  // all joined phases. The first `skip` outputs of the first position do not exist.
  std::array<PhaseAxis, kMaxSpatialRank> axes;
  SpatialSizes join{1, 1, 1}, skip{};
  int64_t images, groups, ic, oc;
  // With `depthwise`, all groups are computed at once, with channels in lanes on both sides: the one input channel of
  // group g feeds the output channels [g * multiplier, (g + 1) * multiplier), and the strip repeats it for each of
  // them.
  bool depthwise = false;
  int64_t multiplier = 1;
};

// Completes a layer whose fields before `joined` are set: joins phases and packs weights. `op` has its kernels.
// `source` has the weights and biases, which contain the scale and shift of the epilogue; it needs no phases.
Status FinishLayer(const PhaseConvOperator& op, WeightSource source, const Runtime& runtime, PhaseLayer* layer);
// Completes an operator whose layers are finished: keeps the epilogue without scale and shift, and makes the fixed
// choice.
Status FinishOperator(const Epilogue& epilogue, const Runtime& runtime, PhaseConvOperator* op);

// Returns the last `rank` sizes as text, "4x4".
std::string SizesText(const SpatialSizes& sizes, int32_t rank);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PHASE_CONV_PROBLEM_H_
