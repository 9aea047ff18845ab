// Conv as a phase convolution: the fold of its weights. Taps that read the same input are summed, and the channels that a
// pixel shuffle puts next to each other become phases.
#include "geometry/conv.h"

#include <utility>
#include <vector>

#include "geometry/weights.h"
#include "plan/phase_conv.h"

namespace polyphase::internal {
namespace {

// Whether the group of a channel is the same before and behind the pixel shuffle.
bool KeepsGroups(const ConvAttributes& a) {
  return a.groups == 1 || ShuffledPixels(a) == 1 ||
         (a.channel_order == ChannelOrder::kCrd && a.output_channels / ShuffledPixels(a) % a.groups == 0);
}

// [group][input channel][output channel][slot], for source.groups groups: those of the attributes, or one with zeros.
std::vector<float> FoldWeights(const ConvAttributes& a, const ConvWeightsSource& source, const float* scale,
                               const std::array<AxisPhases, kMaxSpatialRank>& phases, const float* weights) {
  const int64_t group_ic = a.input_channels / a.groups;
  const int64_t taps = a.kernel[0] * a.kernel[1] * a.kernel[2];
  const int64_t slots = phases[0].slots * phases[1].slots * phases[2].slots;
  std::vector<float> folded(source.groups * source.ic * source.oc * slots);
  for (int64_t index = 0; index < slots; ++index) {
    const int64_t columns = phases[2].slots;
    const SpatialSizes slot{index / (phases[1].slots * columns), index / columns % phases[1].slots, index % columns};
    SlotTaps axes[kMaxSpatialRank];
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      axes[axis] = TapsOfSlot(MakeConvAxis(a, axis), phases[axis], slot[axis]);
    }
    for (int64_t c = 0; c < source.groups * source.oc; ++c) {
      const int64_t channel = ConvChannel(a, c, {axes[0].shuffled, axes[1].shuffled, axes[2].shuffled});
      const int64_t conv_group = channel / (a.output_channels / a.groups);
      const double factor = scale == nullptr ? 1.0 : static_cast<double>(scale[c]);
      for (int64_t i = 0; i < group_ic; ++i) {
        const float* kernel = weights + (channel * group_ic + i) * taps;
        double sum = 0;
        for (int64_t z = axes[0].taps.begin; z < axes[0].taps.end; ++z) {
          for (int64_t y = axes[1].taps.begin; y < axes[1].taps.end; ++y) {
            for (int64_t x = axes[2].taps.begin; x < axes[2].taps.end; ++x) {
              sum += static_cast<double>(kernel[(z * a.kernel[1] + y) * a.kernel[2] + x]);
            }
          }
        }
        const int64_t input_channel = conv_group * group_ic + i;
        folded[(input_channel * source.oc + c % source.oc) * slots + index] = static_cast<float>(sum * factor);
      }
    }
  }
  return folded;
}

// [shuffled][output channel]
std::vector<float> FoldBias(const ConvAttributes& a, const Epilogue& epilogue, const float* bias) {
  std::vector<float> folded;
  if (bias == nullptr && epilogue.shift == nullptr) return folded;
  const SpatialSizes& r = a.shuffle;
  for (int64_t offset = 0; offset < ShuffledPixels(a); ++offset) {
    const SpatialSizes shuffled{offset / (r[1] * r[2]), offset / r[2] % r[1], offset % r[2]};
    for (int64_t c = 0; c < a.output_channels / ShuffledPixels(a); ++c) {
      folded.push_back(FoldedBias(epilogue, c, bias, ConvChannel(a, c, shuffled)));
    }
  }
  return folded;
}

// `fold`: of the axes where taps may share a slot.
Status CreateOperator(const ConvAttributes& a, bool fold, const float* weights, const float* bias,
                      const OperatorOptions& options, std::shared_ptr<PhaseConvOperator>* result) {
  auto op = std::make_shared<PhaseConvOperator>();
  op->name = "conv";
  op->spatial_rank = a.spatial_rank;
  op->input_channels = a.input_channels;
  op->output_channels = a.output_channels / ShuffledPixels(a);
  op->groups = KeepsGroups(a) ? a.groups : 1;
  op->saving = static_cast<double>(op->groups) / static_cast<double>(a.groups);
  op->prologue = a.prologue;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const ConvAxis conv_axis = MakeConvAxis(a, axis);
    const bool fold_axis = CanFold(conv_axis) && (fold || !NeedsBorder(conv_axis));
    const AxisPhases& phases = op->phases[axis] = ConvPhases(conv_axis, fold_axis, &op->origin[axis]);
    double taps = 0;
    for (const AxisPhase& phase : phases.table) taps += static_cast<double>(phase.taps);
    op->saving *= static_cast<double>(a.kernel[axis]) * static_cast<double>(phases.stride) / taps;
  }
  ConvWeightsSource source;
  source.groups = op->groups;
  source.ic = op->input_channels / op->groups;
  source.oc = op->output_channels / op->groups;
  const std::vector<float> folded = FoldWeights(a, source, a.epilogue.scale, op->phases, weights);
  const std::vector<float> biases = FoldBias(a, a.epilogue, bias);
  source.weights = folded.data();
  source.bias = biases.empty() ? nullptr : biases.data();
  source.biases = a.shuffle;
  ConvAttributes kept = a;
  kept.epilogue = {};
  op->attributes = kept;
  Status status = FinishPhaseConvOperator(a.epilogue, source, options, op);
  *result = std::move(op);
  return status;
}

}  // namespace

Status CreateConvOperator(const ConvAttributes& attributes, const Weights& given, const float* bias,
                          const OperatorOptions& options, std::shared_ptr<const PhaseConvOperator>* result) {
  ConvAttributes a = attributes;
  Status status = ExpandConv(&a);
  if (status.ok()) status = ValidateConv(&a);
  if (status.ok()) status = CheckWeights("conv weights", given);
  if (!status.ok()) return status;
  const auto* const weights = static_cast<const float*>(given.data);
  std::shared_ptr<PhaseConvOperator> op, border;
  status = CreateOperator(a, true, weights, bias, options, &op);
  for (int axis = 0; axis < kMaxSpatialRank && status.ok() && !border; ++axis) {
    if (!NeedsBorder(MakeConvAxis(a, axis))) continue;
    status = CreateOperator(a, false, weights, bias, options, &border);
    op->border = border;
  }
  *result = std::move(op);
  return status;
}

}  // namespace polyphase::internal
