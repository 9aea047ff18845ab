// Computes the transposed convolution in double, straight from its definition.
#ifndef POLYPHASE_TESTS_REF_CONV_TRANSPOSE_H_
#define POLYPHASE_TESTS_REF_CONV_TRANSPOSE_H_

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "polyphase/conv_transpose.h"
#include "tests/ref/conv_result.h"
#include "tests/ref/epilogue.h"
#include "tests/ref/tensor.h"

namespace polyphase::ref {

// Returns the output size along spatial axis `axis` of the rank of the attributes. The caller resolves ONNX's auto_pad
// and output_shape.
inline int64_t ConvTransposeOutputSize(const ConvTransposeAttributes& a, int axis, int64_t size_in) {
  return (size_in - 1) * a.stride[axis] + a.dilation[axis] * (a.kernel[axis] - 1) + 1 - a.padding_begin[axis] -
         a.padding_end[axis] + a.output_padding[axis];
}

inline Size3 ConvTransposeOutputSize(const ConvTransposeAttributes& a, const Size3& size_in) {
  Size3 size{1, 1, 1};
  for (int axis = 0; axis < a.spatial_rank; ++axis) {
    const auto axis3 = static_cast<size_t>(3 - a.spatial_rank + axis);
    size[axis3] = ConvTransposeOutputSize(a, axis, size_in[axis3]);
  }
  return size;
}

// Computes the values before the epilogue and after the prologue. weights: [input_channels][output_channels /
// groups][kernel...]; bias: [output_channels] or null. a.output_padding counts; a caller that asks for an output size
// puts the difference there.
inline ConvResult ConvTranspose(const ConvTransposeAttributes& a, const Tensor<float>& input, const float* weights,
                                const float* bias) {
  const Size3 in = input.size();
  const Size3 out = ConvTransposeOutputSize(a, in);
  const Size3 kernel = ToSize3(a.kernel, a.spatial_rank);
  const Size3 stride = ToSize3(a.stride, a.spatial_rank);
  const Size3 dilation = ToSize3(a.dilation, a.spatial_rank);
  Size3 padding = ToSize3(a.padding_begin, a.spatial_rank);
  for (int axis = 0; axis < 3 - a.spatial_rank; ++axis) padding[static_cast<size_t>(axis)] = 0;
  const int64_t group_ic = a.input_channels / a.groups;
  const int64_t group_oc = a.output_channels / a.groups;
  const int64_t taps = kernel[0] * kernel[1] * kernel[2];
  ConvResult result;
  result.value = Tensor<double>(input.n, a.output_channels, out);
  result.magnitude = Tensor<double>(input.n, a.output_channels, out);
  result.terms.assign(static_cast<size_t>(result.value.plane()), bias != nullptr ? 1 : 0);

  // Every input i meets every tap t once, at output i * stride + t * dilation - padding. This goes one axis after the
  // other.
  struct Pair {
    int64_t tap, in, out;
  };
  std::vector<Pair> pairs{{0, 0, 0}};
  for (size_t axis = 0; axis < 3; ++axis) {
    std::vector<Pair> longer;
    for (const Pair& outer : pairs) {
      for (int64_t t = 0; t < kernel[axis]; ++t) {
        for (int64_t i = 0; i < in[axis]; ++i) {
          const int64_t o = i * stride[axis] + t * dilation[axis] - padding[axis];
          if (o < 0 || o >= out[axis]) continue;
          longer.push_back({outer.tap * kernel[axis] + t, outer.in * in[axis] + i, outer.out * out[axis] + o});
        }
      }
    }
    pairs = std::move(longer);
  }

  const Tensor<float> x_in = ApplyPrologue(a.prologue, input);
  for (int64_t n = 0; n < input.n; ++n) {
    for (int64_t oc = 0; oc < a.output_channels; ++oc) {
      double* value = &result.value.data[result.value.Index(n, oc, 0, 0, 0)];
      double* magnitude = &result.magnitude.data[result.magnitude.Index(n, oc, 0, 0, 0)];
      for (int64_t o = 0; bias != nullptr && o < result.value.plane(); ++o) {
        value[o] = bias[oc];
        magnitude[o] = std::fabs(bias[oc]);
      }
      const int64_t group = oc / group_oc;
      for (int64_t ic = group * group_ic; ic < (group + 1) * group_ic; ++ic) {
        const float* x = &x_in.data[x_in.Index(n, ic, 0, 0, 0)];
        const float* w = weights + (ic * group_oc + oc % group_oc) * taps;
        for (const Pair& pair : pairs) {
          const double product = static_cast<double>(x[pair.in]) * w[pair.tap];
          value[pair.out] += product;
          magnitude[pair.out] += std::fabs(product);
        }
      }
    }
  }
  for (const Pair& pair : pairs) result.terms[static_cast<size_t>(pair.out)] += group_ic;
  return result;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_CONV_TRANSPOSE_H_
