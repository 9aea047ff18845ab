// The layer that tests of threads and memory run.
#ifndef POLYPHASE_TESTS_TESTERS_RUNTIME_LAYER_H_
#define POLYPHASE_TESTS_TESTERS_RUNTIME_LAYER_H_

#include <cstdint>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {

// A layer with enough rows for many tasks.
struct ConvLayer {
  static constexpr int64_t kIc = 24, kSize = 12;

  explicit ConvLayer(int64_t oc = 20) : oc(oc) {
    attributes.input_channels = kIc;
    attributes.output_channels = oc;
    attributes.groups = oc == kIc ? kIc : 1;
    attributes.kernel = {4, 4, 1};
    attributes.stride = {2, 2, 1};
    attributes.padding_begin = attributes.padding_end = {1, 1, 0};
    std::mt19937 rng(5);
    weights.resize(static_cast<size_t>(kIc * (oc / attributes.groups) * 16));
    bias.resize(static_cast<size_t>(oc));
    input.resize(2 * kIc * kSize * kSize);
    FillUniform(weights, rng);
    FillUniform(bias, rng);
    FillUniform(input, rng);
  }

  StatusOr<Operator> Create(const OperatorOptions& options = {}) const {
    return CreateConvTranspose(attributes, weights.data(), bias.data(), options);
  }
  TensorDesc Input() const { return TensorDesc::Nchw(2, kIc, kSize, kSize); }
  std::vector<float> Output() const {
    return std::vector<float>(static_cast<size_t>(2 * oc * 4 * kSize * kSize), -7.0f);
  }

  // The result of one thread.
  std::vector<float> Expected(const PlanOptions& plan_options = {}) const {
    PlanOptions serial = plan_options;
    serial.num_threads = 1;
    std::vector<float> output = Output();
    const Status status = Create()->MakePlan(Input(), serial)->Run(input.data(), output.data());
    EXPECT_TRUE(status.ok()) << status.message();
    return output;
  }

  int64_t oc;
  ConvTransposeAttributes attributes;
  std::vector<float> weights, bias, input;
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_RUNTIME_LAYER_H_
