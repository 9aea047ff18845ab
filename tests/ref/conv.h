// Computes the convolution and what is fused around it in double, as the chain of its parts: upsample, pad, convolve,
// shuffle.
#ifndef POLYPHASE_TESTS_REF_CONV_H_
#define POLYPHASE_TESTS_REF_CONV_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "polyphase/conv.h"
#include "tests/ref/conv_result.h"
#include "tests/ref/epilogue.h"
#include "tests/ref/pixel_shuffle.h"
#include "tests/ref/tensor.h"

namespace polyphase::ref {

// Sets the padding of an axis, with auto_pad resolved.
inline void ResolveConvPadding(const ConvAttributes& a, int axis, int64_t& begin, int64_t& end) {
  const int64_t total = a.dilation[axis] * (a.kernel[axis] - 1);
  begin = a.padding_begin[axis];
  end = a.padding_end[axis];
  if (a.auto_pad == AutoPad::kNotSet || a.auto_pad == AutoPad::kValid) return;
  begin = a.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
  end = total - begin;
}

// Returns the output size along spatial axis `axis` of the rank of the attributes, with the pixel shuffle.
inline int64_t ConvOutputSize(const ConvAttributes& a, int axis, int64_t size_in) {
  int64_t begin, end;
  ResolveConvPadding(a, axis, begin, end);
  return (size_in * a.upsample[axis] + begin + end - a.dilation[axis] * (a.kernel[axis] - 1)) * a.shuffle[axis];
}

inline Size3 ConvOutputSize(const ConvAttributes& a, const Size3& size_in) {
  Size3 size{1, 1, 1};
  for (int axis = 0; axis < a.spatial_rank; ++axis) {
    const auto axis3 = static_cast<size_t>(3 - a.spatial_rank + axis);
    size[axis3] = ConvOutputSize(a, axis, size_in[axis3]);
  }
  return size;
}

inline int64_t ConvOutputChannels(const ConvAttributes& a) {
  const Size3 r = ToSize3(a.shuffle, a.spatial_rank);
  return a.output_channels / (r[0] * r[1] * r[2]);
}

// Repeats every pixel `factor` times along each axis.
inline Tensor<float> NearestUpsample(const Tensor<float>& input, const Size3& factor) {
  Tensor<float> output(input.n, input.c, Size3{input.d * factor[0], input.h * factor[1], input.w * factor[2]});
  for (int64_t n = 0; n < output.n; ++n) {
    for (int64_t c = 0; c < output.c; ++c) {
      for (int64_t z = 0; z < output.d; ++z) {
        for (int64_t y = 0; y < output.h; ++y) {
          for (int64_t x = 0; x < output.w; ++x) {
            output(n, c, z, y, x) = input(n, c, z / factor[0], y / factor[1], x / factor[2]);
          }
        }
      }
    }
  }
  return output;
}

// Returns which of `size` elements stands at position `i`, which may be outside, or -1 for a zero.
inline int64_t PaddingSource(PaddingMode mode, int64_t i, int64_t size) {
  if (i >= 0 && i < size) return i;
  switch (mode) {
    case PaddingMode::kZeros: return -1;
    case PaddingMode::kReflect: return i < 0 ? -i : 2 * (size - 1) - i;
    case PaddingMode::kReplicate: return i < 0 ? 0 : size - 1;
    case PaddingMode::kCircular: return i < 0 ? i + size : i - size;
  }
  return -1;
}

inline Tensor<float> Pad(const Tensor<float>& input, PaddingMode mode, const Size3& begin, const Size3& end) {
  Tensor<float> output(input.n, input.c,
                       Size3{input.d + begin[0] + end[0], input.h + begin[1] + end[1], input.w + begin[2] + end[2]});
  for (int64_t n = 0; n < output.n; ++n) {
    for (int64_t c = 0; c < output.c; ++c) {
      for (int64_t z = 0; z < output.d; ++z) {
        for (int64_t y = 0; y < output.h; ++y) {
          for (int64_t x = 0; x < output.w; ++x) {
            const int64_t from_z = PaddingSource(mode, z - begin[0], input.d);
            const int64_t from_y = PaddingSource(mode, y - begin[1], input.h);
            const int64_t from_x = PaddingSource(mode, x - begin[2], input.w);
            if (from_z < 0 || from_y < 0 || from_x < 0) continue;
            output(n, c, z, y, x) = input(n, c, from_z, from_y, from_x);
          }
        }
      }
    }
  }
  return output;
}

// Computes the values before the epilogue and after the prologue. weights: [output_channels][input_channels /
// groups][kernel...]; bias: [output_channels] or null.
inline ConvResult Conv(const ConvAttributes& a, const Tensor<float>& input, const float* weights, const float* bias) {
  const Size3 kernel = ToSize3(a.kernel, a.spatial_rank);
  const Size3 dilation = ToSize3(a.dilation, a.spatial_rank);
  const Size3 upsample = ToSize3(a.upsample, a.spatial_rank);
  Size3 begin{};
  Size3 end{};
  for (int axis = 0; axis < a.spatial_rank; ++axis) {
    const auto axis3 = static_cast<size_t>(3 - a.spatial_rank + axis);
    ResolveConvPadding(a, axis, begin[axis3], end[axis3]);
  }
  const Tensor<float> u = Pad(NearestUpsample(ApplyPrologue(a.prologue, input), upsample), a.padding_mode, begin, end);

  Size3 size = u.size();
  for (size_t axis = 0; axis < 3; ++axis) size[axis] -= dilation[axis] * (kernel[axis] - 1);
  Tensor<double> value(input.n, a.output_channels, size);
  Tensor<double> magnitude(input.n, a.output_channels, size);
  const int64_t group_ic = a.input_channels / a.groups;
  const int64_t group_oc = a.output_channels / a.groups;
  for (int64_t n = 0; n < input.n; ++n) {
    for (int64_t oc = 0; oc < a.output_channels; ++oc) {
      const size_t first = value.Index(n, oc, 0, 0, 0);
      for (size_t o = first; bias != nullptr && o < first + static_cast<size_t>(value.plane()); ++o) {
        value.data[o] = bias[oc];
        magnitude.data[o] = std::fabs(bias[oc]);
      }
      for (int64_t i = 0; i < group_ic; ++i) {
        const int64_t ic = oc / group_oc * group_ic + i;
        const float* w = weights + (oc * group_ic + i) * kernel[0] * kernel[1] * kernel[2];
        for (int64_t tz = 0; tz < kernel[0]; ++tz) {
          for (int64_t ty = 0; ty < kernel[1]; ++ty) {
            for (int64_t tx = 0; tx < kernel[2]; ++tx, ++w) {
              for (int64_t z = 0; z < size[0]; ++z) {
                for (int64_t y = 0; y < size[1]; ++y) {
                  const float* from =
                      &u.data[u.Index(n, ic, z + tz * dilation[0], y + ty * dilation[1], tx * dilation[2])];
                  double* to = &value.data[value.Index(n, oc, z, y, 0)];
                  double* to_magnitude = &magnitude.data[value.Index(n, oc, z, y, 0)];
                  for (int64_t x = 0; x < size[2]; ++x) {
                    const double product = static_cast<double>(from[x]) * static_cast<double>(*w);
                    to[x] += product;
                    to_magnitude[x] += std::fabs(product);
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  PixelShuffleAttributes shuffle;
  shuffle.spatial_rank = a.spatial_rank;
  shuffle.factor = a.shuffle;
  shuffle.channel_order = a.channel_order;
  ConvResult result;
  result.value = PixelShuffle(shuffle, value);
  result.magnitude = PixelShuffle(shuffle, magnitude);
  const int64_t taps = kernel[0] * kernel[1] * kernel[2];
  result.terms.assign(static_cast<size_t>(result.value.plane()), group_ic * taps + (bias != nullptr ? 1 : 0));
  // Taps that read the same input pixel may be summed. There are none where every pixel stands once in `u`.
  result.folded = upsample[0] * upsample[1] * upsample[2] > 1 || a.padding_mode != PaddingMode::kZeros;
  return result;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_CONV_H_
