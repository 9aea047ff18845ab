// The planar algorithm (pixels in lanes) against the oracle: every number of columns, phases apart and together, ranks,
// layouts and fused forms. The tests of conv and conv_transpose run it as well where it applies.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/conv_tester.h"
#include "tests/testers/conv_transpose_tester.h"

namespace polyphase::testing {
namespace {

constexpr Format kNchw{Layout::kNchw, 1};
constexpr Format kNhwc{Layout::kNhwc, 1};
constexpr Format kNchw8c{Layout::kNchwc, 8};

ConvTester Layer() { return ConvTester().Algorithms({Algorithm::kPlanar}); }
ConvTransposeTester Transposed() { return ConvTransposeTester().Algorithms({Algorithm::kPlanar}); }

TEST(Planar, EveryNumberOfColumns) {
  for (int64_t oc = 1; oc <= 12; ++oc) {
    for (const int64_t width : {3, 40, 131}) {
      Layer().Channels(5, oc).Input(3, width).Kernel(3, 3).Padding(1, 1).Formats({{kNchw, kNchw}}).Run();
      Transposed().Channels(3, oc).Input(3, width).Kernel(4, 4).Stride(2, 2).Padding(1, 1).Run();
    }
  }
}

// Phases of one window are columns of one tile, and those of several windows are computed one after the other.
TEST(Planar, PhasesTogetherAndApart) {
  for (int64_t stride = 1; stride <= 4; ++stride) {
    for (int64_t kernel = 1; kernel <= 9; kernel += 2) {
      Transposed()
          .Channels(4, 1)
          .Input(5, 37)
          .Kernel(kernel, kernel)
          .Stride(stride, stride)
          .Padding(kernel / 2, kernel > 1)
          .Run();
      Transposed().Channels(3, 2).Input(2, 19).Kernel(stride, kernel).Stride(stride, 3).OutputPadding(0, 2).Run();
    }
  }
  Layer().Channels(6, 9).Input(7, 40).Kernel(3, 3).Padding(1, 1).Shuffle(3, 3).Run();
  Layer().Channels(6, 32).Input(7, 20).Kernel(3, 3).Padding(1, 1).Shuffle(4, 4).Run();
}

TEST(Planar, OneAndThreeAxes) {
  Transposed().Channels(64, 1).Input(300).Kernel(8).Stride(4).Padding(2).Run();
  Transposed().Channels(7, 2).Input(1000).Kernel(3).Stride(2).Padding(1).OutputPadding(1).Run();
  Transposed().Channels(20, 3).Input(3, 4, 17).Kernel(2, 2, 2).Stride(2, 2, 2).Run();
  Transposed().Channels(5, 1).Input(3, 4, 9).Kernel(3, 4, 5).Stride(1, 2, 3).Padding(1, 1, 1).Run();
  Layer().Channels(6, 2).Input(3, 5, 33).Kernel(3, 3, 3).Padding(1, 1, 1).Run();
}

TEST(Planar, EveryPairOfLayouts) {
  for (const Format& from : {kNchw, kNhwc, kNchw8c}) {
    for (const Format& to : {kNchw, kNhwc, kNchw8c}) {
      Transposed().Channels(18, 3).Input(5, 41).Kernel(4, 4).Stride(2, 2).Padding(1, 1).Formats({{from, to}}).Run();
      Transposed().Channels(18, 1).Input(5, 41).Kernel(2, 2).Stride(2, 2).Formats({{from, to}}).Run();
      Layer().Channels(9, 5).Input(4, 50).Kernel(3, 3).Padding(1, 1).Groups(1).Batch(3).Formats({{from, to}}).Run();
    }
  }
}

TEST(Planar, GroupsDilationsAndGaps) {
  Transposed().Channels(6, 6).Groups(3).Input(6, 21).Kernel(4, 4).Stride(2, 2).Padding(1, 1).Run();
  Transposed().Channels(5, 5).Groups(5).Input(6, 21).Kernel(3, 3).Stride(2, 2).Run();
  Transposed().Channels(4, 2).Input(5, 9).Kernel(3, 3).Stride(2, 3).Dilation(3, 2).Run();
  // Outputs between the taps are biases.
  Transposed().Channels(4, 2).Input(4, 7).Kernel(2, 2).Stride(3, 5).Run();
  Transposed().Channels(4, 2).Input(3, 4).Kernel(1, 1).Stride(50, 70).Run();
  Layer().Channels(4, 2).Input(30, 40).Kernel(3, 3).Dilation(5, 9).Run();
}

TEST(Planar, PaddingModesUpsamplingAndEpilogues) {
  for (const PaddingMode mode :
       {PaddingMode::kZeros, PaddingMode::kReflect, PaddingMode::kReplicate, PaddingMode::kCircular}) {
    Layer().Channels(5, 3).Input(6, 30).Kernel(5, 5).Padding(2, 2).Mode(mode).Run();
    Layer().Channels(3, 4).Input(6, 12).Kernel(3, 3).Padding(1, 1).Upsample(2, 2).Mode(mode).Run();
  }
  Layer().Channels(3, 2).Input(6, 12).Kernel(3, 3).Padding(2, 2).Dilation(2, 2).Upsample(2, 2).Run();
  for (const Activation activation : {Activation::kRelu, Activation::kPRelu, Activation::kSigmoid}) {
    Transposed().Channels(7, 3).Input(5, 33).Kernel(4, 4).Stride(2, 2).Padding(1, 1).Activate(activation).Scale().Run();
    Layer().Channels(7, 1).Input(5, 33).Kernel(3, 3).Padding(1, 1).Activate(activation).Shift().Run();
    Layer()
        .Channels(7, 2)
        .Input(5, 33)
        .Kernel(3, 3)
        .Prologue(Activation::kLeakyRelu)
        .Residual(polyphase::Residual::kAfterActivation)
        .Run();
  }
}

// Layers without padding, whose rows end at every distance from a whole vector.
TEST(Planar, RowsOfEveryLength) {
  for (int64_t width = 6; width <= 40; ++width) {
    Transposed().Channels(5, 1).Input(3, width).Kernel(2, 2).Stride(2, 2).Formats({{kNchw, kNchw}}).Run();
    Layer().Channels(4, 3).Input(4, width).Kernel(3, 3).Formats({{kNchw, kNhwc}}).Run();
  }
  Transposed()
      .Channels(6, 2)
      .Groups(2)
      .Batch(2)
      .Input(5, 700)
      .Kernel(2, 4)
      .Stride(2, 4)
      .Formats({{kNchw, kNchw}})
      .Run();
  Transposed().Channels(3, 2).Input(3, 4, 40).Kernel(2, 2, 2).Stride(2, 2, 2).Formats({{kNchw, kNchw}}).Run();
  Transposed().Channels(24, 1).Input(60, 90).Kernel(2, 2).Stride(2, 2).Formats({{kNchw, kNchw}}).RunDeterminism();
}

// Rows of several chunks, and tasks that have a part of a row.
TEST(Planar, LongRows) {
  Transposed().Channels(3, 3).Input(2, 4000).Kernel(4, 4).Stride(2, 2).Padding(1, 1).Run();
  Transposed().Channels(3, 1).Input(30000).Kernel(4).Stride(2).Padding(1).Run();
  Transposed().Channels(4, 3).Batch(2).Input(40, 40).Kernel(4, 4).Stride(2, 2).Padding(1, 1).RunDeterminism();
}

TEST(Planar, IsChosenForFewChannelsAlone) {
  const auto describe = [](int64_t oc, int64_t dilation) {
    ConvTransposeAttributes a;
    a.input_channels = 32;
    a.output_channels = oc;
    a.kernel = {4, 4};
    a.stride = {2, 2};
    a.dilation = {dilation, dilation};
    const std::vector<float> weights(static_cast<size_t>(32 * oc * 16), 0.5f);
    return DescribePlan(CreateConvTranspose(a, weights.data(), nullptr), TensorDesc::Nchw(1, 32, 64, 64),
                        Algorithm::kPlanar);
  };
  EXPECT_NE(describe(12, 1).find("conv_transpose planar"), std::string::npos) << describe(12, 1);
  EXPECT_NE(describe(13, 1).find("kPlanar (4): must be one that this conv_transpose has"), std::string::npos)
      << describe(13, 1);
  // A window of more than 64 inputs.
  EXPECT_NE(describe(3, 50).find("kPlanar (4) needs groups of at most 12 output"), std::string::npos)
      << describe(3, 50);
}

// Algorithms sum in different orders. The column buffer of this layer is too large where one task has all outputs, and
// bearable where there are more.
TEST(Planar, IsChosenForAnyNumberOfThreads) {
  ConvTransposeAttributes a;
  a.spatial_rank = 3;
  a.input_channels = 480;
  a.output_channels = 3;
  a.kernel = {11, 10, 2};
  a.stride = {6, 8, 1};
  const std::vector<float> weights(size_t{480} * 3 * 11 * 10 * 2, 0.5f);
  const StatusOr<Operator> op = CreateConvTranspose(a, weights.data(), nullptr);
  ASSERT_TRUE(op.ok()) << op.status().message();
  std::string first;
  for (const size_t threads : {1, 2, 16}) {
    PlanOptions options;
    options.num_threads = threads;
    const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Make(1, 480, {6, 9, 7}), options);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    const std::string text = plan->Describe();
    const std::string choice = text.substr(0, text.find(", tiles"));
    if (threads == 1) first = choice;
    EXPECT_EQ(choice, first) << threads;
  }
}

}  // namespace
}  // namespace polyphase::testing
