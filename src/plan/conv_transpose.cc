// ConvTranspose as a phase convolution: its weights are in the order of phases as they are.
#include "geometry/conv_transpose.h"

#include <utility>
#include <vector>

#include "geometry/weights.h"
#include "plan/phase_conv.h"

namespace polyphase::internal {

Status CreateConvTransposeOperator(const ConvTransposeAttributes& attributes, const Weights& given, const float* bias,
                                   const OperatorOptions& options, std::shared_ptr<const PhaseConvOperator>* result) {
  ConvTransposeAttributes a = attributes;
  Status status = ExpandConvTranspose(&a);
  if (status.ok()) status = ValidateConvTranspose(a);
  if (status.ok()) status = CheckWeights("conv_transpose weights", given);
  if (!status.ok()) return status;
  const auto* weights = static_cast<const float*>(given.data);
  auto op = std::make_shared<PhaseConvOperator>();
  op->name = "conv_transpose";
  op->spatial_rank = a.spatial_rank;
  op->input_channels = a.input_channels;
  op->output_channels = a.output_channels;
  op->groups = a.groups;
  op->prologue = a.prologue;
  op->gemm = true;
  int64_t taps = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    op->phases[axis] = TransposedConvPhases(a.kernel[axis], a.stride[axis], a.dilation[axis]);
    taps *= a.kernel[axis];
  }
  ConvWeightsSource source;
  source.groups = a.groups;
  source.ic = a.input_channels / a.groups;
  source.oc = a.output_channels / a.groups;
  const Epilogue epilogue = std::exchange(a.epilogue, {});
  std::vector<float> scaled, shifted;
  if (epilogue.scale != nullptr) {
    scaled.reserve(a.input_channels * source.oc * taps);
    for (int64_t c = 0; c < a.input_channels; ++c) {
      for (int64_t o = 0; o < source.oc; ++o) {
        const float scale = epilogue.scale[c / source.ic * source.oc + o];
        for (int64_t t = 0; t < taps; ++t) scaled.push_back(*weights++ * scale);
      }
    }
    weights = scaled.data();
  }
  if (bias != nullptr || epilogue.shift != nullptr) {
    for (int64_t c = 0; c < a.output_channels; ++c) shifted.push_back(FoldedBias(epilogue, c, bias, c));
  }
  source.weights = weights;
  source.bias = shifted.empty() ? nullptr : shifted.data();
  op->attributes = a;
  status = FinishPhaseConvOperator(epilogue, source, options, op);
  *result = std::move(op);
  return status;
}

}  // namespace polyphase::internal
