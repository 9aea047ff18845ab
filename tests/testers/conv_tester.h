// ConvTester: runs one layer on every target and many layouts and compares with the oracle.
#ifndef POLYPHASE_TESTS_TESTERS_CONV_TESTER_H_
#define POLYPHASE_TESTS_TESTERS_CONV_TESTER_H_

#include <cstdint>
#include <string>

#include "polyphase/conv.h"
#include "tests/ref/conv.h"
#include "tests/testers/conv_layer_tester.h"

namespace polyphase::testing {

class ConvTester : public ConvLayerTester<ConvTester, ConvAttributes> {
 public:
  explicit ConvTester(const ConvAttributes& attributes = {}) : ConvLayerTester(attributes, {Algorithm::kAuto}) {}

  ConvTester& Mode(PaddingMode mode) { return attributes_.padding_mode = mode, *this; }
  template <typename... Factors>
  ConvTester& Upsample(Factors... factors) {
    return attributes_.upsample = {factors...}, *this;
  }
  template <typename... Factors>
  ConvTester& Shuffle(Factors... factors) {
    return attributes_.shuffle = {factors...}, *this;
  }
  ConvTester& Order(ChannelOrder order) { return attributes_.channel_order = order, *this; }

 private:
  friend class ConvLayerTester<ConvTester, ConvAttributes>;

  std::string DescribeOwn() const {
    const ConvAttributes& a = attributes_;
    return "conv mode " + std::to_string(static_cast<int>(a.padding_mode)) + " upsample " + Sizes(a.upsample) +
           " shuffle " + Sizes(a.shuffle) + " order " + std::to_string(static_cast<int>(a.channel_order));
  }

  // Returns how many outputs per axis are computed together at most.
  SpatialSizes Block() const {
    SpatialSizes block{1, 1, 1};
    for (int axis = 0; axis < attributes_.spatial_rank; ++axis) {
      block[axis] = attributes_.upsample[axis] * attributes_.shuffle[axis];
    }
    return block;
  }

  int64_t OutputChannels() const { return ref::ConvOutputChannels(attributes_); }
  ref::Size3 OutputSize(const ref::Size3& in) const { return ref::ConvOutputSize(attributes_, in); }

  ref::ConvResult Expected(const ConvAttributes& attributes, const ref::Tensor<float>& input, const float* weights,
                           const float* bias) const {
    return ref::Conv(attributes, input, weights, bias);
  }

  StatusOr<Operator> Create(const ConvAttributes& attributes, const Weights& weights, const float* bias,
                            const OperatorOptions& options) const {
    return CreateConv(attributes, weights, bias, options);
  }
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_CONV_TESTER_H_
