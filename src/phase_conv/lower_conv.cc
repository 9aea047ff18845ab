// Lowers Conv to a phase convolution by a fold of its weights: taps that read the same input are summed, and the
// channels that a pixel shuffle puts next to each other become phases.
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "geometry/conv.h"
#include "geometry/weights.h"
#include "phase_conv/lower.h"
#include "phase_conv/problem.h"
#include "plan/conversion.h"

namespace polyphase::internal {
namespace {

// Returns whether the group of a channel is the same before and after the pixel shuffle.
bool KeepsGroups(const ConvAttributes& a) {
  return a.groups == 1 || ShuffledPixels(a) == 1 ||
         (a.channel_order == ChannelOrder::kCrd && a.output_channels / ShuffledPixels(a) % a.groups == 0);
}

// Returns the weights [group][input channel][output channel][slot] for layer.groups groups: those of the attributes, or
// one group with zeros.
std::vector<float> FoldWeights(const ConvAttributes& a, const PhaseLayer& layer, const float* weights) {
  const std::array<AxisPhases, kMaxSpatialRank>& phases = layer.phases;
  const float* const scale = a.epilogue.scale;
  const int64_t group_ic = a.input_channels / a.groups;
  const int64_t taps = a.kernel[0] * a.kernel[1] * a.kernel[2];
  const int64_t slots = phases[0].slots * phases[1].slots * phases[2].slots;
  std::vector<float> folded(layer.groups * layer.ic * layer.oc * slots);
  for (int64_t index = 0; index < slots; ++index) {
    const int64_t columns = phases[2].slots;
    const SpatialSizes slot{index / (phases[1].slots * columns), index / columns % phases[1].slots, index % columns};
    SlotTaps axes[kMaxSpatialRank];
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      axes[axis] = TapsOfSlot(MakeConvAxis(a, axis), phases[axis], slot[axis]);
    }
    for (int64_t c = 0; c < layer.groups * layer.oc; ++c) {
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
        folded[(input_channel * layer.oc + c % layer.oc) * slots + index] = static_cast<float>(sum * factor);
      }
    }
  }
  return folded;
}

// Returns the biases [shuffled][output channel].
std::vector<float> FoldBias(const ConvAttributes& a, const float* bias) {
  const Epilogue& epilogue = a.epilogue;
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

// `fold` says whether taps may share a slot on axes with outputs where they must not.
Status MakeLayer(const ConvAttributes& a, bool fold, const float* weights, const float* bias, const Runtime& runtime,
                 const PhaseConvOperator& op, PhaseLayer* layer) {
  layer->groups = KeepsGroups(a) ? a.groups : 1;
  layer->ic = op.input_channels / layer->groups;
  layer->oc = op.output_channels / layer->groups;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const ConvAxis conv_axis = MakeConvAxis(a, axis);
    const bool fold_axis = CanFold(conv_axis) && (fold || !NeedsBorder(conv_axis));
    layer->phases[axis] = ConvPhases(conv_axis, fold_axis, &layer->origin[axis]);
  }
  WeightSource source;
  const std::vector<float> folded = FoldWeights(a, *layer, weights);
  const std::vector<float> biases = FoldBias(a, bias);
  source.weights = folded.data();
  source.bias = biases.empty() ? nullptr : biases.data();
  source.biases = a.shuffle;
  return FinishLayer(op, source, runtime, layer);
}

// Returns the multiply-adds of the unfused ops / those of the layer.
double FlopRatio(const ConvAttributes& a, const PhaseLayer& layer) {
  double ratio = static_cast<double>(layer.groups) / static_cast<double>(a.groups);
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    double taps = 0;
    for (const AxisPhase& phase : layer.phases[axis].table) taps += static_cast<double>(phase.taps);
    ratio *= static_cast<double>(a.kernel[axis]) * static_cast<double>(layer.phases[axis].stride) / taps;
  }
  return ratio;
}

std::string LayerText(const ConvAttributes& a) {
  constexpr SpatialSizes kNone{1, 1, 1};
  std::string text = SizesText(a.kernel, a.spatial_rank);
  if (a.upsample != kNone) text += " of nearest upsampling by " + SizesText(a.upsample, a.spatial_rank);
  if (a.shuffle != kNone) text += " and pixel shuffle by " + SizesText(a.shuffle, a.spatial_rank);
  return text;
}

}  // namespace

Status CreateConvOperator(const ConvAttributes& attributes, const Weights& given, const float* bias,
                          const OperatorOptions& options, std::shared_ptr<OperatorImpl>* result) {
  ConvAttributes a = attributes;
  POLYPHASE_RETURN_IF_ERROR(ExpandConv(&a));
  POLYPHASE_RETURN_IF_ERROR(ValidateConv(&a));
  POLYPHASE_RETURN_IF_ERROR(CheckWeights("conv weights", given));
  POLYPHASE_RETURN_IF_ERROR(CheckFloats("conv", "bias", bias));
  auto op = std::make_shared<PhaseConvOperator>();
  POLYPHASE_RETURN_IF_ERROR(SelectKernels(options.isa, &op->kernels));
  const int64_t taps = a.kernel[0] * a.kernel[1] * a.kernel[2];
  std::vector<float> converted;
  const float* const weights =
      FloatWeights(given, a.output_channels * (a.input_channels / a.groups) * taps, op->kernels.panel, &converted);
  op->numerics = options.numerics;
  op->name = "conv";
  op->takes.algorithm = op->takes.residual = true;
  op->layer_text = LayerText(a);
  op->spatial_rank = a.spatial_rank;
  op->input_channels = a.input_channels;
  op->output_channels = a.output_channels / ShuffledPixels(a);
  op->groups = a.groups;
  op->prologue = a.prologue;
  POLYPHASE_RETURN_IF_ERROR(MakeLayer(a, true, weights, bias, options.runtime, *op, &op->layer));
  op->flop_ratio = FlopRatio(a, op->layer);
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (!NeedsBorder(MakeConvAxis(a, axis))) continue;
    op->border_begin[axis] = a.padding_begin[axis] * a.shuffle[axis];
    op->border_end[axis] = a.padding_end[axis] * a.shuffle[axis];
  }
  if (IsGiven(op->border_begin) || IsGiven(op->border_end)) {
    op->border = std::make_unique<PhaseLayer>();
    POLYPHASE_RETURN_IF_ERROR(MakeLayer(a, false, weights, bias, options.runtime, *op, op->border.get()));
  }
  const Epilogue epilogue = std::exchange(a.epilogue, {});
  op->resolve = [a](const SpatialSizes& input, const SpatialSizes&, PhaseShape* shape) {
    return ResolveConv(a, input, shape);
  };
  POLYPHASE_RETURN_IF_ERROR(FinishOperator(epilogue, options.runtime, op.get()));
  *result = std::move(op);
  return Status();
}

}  // namespace polyphase::internal
