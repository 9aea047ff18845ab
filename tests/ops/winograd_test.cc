// Winograd's algorithm against the oracle: every transform, rank, layout and fused form; what the numerics promise.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/ref/conv.h"
#include "tests/testers/conv_tester.h"
#include "tests/testers/conv_transpose_tester.h"

namespace polyphase::testing {
namespace {

constexpr Format kNchw{Layout::kNchw, 1};
constexpr Format kNhwc{Layout::kNhwc, 1};
constexpr Format kNchw16c{Layout::kNchwc, 16};
constexpr Numerics kWithWinograd[] = {Numerics::kDefault, Numerics::kFast};

ConvTester Layer(int64_t ic, int64_t oc, int64_t h, int64_t w, int64_t k) {
  return ConvTester()
      .Channels(ic, oc)
      .Input(h, w)
      .Kernel(k, k)
      .Padding(k / 2, k / 2)
      .Algorithms({Algorithm::kWinograd});
}

ConvTransposeTester Transposed(int64_t ic, int64_t oc, int64_t h, int64_t w, int64_t k, int64_t s) {
  return ConvTransposeTester()
      .Channels(ic, oc)
      .Input(h, w)
      .Kernel(k, k)
      .Stride(s, s)
      .Padding((k - s) / 2, (k - s) / 2)
      .Algorithms({Algorithm::kWinograd});
}

ConvAttributes Conv(int64_t ic, int64_t oc, int64_t k) {
  ConvAttributes a;
  a.input_channels = ic;
  a.output_channels = oc;
  a.kernel = {k, k};
  a.padding_begin = a.padding_end = {k / 2, k / 2};
  return a;
}

// ---- Values

// Maps of every size up to two tiles and a bit, so that tiles of 4, 6 and 8 inputs end everywhere.
TEST(Winograd, EveryNumberOfTapsAndSizeOfMap) {
  for (const Numerics numerics : kWithWinograd) {
    for (int64_t k = 2; k <= 5; ++k) {
      for (const int64_t size : {1, 3, 8, 13}) {
        if (size + 2 * (k / 2) < k || (numerics == Numerics::kDefault && k > 3 && size < 3)) continue;
        Layer(17, 9, size, size + 1, k).Promise(numerics).Formats({{kNchw16c, kNchw}}).Run();
        if (k < 4) Transposed(16, 17, size, size + 2, 2 * k, 2).Promise(numerics).Formats({{kNhwc, kNhwc}}).Run();
      }
    }
  }
}

TEST(Winograd, OneAndThreeAxes) {
  for (const Numerics numerics : kWithWinograd) {
    ConvTransposeTester()
        .Channels(24, 33)
        .Input(50)
        .Kernel(8)
        .Stride(4)
        .Padding(2)
        .Algorithms({Algorithm::kWinograd})
        .Promise(numerics)
        .Run();
    ConvTester()
        .Channels(18, 20)
        .Input(3, 4, 5)
        .Kernel(3, 3, 3)
        .Padding(1, 1, 1)
        .Algorithms({Algorithm::kWinograd})
        .Promise(numerics)
        .Run();
    ConvTransposeTester()
        .Channels(16, 18)
        .Input(3, 4, 5)
        .Kernel(4, 4, 4)
        .Stride(2, 2, 2)
        .Padding(1, 1, 1)
        .Algorithms({Algorithm::kWinograd})
        .Promise(numerics)
        .Run();
  }
}

// An axis with one tap per phase is left alone, whichever it is.
TEST(Winograd, SomeAxes) {
  for (const SpatialSizes& k : {SpatialSizes{1, 3}, SpatialSizes{3, 1}}) {
    ConvTester()
        .Channels(17, 18)
        .Input(9, 10)
        .Kernel(k[0], k[1])
        .Padding(k[0] / 2, k[1] / 2)
        .Algorithms({Algorithm::kWinograd})
        .Formats({{kNhwc, kNchw}})
        .Run();
  }
  for (const SpatialSizes& k : {SpatialSizes{3, 1, 1}, SpatialSizes{3, 1, 3}, SpatialSizes{3, 3, 1},
                                SpatialSizes{1, 3, 1}, SpatialSizes{1, 3, 3}, SpatialSizes{1, 1, 2}}) {
    ConvTester()
        .Channels(16, 17)
        .Input(4, 5, 6)
        .Kernel(k[0], k[1], k[2])
        .Padding(k[0] / 2, k[1] / 2, k[2] / 2)
        .Algorithms({Algorithm::kWinograd})
        .Formats({{kNhwc, kNchw}})
        .Run();
  }
  ConvTransposeTester()
      .Channels(16, 20)
      .Input(7, 5)
      .Kernel(4, 2)
      .Stride(2, 2)
      .Padding(1, 0)
      .Algorithms({Algorithm::kWinograd})
      .Formats({{kNhwc, kNchw}})
      .Run();
}

TEST(Winograd, EveryPairOfLayouts) {
  Layer(19, 37, 7, 9, 3).Formats(AllFormatPairs()).Batch(2).Run();
  Transposed(18, 21, 5, 4, 4, 2).Formats(AllFormatPairs()).Relu().Run();
}

// Phases of different lengths share a window: some of their weights are zeros.
TEST(Winograd, PhasesOfDifferentLengths) {
  Transposed(16, 18, 6, 7, 3, 2).Formats({{kNchw, kNchw16c}}).Run();
  Transposed(17, 16, 6, 5, 5, 2).Formats({{kNchw, kNchw16c}}).Run();
  Transposed(16, 16, 5, 6, 8, 3).Formats({{kNchw, kNchw16c}}).Run();
  for (int64_t s = 2; s <= 4; ++s) Layer(16, 19, 6, 7, 3).Upsample(s, s).Formats({{kNchw, kNchw16c}}).Run();
  Layer(16, 19, 6, 7, 3).Upsample(2, 1).Formats({{kNchw, kNchw16c}}).Run();
  Layer(17, 16, 7, 6, 4).Upsample(3, 2).Promise(Numerics::kFast).Formats({{kNchw, kNchw16c}}).Run();
}

TEST(Winograd, OriginsOfAllPhases) {
  for (int64_t top = 0; top < 4; ++top) {
    for (int64_t left = 0; left < 2; ++left) {
      for (const int64_t channels : {3, 16}) {
        ConvTransposeTester()
            .Channels(16, channels)
            .Input(6, 7)
            .Kernel(4, 4)
            .Stride(2, 2)
            .Padding(top, left, 1, 2)
            .Algorithms({Algorithm::kWinograd})
            .Run();
      }
    }
  }
}

TEST(Winograd, PaddingModes) {
  for (const PaddingMode mode : {PaddingMode::kReflect, PaddingMode::kReplicate, PaddingMode::kCircular}) {
    Layer(17, 18, 7, 9, 3).Mode(mode).Run();
    Layer(16, 16, 7, 6, 5).Mode(mode).Promise(Numerics::kFast).Run();
    Layer(16, 17, 5, 6, 3).Upsample(2, 2).Mode(mode).Run();
  }
}

TEST(Winograd, FusedForms) {
  for (const ChannelOrder order : {ChannelOrder::kCrd, ChannelOrder::kDcr, ChannelOrder::kFocus}) {
    Layer(18, 16 * 4, 6, 7, 3).Shuffle(2, 2).Order(order).Run();
  }
  Layer(33, 35, 6, 7, 3).Scale().Shift().LeakyRelu(0.25f).Residual(Residual::kBeforeActivation).Run();
  Layer(32, 16, 6, 7, 3).Residual(Residual::kAfterActivation, true).Relu().Batch(2).Run();
  Layer(32, 16, 6, 7, 3).Prologue(Activation::kLeakyRelu).NoBias().Activate(Activation::kSigmoid).Run();
  Transposed(20, 24, 6, 5, 4, 2).Scale().Activate(Activation::kPRelu).Run();
}

// Phases of few channels share vectors: those of x or, where that fills more lanes, of all axes. Vectors have 4 to 16
// lanes, so some of these numbers of channels join them on every target.
TEST(Winograd, JoinedPhases) {
  for (const int64_t channels : {2, 3, 6, 12, 24}) {
    Layer(17, channels * 4, 9, 8, 3).Shuffle(2, 2).Run();
    Transposed(18, channels, 7, 8, 4, 2).Run();
    Layer(16, channels, 5, 7, 3).Upsample(2, 2).Mode(PaddingMode::kReplicate).Run();
  }
  Layer(20, 3 * 16, 6, 9, 3).Shuffle(4, 4).Formats(AllFormatPairs()).Batch(2).Run();
  Layer(24, 3 * 9, 6, 5, 3).Shuffle(3, 3).Order(ChannelOrder::kDcr).Scale().Residual(Residual::kBeforeActivation).Run();
  Layer(24, 5 * 4, 6, 5, 3).Shuffle(2, 2).Order(ChannelOrder::kFocus).Residual(Residual::kAfterActivation, true).Run();
  Layer(32, 6 * 4, 5, 6, 3).Shuffle(2, 2).Groups(2).Relu().Run();
  Layer(16, 3 * 4, 3, 4, 3).Shuffle(2, 2).Batch(9).Run();
  Layer(130, 6 * 4, 8, 9, 3).Shuffle(2, 2).Promise(Numerics::kFast).Run();
  Layer(16, 3 * 4, 45, 83, 3).Shuffle(2, 2).Run();
  Transposed(16, 3, 6, 5, 3, 2).Run();
  Transposed(16, 6, 41, 30, 4, 2).Formats({{kNchw16c, kNhwc}}).Run();
  ConvTransposeTester()
      .Channels(16, 6)
      .Input(70)
      .Kernel(8)
      .Stride(4)
      .Padding(3)
      .Algorithms({Algorithm::kWinograd})
      .Run();
  ConvTransposeTester()
      .Channels(16, 5)
      .Input(3, 4, 5)
      .Kernel(4, 4, 4)
      .Stride(2, 2, 2)
      .Padding(1, 2, 3)
      .Algorithms({Algorithm::kWinograd})
      .Run();
  ConvTransposeTester()
      .Channels(16, 6)
      .Input(7, 5)
      .Kernel(4, 2)
      .Stride(2, 2)
      .Padding(1, 1)
      .Algorithms({Algorithm::kWinograd})
      .Run();
}

TEST(Winograd, Groups) {
  Layer(3 * 16, 3 * 10, 7, 8, 3).Groups(3).Run();
  Transposed(2 * 17, 2 * 16, 5, 6, 4, 2).Groups(2).Batch(2).Run();
}

// Images come together where the map of one has few tiles.
TEST(Winograd, SmallMapsOfABatch) {
  Transposed(32, 18, 4, 4, 4, 2).Batch(7).Run();
  Layer(32, 18, 4, 3, 3).Batch(9).Run();
}

// Sums of more channels than a chunk.
TEST(Winograd, ManyChannels) {
  Layer(200, 40, 9, 8, 3).Run();
  Layer(130, 17, 9, 8, 3).Promise(Numerics::kFast).Run();
}

// Maps that do not fit into one block or one task.
TEST(Winograd, ManyBlocksAndTasks) {
  Layer(32, 16, 40, 62, 3).Formats({{kNchw, kNhwc}}).Run();
  Transposed(32, 16, 31, 50, 4, 2).Formats({{kNchw16c, kNchw16c}}).Run();
  ConvTransposeTester()
      .Channels(32, 16)
      .Input(3000)
      .Kernel(4)
      .Stride(2)
      .Padding(1)
      .Algorithms({Algorithm::kWinograd})
      .Run();
}

TEST(Winograd, SameBitsForEveryThreadCountAndBatchPosition) {
  Layer(32, 24, 30, 32, 3).Batch(2).RunDeterminism();
  Transposed(32, 16, 15, 17, 4, 2).Batch(2).RunDeterminism();
  Transposed(48, 32, 4, 4, 4, 2).Batch(11).RunDeterminism();
  Layer(64, 3 * 16, 25, 40, 3).Shuffle(4, 4).Batch(2).RunDeterminism();
}

// ---- Numerics

// Returns the error of a winograd plan, relative to the norm of the output. Weights and inputs are normal; then `mean`
// is added to the inputs, and negative ones become 0 if `relu`.
double MeasureError(int64_t ic, int64_t k, Numerics numerics, float mean, bool relu, uint32_t seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal;
  constexpr int64_t kOc = 16, kH = 14, kW = 15;
  ref::Tensor<float> input(1, ic, ref::Size3{1, kH, kW});
  for (float& v : input.data) v = relu ? std::max(0.0f, normal(rng) + mean) : normal(rng) + mean;
  std::vector<float> weights(static_cast<size_t>(kOc * ic * k * k));
  for (float& w : weights) w = normal(rng);
  const ConvAttributes a = Conv(ic, kOc, k);
  const ref::ConvResult expected = ref::Conv(a, input, weights.data(), nullptr);
  OperatorOptions options;
  options.numerics = numerics;
  const StatusOr<Operator> op = CreateConv(a, weights.data(), nullptr, options);
  PlanOptions plan_options;
  plan_options.algorithm = Algorithm::kWinograd;
  const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(1, ic, kH, kW), plan_options);
  if (!plan.ok()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<float> output(expected.value.data.size());
  EXPECT_TRUE(plan->Run(input.data.data(), output.data()).ok());
  double difference = 0, norm = 0;
  for (size_t i = 0; i < output.size(); ++i) {
    difference += std::pow(static_cast<double>(output[i]) - expected.value.data[i], 2);
    norm += std::pow(expected.value.data[i], 2);
  }
  return std::sqrt(difference / norm);
}

TEST(WinogradNumerics, ErrorsKeepThePromise) {
  for (int64_t k = 2; k <= 5; ++k) {
    for (const int64_t ic : {16, 64, 256, 600}) {
      for (const float mean : {0.0f, 4.0f}) {
        for (const bool relu : {false, true}) {
          SCOPED_TRACE("k " + std::to_string(k) + " ic " + std::to_string(ic) + " mean " + std::to_string(mean) +
                       (relu ? " relu" : ""));
          EXPECT_LT(MeasureError(ic, k, Numerics::kDefault, mean, relu, 7), 1e-6);
          EXPECT_LT(MeasureError(ic, k, Numerics::kFast, mean, relu, 8), 1e-5);
        }
      }
    }
  }
}

TEST(WinogradNumerics, StrictHasNoWinograd) {
  const std::vector<float> weights(64 * 64 * 9, 0.5f);
  OperatorOptions options;
  options.numerics = Numerics::kStrict;
  const StatusOr<Operator> op = CreateConv(Conv(64, 64, 3), weights.data(), nullptr, options);
  const TensorDesc input = TensorDesc::Nchw(1, 64, 32, 32);
  EXPECT_NE(DescribePlan(op, input, Algorithm::kAuto).find("subpixel"), std::string::npos);
  const std::string error = DescribePlan(op, input, Algorithm::kWinograd);
  EXPECT_NE(error.find("algorithm = kWinograd (3): must be one that this conv has: auto, subpixel"), std::string::npos)
      << error;
}

TEST(WinogradNumerics, PlansSayWhichTransformTheyUse) {
  const std::vector<float> weights(64 * 64 * 25, 0.5f);
  const auto describe = [&](int64_t k, Numerics numerics) {
    OperatorOptions options;
    options.isa = SupportedTargets().front();  // without AMX, which may be quicker
    options.numerics = numerics;
    return DescribePlan(CreateConv(Conv(64, 64, k), weights.data(), nullptr, options), TensorDesc::Nchw(1, 64, 72, 72),
                        Algorithm::kAuto);
  };
  EXPECT_NE(describe(3, Numerics::kDefault).find("winograd F(4x4, 3x3)"), std::string::npos);
  EXPECT_NE(describe(3, Numerics::kFast).find("winograd F(6x6, 3x3)"), std::string::npos);
  EXPECT_EQ(describe(1, Numerics::kFast).find("winograd"), std::string::npos);
}

// F(m, 2) has m + 1 products per m outputs of the phase of two taps, and m for those of the phase of one: no product is
// spent on the tap that is missing.
TEST(WinogradNumerics, MissingTapsHaveNoProducts) {
  const std::vector<float> weights(64 * 64 * 9, 0.5f);
  ConvTransposeAttributes a;
  a.input_channels = a.output_channels = 64;
  a.kernel = {3, 3};
  a.stride = {2, 2};
  a.padding_begin = a.padding_end = {1, 1};
  const std::string plan = DescribePlan(CreateConvTranspose(a, weights.data(), nullptr, {}),
                                        TensorDesc::Nchw(1, 64, 54, 54), Algorithm::kWinograd);
  // An axis has 160 pairs of an output and a tap, in 18 or 11 tiles: (160 / (18 * 7))^2 and (160 / (11 * 11))^2.
  EXPECT_TRUE(plan.find("F(3x3, 2x2), 1.61 times") != std::string::npos ||
              plan.find("F(5x5, 2x2), 1.75 times") != std::string::npos)
      << plan;
}

// What is not finite reaches the outputs of the tiles that read it and no others.
TEST(WinogradNumerics, NonFiniteInputsReachTheirTiles) {
  const ConvAttributes a = Conv(32, 16, 3);
  const std::vector<float> weights(16 * 32 * 9, 0.25f);
  const StatusOr<Operator> op = CreateConv(a, weights.data(), nullptr);
  PlanOptions options;
  options.algorithm = Algorithm::kWinograd;
  constexpr int64_t kSize = 40;
  const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(1, 32, kSize, kSize), options);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  std::vector<float> input(32 * kSize * kSize, 1.0f), clean(16 * kSize * kSize), output(clean.size());
  ASSERT_TRUE(plan->Run(input.data(), clean.data()).ok());
  for (const float value : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    input[5 * kSize * kSize + 20 * kSize + 20] = value;
    ASSERT_TRUE(plan->Run(input.data(), output.data()).ok());
    for (int64_t i = 0; i < static_cast<int64_t>(output.size()); ++i) {
      const int64_t y = i / kSize % kSize, x = i % kSize;
      const bool reads = std::abs(y - 20) <= 1 && std::abs(x - 20) <= 1;
      if (reads) {
        EXPECT_FALSE(std::isfinite(output[static_cast<size_t>(i)])) << y << " " << x;
      }
      // A tile has at most 7 outputs along an axis.
      if (std::abs(y - 20) > 7 || std::abs(x - 20) > 7) {
        EXPECT_EQ(output[static_cast<size_t>(i)], clean[static_cast<size_t>(i)]) << y << " " << x;
      }
    }
  }
}

}  // namespace
}  // namespace polyphase::testing
