// Lowers ConvTranspose to a phase convolution: its weights are in the order of phases already.
#include <utility>
#include <vector>

#include "base/status.h"
#include "geometry/conv_transpose.h"
#include "geometry/weights.h"
#include "phase_conv/lower.h"
#include "phase_conv/problem.h"
#include "plan/conversion.h"

namespace polyphase::internal {

Status CreateConvTransposeOperator(const ConvTransposeAttributes& attributes, const Weights& given, const float* bias,
                                   const OperatorOptions& options, std::shared_ptr<OperatorImpl>* result) {
  ConvTransposeAttributes a = attributes;
  POLYPHASE_RETURN_IF_ERROR(ExpandConvTranspose(&a));
  POLYPHASE_RETURN_IF_ERROR(ValidateConvTranspose(a));
  POLYPHASE_RETURN_IF_ERROR(CheckWeights("conv_transpose weights", given));
  POLYPHASE_RETURN_IF_ERROR(CheckFloats("conv_transpose", "bias", bias));
  auto op = std::make_shared<PhaseConvOperator>();
  POLYPHASE_RETURN_IF_ERROR(SelectKernels(options.isa, &op->kernels));
  op->numerics = options.numerics;
  const Epilogue epilogue = std::exchange(a.epilogue, {});
  op->name = "conv_transpose";
  op->takes.algorithm = op->takes.output_size = op->takes.residual = true;
  op->layer_text = SizesText(a.kernel, a.spatial_rank) + " stride " + SizesText(a.stride, a.spatial_rank);
  op->spatial_rank = a.spatial_rank;
  op->input_channels = a.input_channels;
  op->output_channels = a.output_channels;
  op->groups = a.groups;
  op->prologue = a.prologue;
  op->resolve = [a](const SpatialSizes& input, const SpatialSizes& output_size, PhaseShape* shape) {
    return ResolveConvTranspose(a, input, output_size, shape);
  };
  PhaseLayer& layer = op->layer;
  layer.groups = a.groups;
  layer.ic = a.input_channels / a.groups;
  layer.oc = a.output_channels / a.groups;
  int64_t taps = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    layer.phases[axis] = TransposedConvPhases(a.kernel[axis], a.stride[axis], a.dilation[axis]);
    taps *= a.kernel[axis];
  }
  std::vector<float> converted, scaled, shifted;
  const float* weights = FloatWeights(given, a.input_channels * layer.oc * taps, op->kernels.panel, &converted);
  if (epilogue.scale != nullptr) {
    scaled.reserve(a.input_channels * layer.oc * taps);
    for (int64_t c = 0; c < a.input_channels; ++c) {
      for (int64_t o = 0; o < layer.oc; ++o) {
        const float scale = epilogue.scale[c / layer.ic * layer.oc + o];
        for (int64_t t = 0; t < taps; ++t) scaled.push_back(*weights++ * scale);
      }
    }
    weights = scaled.data();
  }
  if (bias != nullptr || epilogue.shift != nullptr) {
    for (int64_t c = 0; c < a.output_channels; ++c) shifted.push_back(FoldedBias(epilogue, c, bias, c));
  }
  WeightSource source;
  source.weights = weights;
  source.bias = shifted.empty() ? nullptr : shifted.data();
  POLYPHASE_RETURN_IF_ERROR(FinishLayer(*op, source, options.runtime, &layer));
  POLYPHASE_RETURN_IF_ERROR(FinishOperator(epilogue, options.runtime, op.get()));
  *result = std::move(op);
  return Status();
}

}  // namespace polyphase::internal
