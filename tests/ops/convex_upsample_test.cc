// Tests ConvexUpsample against the oracle, and against what its definition implies without one.
#include "polyphase/convex_upsample.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/tensor.h"
#include "tests/testers/convex_upsample_tester.h"

namespace polyphase::testing {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(ConvexUpsample, Factors) {
  for (const int64_t factor : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16}) ConvexUpsampleTester(factor).Input(1, 2, 3, 18).Run();
}

// Whole vectors, and tails of every length.
TEST(ConvexUpsample, Widths) {
  for (int64_t width = 1; width <= 35; ++width) {
    ConvexUpsampleTester(width % 2 == 0 ? 2 : 4).Input(1, 2, 2, width).Seed(static_cast<uint32_t>(width)).Run();
  }
}

TEST(ConvexUpsample, Heights) {
  for (const int64_t height : {1, 2, 3, 4, 7}) ConvexUpsampleTester(3).Input(2, 2, height, 17).Run();
}

TEST(ConvexUpsample, Channels) {
  for (const int64_t channels : {1, 2, 3, 4, 5, 16, 17, 33}) {
    for (const int64_t factor : {2, 4}) ConvexUpsampleTester(factor).Input(1, channels, 3, 9).Run();
  }
}

TEST(ConvexUpsample, LayoutsOfEveryTensor) {
  for (const int64_t factor : {1, 3, 8}) ConvexUpsampleTester(factor).Input(2, 2, 4, 19).AllFormats().Run();
  ConvexUpsampleTester(4).Input(1, 18, 2, 5).AllFormats().Run();
}

TEST(ConvexUpsample, BatchesAreCutIntoTasks) {
  ConvexUpsampleTester(8).Input(3, 2, 24, 40).Run();
  ConvexUpsampleTester(2).Input(5, 20, 30, 33).Run();
}

// Tiles meet in the middle of a row. Its pixels on either side of a cut read each other.
TEST(ConvexUpsample, TilesOfColumns) {
  ConvexUpsampleTester(8).Input(1, 2, 2, 800).Run();
  ConvexUpsampleTester(3).Input(1, 2, 2, 1500).Run();
  ConvexUpsampleTester(2).Input(1, 300, 2, 40).Run();
  ConvexUpsampleTester(5).Input(1, 70, 3, 37).Run();
}

TEST(ConvexUpsample, Scales) {
  for (const float scale : {1.0f, 8.0f, -0.5f, 1e-3f}) ConvexUpsampleTester(2).Input(1, 2, 3, 17).Scale(scale).Run();
  for (const float scale : {0.25f, 0.0f, -1.0f, 3.0f, 3e38f, -3e38f}) {
    ConvexUpsampleTester(4).Input(1, 2, 3, 17).MaskScale(scale).Run();
  }
}

// The largest is subtracted, so that no exponential overflows and the sum is at least 1.
TEST(ConvexUpsample, LargeMasks) {
  for (const float magnitude : {1e-3f, 30.0f, 100.0f, 1000.0f, 1e30f}) {
    for (const int64_t factor : {2, 4}) ConvexUpsampleTester(factor).Input(1, 2, 4, 35).Magnitude(magnitude).Run();
  }
}

TEST(ConvexUpsample, InfinitiesAndNans) {
  for (const int64_t factor : {1, 2, 4}) {
    for (const uint32_t every : {3u, 40u, 200u}) {
      ConvexUpsampleTester(factor).Input(2, 3, 5, 21).NonFinite(every).Seed(every).Run();
    }
  }
}

// ---- Without the oracle

