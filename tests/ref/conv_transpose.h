// 2-D transposed convolution in double, straight from its definition.
#ifndef POLYPHASE_TESTS_REF_CONV_TRANSPOSE_H_
#define POLYPHASE_TESTS_REF_CONV_TRANSPOSE_H_

#include <cmath>
#include <cstdint>

#include "polyphase/conv_transpose.h"
#include "tests/ref/activation.h"
#include "tests/ref/tensor.h"

namespace polyphase::ref {

inline int64_t ConvTransposeOutputSize(const ConvTransposeAttributes& a, int axis, int64_t size_in) {
  return (size_in - 1) * a.stride[axis] + a.dilation[axis] * (a.kernel[axis] - 1) + 1 - a.padding_begin[axis] -
         a.padding_end[axis] + a.output_padding[axis];
}

struct ConvTransposeResult {
  Tensor<double> value;
  // What the error of an f32 sum depends on, for each output: sum of |input * weight| and |bias|, and how many summands
  // there are (the same for all n and c; a tensor of 1 x 1 x H x W).
  Tensor<double> magnitude;
  Tensor<int64_t> terms;

  // Bound of the error of any order of summation in f32, with or without FMA, and of the epilogue behind it.
  double Bound(const Epilogue& epilogue, int64_t n, int64_t c, int64_t y, int64_t x) const {
    const double slope = epilogue.activation == Activation::kLeakyRelu ? std::fabs(epilogue.negative_slope) : 0.0;
    return static_cast<double>(terms(0, 0, y, x) + 4) * 0x1p-24 * magnitude(n, c, y, x) * std::fmax(1.0, slope);
  }
};

// weights: [input_channels][output_channels / groups][kernel h][kernel w]; bias: [output_channels] or null.
// a.output_padding counts; a caller that asks for an output size puts the difference there.
inline ConvTransposeResult ConvTranspose(const ConvTransposeAttributes& a, const Tensor<float>& input,
                                         const float* weights, const float* bias) {
  const int64_t oh = ConvTransposeOutputSize(a, 0, input.h);
  const int64_t ow = ConvTransposeOutputSize(a, 1, input.w);
  const int64_t group_ic = a.input_channels / a.groups;
  const int64_t group_oc = a.output_channels / a.groups;
  ConvTransposeResult result;
  result.value = Tensor<double>(input.n, a.output_channels, oh, ow);
  result.magnitude = Tensor<double>(input.n, a.output_channels, oh, ow);
  result.terms = Tensor<int64_t>(1, 1, oh, ow, bias != nullptr ? 1 : 0);

  // Every input (iy, ix) meets every tap (ty, tx) once, at output i * stride + t * dilation - padding_begin.
  const auto for_each_pair = [&](const auto& visit) {
    for (int64_t ty = 0; ty < a.kernel[0]; ++ty) {
      for (int64_t tx = 0; tx < a.kernel[1]; ++tx) {
        for (int64_t iy = 0; iy < input.h; ++iy) {
          const int64_t oy = iy * a.stride[0] + ty * a.dilation[0] - a.padding_begin[0];
          if (oy < 0 || oy >= oh) continue;
          for (int64_t ix = 0; ix < input.w; ++ix) {
            const int64_t ox = ix * a.stride[1] + tx * a.dilation[1] - a.padding_begin[1];
            if (ox >= 0 && ox < ow) visit(ty * a.kernel[1] + tx, iy * input.w + ix, oy * ow + ox);
          }
        }
      }
    }
  };

  for (int64_t n = 0; n < input.n; ++n) {
    for (int64_t oc = 0; oc < a.output_channels; ++oc) {
      double* value = result.value.data.data() + result.value.Index(n, oc, 0, 0);
      double* magnitude = result.magnitude.data.data() + result.magnitude.Index(n, oc, 0, 0);
      for (int64_t o = 0; bias != nullptr && o < oh * ow; ++o) {
        value[o] = bias[oc];
        magnitude[o] = std::fabs(bias[oc]);
      }
      const int64_t group = oc / group_oc;
      for (int64_t ic = group * group_ic; ic < (group + 1) * group_ic; ++ic) {
        const float* x = input.data.data() + input.Index(n, ic, 0, 0);
        const float* w = weights + (ic * group_oc + oc % group_oc) * a.kernel[0] * a.kernel[1];
        for_each_pair([&](int64_t t, int64_t i, int64_t o) {
          const double product = static_cast<double>(x[i]) * w[t];
          value[o] += product;
          magnitude[o] += std::fabs(product);
        });
      }
    }
  }
  for_each_pair([&](int64_t, int64_t, int64_t o) { result.terms.data[static_cast<size_t>(o)] += group_ic; });
  Activate(a.epilogue, result.value);
  return result;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_CONV_TRANSPOSE_H_
