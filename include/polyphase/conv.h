// Conv: stride-1 convolution, optionally of a nearest-upsampled tensor and followed by a pixel shuffle.
#ifndef POLYPHASE_CONV_H_
#define POLYPHASE_CONV_H_

#include <cstdint>

#include "polyphase/auto_pad.h"
#include "polyphase/epilogue.h"
#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/pixel_shuffle.h"
#include "polyphase/polyphase_c.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"
#include "polyphase/weights.h"

namespace polyphase {

// What the convolution reads outside the input: torch.nn.Conv2d's padding_mode.
enum class PaddingMode : int32_t {
  kZeros = PPH_PAD_ZEROS,
  kReflect = PPH_PAD_REFLECT,      // mirrors without repeating the edge; paddings must be less than the upsampled size
  kReplicate = PPH_PAD_REPLICATE,  // repeats the edge
  kCircular = PPH_PAD_CIRCULAR,    // wraps around; paddings must not exceed the upsampled size
};

// Computes output = epilogue(shuffle(convolution(pad(upsample(prologue(input)))))) and stores nothing but the output.
// Per axis, let u be the upsampled input, u[i] = input[i / upsample], which is nearest upsampling by an integer scale
// in PyTorch and ONNX. u has size_in * upsample elements and is padded. The convolution is
//   y[o] = bias + sum over t of u[o + t * dilation - padding_begin] * weight[t],
//   size_y = size_in * upsample + padding_begin + padding_end - dilation * (kernel - 1),
// and the output is y after depth to space by `shuffle`: it has output_channels / (product of the factors) channels of
// size size_y * shuffle.
//
// Create adds up the weights of taps that read the same input: a 3x3 kernel at upsample 2 has 2x2 taps per output. It
// cannot do so for dilated kernels, nor for outputs whose padding reflects more than one pixel (kReflect with a padding
// >= upsample); for these outputs the operator holds the weights a second time. A 1x1 kernel has nothing to add up:
// Pointwise in resize.h computes it before the upsampling.
//
// A pixel shuffle that merges channels of different groups turns the layer into a dense convolution, which takes groups
// times its weights. It does so for kDcr and kFocus with groups > 1, and for kCrd if groups does not divide the
// output's channels.
struct ConvAttributes {
  int32_t spatial_rank = 2;        // 1, 2 or 3
  int64_t input_channels = 0;      // >= 1, a multiple of groups
  int64_t output_channels = 0;     // of the convolution; >= 1, a multiple of groups and of the product of `shuffle`
  int64_t groups = 1;              // >= 1
  SpatialSizes kernel{1, 1, 1};    // >= 1
  SpatialSizes padding_begin{};    // 0 to 2^48, in pixels of the upsampled tensor
  SpatialSizes padding_end{};      // 0 to 2^48
  SpatialSizes dilation{1, 1, 1};  // >= 1
  PaddingMode padding_mode = PaddingMode::kZeros;
  // kSameUpper and kSameLower give size_y = size_in * upsample. An odd unit of padding goes to the end with kSameUpper
  // and to the begin with kSameLower.
  AutoPad auto_pad = AutoPad::kNotSet;
  SpatialSizes upsample{1, 1, 1};                   // 1 to 256: nearest upsampling of the input
  SpatialSizes shuffle{1, 1, 1};                    // 1 to 256: pixel shuffle (depth to space) of the result
  ChannelOrder channel_order = ChannelOrder::kCrd;  // of the pixel shuffle
  Prologue prologue;                                // applied to the input
  // Its channels are those of the output, after the pixel shuffle. Its scale is multiplied into the weights.
  Epilogue epilogue;
};

// weights: [output_channels][input_channels / groups][kernel...], dense, as PyTorch and ONNX store them. They should be
// finite, as for CreateConvTranspose; likewise, an input that is not finite may turn into NaN the outputs that are less
// than upsample * shuffle away from one that depends on it. bias: f32 [output_channels]; null: 0. Both are copied.
// Input, output, residual and weights are f32, f16 or bf16, each for itself, and the tensors have any layout. Sums are
// f32, and outputs are rounded once. Without PlanOptions, output and residual have the type of the input.
// Errors of Create: kInvalidArgument for a broken rule or missing weights, kUnsupported for weights of another type,
// kOutOfMemory. Errors of MakePlan: an output without elements, paddings that padding_mode forbids for the input's
// size, kUnsupported for an input of another type.
POLYPHASE_EXPORT StatusOr<Operator> CreateConv(const ConvAttributes& attributes, const Weights& weights,
                                               const float* bias, const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_CONV_H_