// A layer in plain NCHW and one in NHWC, on one target, with the mask that `mask(k, i, j, y, x)` gives.
template <typename Mask>
std::vector<ref::Tensor<float>> Outputs(const ConvexUpsampleAttributes& a, const std::string& target,
                                        const ref::Tensor<float>& input, const Mask& mask) {
  const int64_t f = a.factor;
  ref::Tensor<float> values(input.n, 9 * f * f, input.h, input.w);
  for (int64_t channel = 0; channel < values.c; ++channel) {
    for (int64_t y = 0; y < input.h; ++y) {
      for (int64_t x = 0; x < input.w; ++x) {
        for (int64_t n = 0; n < input.n; ++n) {
          values(n, channel, y, x) = mask(channel / (f * f), channel / f % f, channel % f, y, x);
        }
      }
    }
  }
  const ref::Tensor<float> large(input.n, input.c, input.h * f, input.w * f);
  std::vector<ref::Tensor<float>> outputs;
  for (const Format& format : {kFormats[0], kFormats[1]}) {
    ref::Tensor<float> output;
    EXPECT_TRUE(RunConvexUpsample(*CreateConvexUpsample(a, OptionsFor(target)), target, {}, input,
                                  DescOf(DataType::kF32, format, input, 2), values,
                                  DescOf(DataType::kF32, format, values, 2), View::kDense,
                                  DescOf(DataType::kF32, format, large, 2), output));
    outputs.push_back(output);
  }
  return outputs;
}

ref::Tensor<float> Counted(int64_t c, int64_t h, int64_t w) {
  ref::Tensor<float> input(1, c, h, w);
  for (size_t i = 0; i < input.data.size(); ++i) input.data[i] = static_cast<float>(i + 1);
  return input;
}

// A mask that is far larger at one tap takes this tap's value as it is. Each output may take another one.
TEST(ConvexUpsample, OneTapAloneIsANeighbour) {
  const ref::Tensor<float> input = Counted(2, 4, 19);
  for (const std::string& target : SupportedTargets()) {
    for (const int64_t f : {2, 4}) {
      ConvexUpsampleAttributes a;
      a.factor = f;
      const auto tap = [](int64_t i, int64_t j, int64_t y, int64_t x) { return (5 * i + 2 * j + 3 * y + x) % 9; };
      for (const ref::Tensor<float>&output :
           Outputs(a, target, input, [&](int64_t k, int64_t i, int64_t j, int64_t y, int64_t x) {
             return k == tap(i, j, y, x) ? 500.0f : -3.0f;
           })) {
        for (int64_t c = 0; c < 2; ++c) {
          for (int64_t row = 0; row < output.h; ++row) {
            for (int64_t column = 0; column < output.w; ++column) {
              const int64_t k = tap(row % f, column % f, row / f, column / f);
              const int64_t y = row / f + k / 3 - 1;
              const int64_t x = column / f + k % 3 - 1;
              const bool inside = y >= 0 && y < input.h && x >= 0 && x < input.w;
              ASSERT_EQ(output(0, c, row, column), inside ? static_cast<float>(f) * input(0, c, y, x) : 0.0f)
                  << target << " factor " << f << " c " << c << " row " << row << " column " << column;
            }
          }
        }
      }
    }
  }
}

// Values near the largest float stay finite, because the weights are divided by their sum before they are used.
TEST(ConvexUpsample, DoesNotLeaveTheHullOfTheValues) {
  constexpr float kLarge = 0.9f * std::numeric_limits<float>::max();
  ConvexUpsampleAttributes a;
  a.factor = 4;
  a.scale = 1;
  const ref::Tensor<float> input(1, 2, 3, 17, kLarge);
  for (const std::string& target : SupportedTargets()) {
    for (const ref::Tensor<float>& output :
         Outputs(a, target, input, [](int64_t, int64_t, int64_t, int64_t, int64_t) { return 1.5f; })) {
      // Row 1 of the input reads no row outside; its first and last pixels do.
      for (int64_t row = 4; row < 8; ++row) {
        for (int64_t column = 4; column < output.w - 4; ++column) {
          ASSERT_NEAR(output(0, 1, row, column) / kLarge, 1.0f, 1e-6f) << target << " " << row << " " << column;
        }
        ASSERT_NEAR(output(0, 1, row, 0) / kLarge, 6.0f / 9, 1e-6f) << target;
      }
    }
  }
}

