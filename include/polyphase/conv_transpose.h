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

namespace polyphase {

// Per axis: output[o] = bias + sum over i * stride + t * dilation = o + padding_begin of input[i] * weight[t],
//   size_out = (size_in - 1) * stride + dilation * (kernel - 1) + 1 - padding_begin - padding_end + output_padding.
//
// ONNX's forms give the paddings only once the input's size is known. With `natural` the size without padding:
//   output_shape given: padding_begin and padding_end are ignored; total = natural - output_shape, of which kSameUpper
//     takes the smaller half from the begin and every other auto_pad from the end. A total < 0 appends outputs that are
//     the bias alone, as long as the convolution of the output still has the input's size.
//   kSameUpper, kSameLower: the same with total = max(0, natural - size_in * stride).
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
  SpatialSizes output_shape{};  // ONNX's attribute, spatial axes only; all 0: not given, otherwise all > 0
  Prologue prologue;            // applied to the input
  Epilogue epilogue;            // scale is folded into the packed weights, scale and shift into the bias
};

// weights: f32 [input_channels][output_channels / groups][kernel...], dense, as PyTorch and ONNX store them.
// They should be finite: where taps lie outside of the input, they may be multiplied with zeros. An input that is not
// finite reaches all outputs that depend on it, and may make NaNs of others of the same block of stride x stride.
// bias: f32 [output_channels], or null for none. Both are copied. Tensors are f32 in any layout, input and output
// independently. Errors: kInvalidArgument for a broken rule above or null weights, kOutOfMemory.
POLYPHASE_EXPORT StatusOr<Operator> CreateConvTranspose(const ConvTransposeAttributes& attributes, const float* weights,
                                                        const float* bias, const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_CONV_TRANSPOSE_H_
