// Conv: stride-1 convolution, also of a nearest-upsampled tensor and before a pixel shuffle.
#ifndef POLYPHASE_CONV_H_
#define POLYPHASE_CONV_H_

#include <cstdint>

#include "polyphase/auto_pad.h"
#include "polyphase/epilogue.h"
#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/pixel_shuffle.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase {

// What the convolution reads outside of its input: torch.nn.Conv2d's padding_mode.
enum class PaddingMode : int32_t {
  kZeros = 0,
  kReflect = 1,    // without repeating the edge; the paddings must be smaller than the (upsampled) size
  kReplicate = 2,  // the edge
  kCircular = 3,   // the other side; the paddings must not exceed the (upsampled) size
};

// output = epilogue(shuffle(convolution(pad(upsample(prologue(input)))))), of which nothing but the output is stored.
// Per axis, with u the input of size size_in * upsample (u[i] = input[i / upsample]: PyTorch's and ONNX's nearest for an
// integer scale), padded:
//   y[o] = bias + sum over t of u[o + t * dilation - padding_begin] * weight[t],
//   size_y = size_in * upsample + padding_begin + padding_end - dilation * (kernel - 1),
// and the output is y after depth to space by `shuffle`: output_channels / (product of the factors) channels of size
// size_y * shuffle. Taps that read the same input are summed at Create: a 3x3 kernel has 2x2 taps per output at
// upsample 2. Those of a dilated kernel are not, nor those of outputs whose padding reflects more than one pixel (kReflect
// with a padding >= upsample), for which the weights are held a second time.
// (A 1x1 kernel has nothing to sum: Pointwise in resize.h computes it before the upsampling.)
// A pixel shuffle that puts channels of different groups into one (kDcr and kFocus with groups > 1; kCrd where groups
// does not divide the output's channels) makes a dense convolution of the layer, which takes groups times its weights.
struct ConvAttributes {
  int32_t spatial_rank = 2;        // 1, 2 or 3
  int64_t input_channels = 0;      // >= 1, a multiple of groups
  int64_t output_channels = 0;     // of the convolution; >= 1, a multiple of groups and of the product of `shuffle`
  int64_t groups = 1;              // >= 1
  SpatialSizes kernel{1, 1, 1};    // >= 1
  SpatialSizes padding_begin{};    // 0 to 2^48, of the upsampled tensor
  SpatialSizes padding_end{};      // 0 to 2^48
  SpatialSizes dilation{1, 1, 1};  // >= 1
  PaddingMode padding_mode = PaddingMode::kZeros;
  // kSameUpper and kSameLower give size_y = size_in * upsample; an odd unit of padding goes to the end or to the begin.
  AutoPad auto_pad = AutoPad::kNotSet;
  SpatialSizes upsample{1, 1, 1};                   // 1 to 256: nearest upsampling of the input
  SpatialSizes shuffle{1, 1, 1};                    // 1 to 256: pixel shuffle (depth to space) of the result
  ChannelOrder channel_order = ChannelOrder::kCrd;  // of the pixel shuffle
  Prologue prologue;                                // applied to the input
  // Its channels are those of the output, after the pixel shuffle. Scale is folded into the weights.
  Epilogue epilogue;
};

// weights: f32 [output_channels][input_channels / groups][kernel...], dense, as PyTorch and ONNX store them; finite, as
// for CreateConvTranspose, and an input that is not may likewise make NaNs of other outputs of the same block of
// upsample * shuffle. bias: f32 [output_channels], or null for none. Both are copied. Tensors are f32 in any layout,
// input and output independently. Errors of Create: kInvalidArgument for a broken rule above or null weights,
// kOutOfMemory; of MakePlan: an output without elements, paddings that padding_mode forbids for the input's size.
POLYPHASE_EXPORT StatusOr<Operator> CreateConv(const ConvAttributes& attributes, const float* weights,
                                               const float* bias, const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_CONV_H_
