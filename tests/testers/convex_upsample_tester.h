// ConvexUpsampleTester: runs a layer on every target, in several layouts and views of its three tensors, and compares
// with the oracle.
#ifndef POLYPHASE_TESTS_TESTERS_CONVEX_UPSAMPLE_TESTER_H_
#define POLYPHASE_TESTS_TESTERS_CONVEX_UPSAMPLE_TESTER_H_

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/convex_upsample.h"
#include "tests/ref/convex_upsample.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {

// Runs `op` once, with the mask in a view of its own, which must not change.
inline ::testing::AssertionResult RunConvexUpsample(const Operator& op, const std::string& target,
                                                    const RunChoice& choice, const ref::Tensor<float>& input,
                                                    const TensorDesc& input_desc, const ref::Tensor<float>& mask,
                                                    const TensorDesc& mask_desc, View mask_view,
                                                    const TensorDesc& output_desc, ref::Tensor<float>& output) {
  Memory<float> memory(mask_desc, mask_view);
  memory.Write(mask);
  const Memory<float> before = memory;
  PlanOptions options;
  options.mask = memory.desc();
  RunOptions run;
  run.mask = memory.data();
  ::testing::AssertionResult result =
      RunOnce(op, target, options, choice, input, input_desc, output_desc, output, ResidualInput<float>(), run);
  if (result && !(memory == before)) return ::testing::AssertionFailure() << "the mask was written";
  return result;
}

class ConvexUpsampleTester {
 public:
  using Formats = std::array<Format, 3>;  // of input, mask and output

  explicit ConvexUpsampleTester(int64_t factor) { attributes_.factor = factor; }
  ConvexUpsampleTester& Input(int64_t n, int64_t c, int64_t h, int64_t w) {
    return n_ = n, c_ = c, h_ = h, w_ = w, *this;
  }
  ConvexUpsampleTester& Scale(float scale) { return attributes_.scale = scale, *this; }
  ConvexUpsampleTester& MaskScale(float scale) { return attributes_.mask_scale = scale, *this; }
  // Masks are uniform in [-magnitude, magnitude).
  ConvexUpsampleTester& Magnitude(float magnitude) { return magnitude_ = magnitude, *this; }
  // Every so many-th element of the mask and the input is an infinity or a NaN.
  ConvexUpsampleTester& NonFinite(uint32_t every) { return non_finite_ = every, *this; }
  ConvexUpsampleTester& AllFormats() { return all_formats_ = true, *this; }
  ConvexUpsampleTester& Seed(uint32_t seed) { return seed_ = seed, *this; }

  void Run() const {
    SCOPED_TRACE("convex_upsample factor " + std::to_string(attributes_.factor) + " scale " +
                 std::to_string(attributes_.scale) + " mask_scale " + std::to_string(attributes_.mask_scale) + " in " +
                 std::to_string(n_) + "x" + std::to_string(c_) + "x" + std::to_string(h_) + "x" + std::to_string(w_) +
                 " magnitude " + std::to_string(magnitude_) + " non-finite " + std::to_string(non_finite_) + " seed " +
                 std::to_string(seed_));
    std::mt19937 rng(seed_);
    const ref::Tensor<float> input = Random(c_, 1, rng);
    const ref::Tensor<float> mask = Random(9 * attributes_.factor * attributes_.factor, magnitude_, rng);
    const ref::ConvexUpsampleResult expected = ref::ConvexUpsample(attributes_, input, mask);
    for (const std::string& target : SupportedTargets()) {
      const StatusOr<Operator> op = CreateConvexUpsample(attributes_, OptionsFor(target));
      ASSERT_TRUE(op.ok()) << op.status().message();
      // Every lane goes through the same operations, whatever is in the lanes and wherever a tile begins.
      ref::Tensor<float> first;
      for (const Formats& formats : ChosenFormats(rng)) {
        const RunChoice choice = RandomChoice(rng);
        const View mask_view = kViews[rng() % 4];
        SCOPED_TRACE(target + " " + Name(formats[0]) + ", mask " + Name(formats[1]) + " " + Name(mask_view) + " -> " +
                     Name(formats[2]) + ", " + Name(choice));
        ref::Tensor<float> output;
        ASSERT_TRUE(RunConvexUpsample(*op, target, choice, input, DescOf(DataType::kF32, formats[0], input, 2), mask,
                                      DescOf(DataType::kF32, formats[1], mask, 2), mask_view,
                                      DescOf(DataType::kF32, formats[2], expected.value, 2), output));
        ASSERT_TRUE(CompareTensors(output, expected.value, [&](size_t i) {
          const double value = expected.value.data[i];
          const double actual = static_cast<double>(output.data[i]);
          if (!std::isfinite(value)) return std::isnan(value) ? std::isnan(actual) : actual == value;
          return std::fabs(actual - value) <= expected.bound.data[i] + 0x1p-24 * std::fabs(value);
        }));
        if (first.data.empty()) first = output;
        ASSERT_TRUE(CompareTensors(output, first, [&](size_t i) {
          return SameBits(output.data[i], first.data[i]) || (std::isnan(output.data[i]) && std::isnan(first.data[i]));
        })) << "is not what the first layouts gave";
      }
    }
  }

 private:
  ref::Tensor<float> Random(int64_t channels, float magnitude, std::mt19937& rng) const {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    constexpr float kOdd[] = {kInf, -kInf, std::numeric_limits<float>::quiet_NaN()};
    ref::Tensor<float> tensor(n_, channels, h_, w_);
    std::uniform_real_distribution<float> distribution(-magnitude, magnitude);
    for (float& value : tensor.data) {
      value = distribution(rng);
      if (non_finite_ != 0 && rng() % non_finite_ == 0) value = kOdd[rng() % 3];
    }
    return tensor;
  }

  std::vector<Formats> ChosenFormats(std::mt19937& rng) const {
    std::vector<Formats> all, some;
    for (const Format& in : kFormats) {
      for (const Format& mask : kFormats) {
        for (const Format& out : kFormats) all.push_back({in, mask, out});
      }
    }
    if (all_formats_ && !kSanitized) return all;
    for (const Format& format : kFormats) some.push_back({format, format, format});
    for (int i = 0; i < 4; ++i) some.push_back(all[rng() % all.size()]);
    if (kSanitized) some = {some[rng() % 5], some.back()};
    return some;
  }

  ConvexUpsampleAttributes attributes_;
  int64_t n_ = 1, c_ = 2, h_ = 3, w_ = 5;
  float magnitude_ = 4;
  uint32_t non_finite_ = 0;
  bool all_formats_ = false;
  uint32_t seed_ = 1;
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_CONVEX_UPSAMPLE_TESTER_H_
