// ConvTranspose: transposed convolution as torch.nn.ConvTranspose1d/2d/3d and ONNX ConvTranspose define it.
#ifndef POLYPHASE_CONV_TRANSPOSE_H_
#define POLYPHASE_CONV_TRANSPOSE_H_

#include <cstdint>

#include "polyphase/auto_pad.h"
#include "polyphase/epilogue.h"
#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"
#include "polyphase/weights.h"

namespace polyphase {

// Per axis: output[o] = bias + sum over i * stride + t * dilation = o + padding_begin of input[i] * weight[t],
//   size_out = (size_in - 1) * stride + dilation * (kernel - 1) + 1 - padding_begin - padding_end + output_padding.
//
// ONNX's forms derive the paddings from the input's size. Let `natural` be the output's size without padding.
//   output_shape: padding_begin and padding_end are ignored. The total padding is natural - output_shape; kSameUpper
//     takes the smaller half from the begin, every other auto_pad from the end. A negative total appends outputs that
//     are the bias alone; it is accepted as long as the convolution of the output still has the input's size.
//   kSameUpper, kSameLower: the same with a total of max(0, natural - size_in * stride).
//   kValid: no padding.
struct ConvTransposeAttributes {
  int32_t spatial_rank = 2;        // 1, 2 or 3
  int64_t input_channels = 0;      // >= 1, a multiple of groups
  int64_t output_channels = 0;     // >= 1, a multiple of groups
  int64_t groups = 1;              // >= 1
  SpatialSizes kernel{1, 1, 1};    // >= 1
  SpatialSizes stride{1, 1, 1};    // >= 1
  SpatialSizes padding_begin{};    // >= 0; crops the start of each axis; may exceed dilation * (kernel - 1)
  SpatialSizes padding_end{};      // >= 0; crops the end
  SpatialSizes output_padding{};   // 0 <= output_padding < max(stride, dilation); lengthens the end
  SpatialSizes dilation{1, 1, 1};  // >= 1
  AutoPad auto_pad = AutoPad::kNotSet;
  SpatialSizes output_shape{};  // ONNX's attribute, spatial axes only; all > 0, or all 0 if not given
  Prologue prologue;            // applied to the input
  Epilogue epilogue;            // its scale is multiplied into the weights, scale and shift into the bias
};

// weights: [input_channels][output_channels / groups][kernel...], dense, as PyTorch and ONNX store them. They should be
// finite, because taps outside the input may be multiplied by zeros. An input that is not finite reaches all outputs
// that depend on it, and may turn into NaN those that are less than a stride away from one of these along every axis,
// as where a stride is larger than its kernel. (Winograd: see Numerics in weights.h.) bias: f32 [output_channels];
// null: 0. Both are copied. Input, output, residual and weights are f32, f16 or bf16, each for itself, and the tensors
// have any layout. Sums are f32, and outputs are rounded once. Without PlanOptions, output and residual have the type
// of the input. Errors: kInvalidArgument for a broken rule or missing weights, kUnsupported for weights or an input of
// another type, kOutOfMemory.
POLYPHASE_EXPORT StatusOr<Operator> CreateConvTranspose(const ConvTransposeAttributes& attributes,
                                                        const Weights& weights, const float* bias,
                                                        const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_CONV_TRANSPOSE_H_
