// ConvTransposeTester: runs one layer on every target, algorithm and many layouts and compares with the oracle.
#ifndef POLYPHASE_TESTS_TESTERS_CONV_TRANSPOSE_TESTER_H_
#define POLYPHASE_TESTS_TESTERS_CONV_TRANSPOSE_TESTER_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "polyphase/conv_transpose.h"
#include "tests/ref/conv_transpose.h"
#include "tests/testers/conv_layer_tester.h"

namespace polyphase::testing {

class ConvTransposeTester : public ConvLayerTester<ConvTransposeTester, ConvTransposeAttributes> {
 public:
  explicit ConvTransposeTester(const ConvTransposeAttributes& attributes = {})
      : ConvLayerTester(attributes, {Algorithm::kSubpixel, Algorithm::kGemmCol2im, Algorithm::kAuto}) {}

  template <typename... Sizes>
  ConvTransposeTester& Stride(Sizes... sizes) {
    return attributes_.stride = {sizes...}, *this;
  }
  template <typename... Sizes>
  ConvTransposeTester& OutputPadding(Sizes... sizes) {
    return attributes_.output_padding = {sizes...}, *this;
  }
  template <typename... Sizes>
  ConvTransposeTester& OutputSize(Sizes... sizes) {
    return OutputSizes({sizes...});
  }
  ConvTransposeTester& OutputSizes(const SpatialSizes& sizes) { return output_size_ = sizes, *this; }
  template <typename... Sizes>
  ConvTransposeTester& OutputShape(Sizes... sizes) {
    return attributes_.output_shape = {sizes...}, *this;
  }

 private:
  friend class ConvLayerTester<ConvTransposeTester, ConvTransposeAttributes>;

  std::string DescribeOwn() const {
    const ConvTransposeAttributes& a = attributes_;
    return "conv_transpose s " + Sizes(a.stride) + " op " + Sizes(a.output_padding) + " out " + Sizes(output_size_) +
           " output_shape " + Sizes(a.output_shape);
  }

  SpatialSizes Block() const { return attributes_.stride; }  // outputs that are computed together at most

  int64_t OutputChannels() const { return attributes_.output_channels; }
  ref::Size3 OutputSize(const ref::Size3& in) const { return ref::ConvTransposeOutputSize(Resolve(attributes_), in); }

  ref::ConvResult Expected(const ConvTransposeAttributes& attributes, const ref::Tensor<float>& input,
                           const float* weights, const float* bias) const {
    return ref::ConvTranspose(Resolve(attributes), input, weights, bias);
  }

  StatusOr<Operator> Create(const ConvTransposeAttributes& attributes, const Weights& weights, const float* bias,
                            const OperatorOptions& options) const {
    return CreateConvTranspose(attributes, weights, bias, options);
  }

  // Returns the attributes with the padding and output padding that output_size, output_shape and auto_pad stand for.
  ConvTransposeAttributes Resolve(ConvTransposeAttributes a) const {
    const bool shaped = a.output_shape[0] != 0;
    const bool same = a.auto_pad == AutoPad::kSameUpper || a.auto_pad == AutoPad::kSameLower;
    for (int axis = 0; axis < a.spatial_rank; ++axis) {
      if (shaped || same) {
        a.padding_begin[axis] = a.padding_end[axis] = 0;
        const int64_t natural = ref::ConvTransposeOutputSize(a, axis, input_[axis]);
        const int64_t wanted = shaped ? a.output_shape[axis] : input_[axis] * a.stride[axis];
        const int64_t total = std::max<int64_t>(natural - wanted, 0);
        const int64_t half = total / 2;
        a.padding_begin[axis] = a.auto_pad == AutoPad::kSameUpper ? half : total - half;
        a.padding_end[axis] = total - a.padding_begin[axis];
        if (shaped) a.output_padding[axis] += wanted - (natural - total);  // past everything, where the bias is alone
      }
      if (output_size_[0] != 0) {
        a.output_padding[axis] = 0;
        a.output_padding[axis] = output_size_[axis] - ref::ConvTransposeOutputSize(a, axis, input_[axis]);
      }
    }
    return a;
  }
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_CONV_TRANSPOSE_TESTER_H_