// What the header promises of masks that are not finite.
TEST(ConvexUpsample, MasksThatAreNotFinite) {
  ConvexUpsampleAttributes a;
  a.factor = 4;
  const ref::Tensor<float> input = Counted(1, 3, 18);
  const auto output = [&](const std::string& target, float one, float others) {
    const auto outputs =
        Outputs(a, target, input, [=](int64_t k, int64_t, int64_t, int64_t, int64_t) { return k == 4 ? one : others; });
    for (size_t i = 0; i < outputs[0].data.size(); ++i) {
      EXPECT_TRUE(SameBits(outputs[0].data[i], outputs[1].data[i]) ||
                  (std::isnan(outputs[0].data[i]) && std::isnan(outputs[1].data[i])));
    }
    return outputs[0](0, 0, 5, 9);  // of pixel 1, 2
  };
  const float here = 4 * input(0, 0, 1, 2);
  for (const std::string& target : SupportedTargets()) {
    EXPECT_TRUE(std::isnan(output(target, kNan, 0))) << target;
    EXPECT_TRUE(std::isnan(output(target, 0, kNan))) << target;
    EXPECT_TRUE(std::isnan(output(target, kInf, 0))) << target;
    EXPECT_TRUE(std::isnan(output(target, -kInf, -kInf))) << target;
    EXPECT_EQ(output(target, 0, -kInf), here) << target;
    // The eight around it have the mean of the one in the middle.
    EXPECT_NEAR(output(target, -kInf, 0), here, 1e-4f) << target;
  }
}

TEST(ConvexUpsample, EmptyTensors) {
  const Operator op = *CreateConvexUpsample({});
  for (const TensorDesc& input : {TensorDesc::Nchw(0, 2, 3, 4), TensorDesc::Nhwc(1, 0, 3, 4),
                                  TensorDesc::Nchw(1, 2, 0, 4), TensorDesc::Nchwc(8, 1, 2, 3, 0)}) {
    const StatusOr<Plan> plan = op.MakePlan(input);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(plan->output().size[0], 8 * input.size[0]);
    EXPECT_EQ(plan->mask()->c, 576);
    EXPECT_TRUE(plan->Run(nullptr, nullptr).ok());
  }
}

TEST(ConvexUpsample, PlansTellWhatTheyDo) {
  const auto described = [](int64_t factor, const TensorDesc& input) {
    ConvexUpsampleAttributes a;
    a.factor = factor;
    return CreateConvexUpsample(a)->MakePlan(input)->Describe();
  };
  const TensorDesc nchw = TensorDesc::Nchw(1, 2, 5, 6);
  const TensorDesc nhwc = nchw.WithLayout(Layout::kNhwc);
  const struct {
    int64_t factor;
    TensorDesc input;
    const char* what;
  } plans[] = {{8, nchw, "lanes are pixels (the mask is read"},
               {8, nhwc, "lanes are the outputs of a pixel (the mask is read"},
               {3, nhwc, "lanes are pixels (the mask is transposed"},
               {6, nchw.WithLayout(Layout::kNchwc, 4), "lanes are the outputs of a pixel (the mask is read"},
               {6, nchw.WithLayout(Layout::kNchwc, 8), "lanes are the outputs of a pixel (the mask is copied"}};
  for (const auto& plan : plans) {
    EXPECT_NE(described(plan.factor, plan.input).find(plan.what), std::string::npos)
        << described(plan.factor, plan.input);
  }
  ConvexUpsampleAttributes a;
  a.mask_scale = 0.25f;
  EXPECT_NE(CreateConvexUpsample(a)->Describe().find("convex_upsample factor 8 scale 8 mask_scale 0.25"),
            std::string::npos);
}

}  // namespace
}  // namespace polyphase::testing
