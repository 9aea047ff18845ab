// Resize and the 1x1 convolution after it, computed in one, against the oracle.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/resize_tester.h"

namespace polyphase::testing {
namespace {

constexpr int64_t kChannels[] = {1, 3, 15, 17, 33, 70};

TEST(ResizePointwise, ChannelTails) {
  uint32_t seed = 1;
  for (const TorchMode& mode : kModes) {
    for (const int64_t ic : kChannels) {
      for (const int64_t oc : kChannels) {
        if (++seed % 5 != 0 && kSanitized) continue;
        ResizeTester(mode).Input(1, ic, 3, 4).Size(6, 8).PointwiseTo(oc, (ic + oc) % 3 != 0).Seed(seed).Run();
      }
      ResizeTester(mode).Input(1, 4, 4, 3).Size(5, 7).PointwiseTo(ic).Run();
    }
  }
}

TEST(ResizePointwise, EveryPairOfLayouts) {
  for (const TorchMode& mode : kModes) {
    ResizeTester(mode).Input(2, 19, 4, 5).Size(8, 10).PointwiseTo(21).Formats(AllFormatPairs()).Run();
    ResizeTester(mode).Input(1, 35, 5, 6).Size(9, 4).PointwiseTo(48, false).Formats(AllFormatPairs()).Run();
  }
}

TEST(ResizePointwise, HalfFloats) {
  for (const DataType type : {DataType::kF16, DataType::kBF16}) {
    for (const TorchMode& mode : kModes) {
      ResizeTester(mode).Input(2, 19, 4, 5).Size(8, 10).PointwiseTo(21).Type(type).Formats(AllFormatPairs()).Run();
      ResizeTester(mode).Input(1, 5, 9, 13).Size(4, 30).PointwiseTo(35).Type(type).Run();
      ResizeTester(mode).Input(1, 16, 4, 5).Size(4, 5).PointwiseTo(3).Type(type).Run();
    }
    for (const TorchMode& mode : kWindowModes) {
      ResizeTester(mode).Input(1, 18, 9, 14).Size(4, 5).PointwiseTo(35).Type(type).Run();
    }
  }
}

TEST(ResizePointwise, SizesAndScales) {
  for (const TorchMode& mode : kModes) {
    for (const double scale : {0.35, 0.77, 1.0, 1.3, 2.0, 3.0, 3.7, 8.0}) {
      ResizeTester(mode).Input(1, 5, 9, 13).Scale(scale, scale).PointwiseTo(18).Run();
      ResizeTester(mode).Input(2, 18, 6, 5).Scale(scale, 2.0).PointwiseTo(3).Run();
      ResizeTester(mode).Input(1, 2, 5, 17).Scale(1.0, scale).PointwiseTo(19).Run();
    }
    ResizeTester(mode).Input(1, 3, 1, 1).Size(5, 7).PointwiseTo(4).Run();
    ResizeTester(mode).Input(1, 17, 1, 6).Size(4, 3).PointwiseTo(4).Run();
    ResizeTester(mode).Input(2, 19, 7, 5).Size(7, 13).PointwiseTo(5).Run();  // one axis unchanged
    ResizeTester(mode).Input(1, 6, 7, 5).Size(11, 5).PointwiseTo(33).Run();
    ResizeTester(mode).Input(1, 33, 4, 5).Size(4, 5).PointwiseTo(6).Run();  // both
  }
}

TEST(ResizePointwise, Windows) {
  for (const TorchMode& mode : kWindowModes) {
    ResizeTester(mode).Input(2, 18, 9, 14).Size(4, 5).PointwiseTo(35).Run();
    ResizeTester(mode).Input(1, 5, 30, 41).Size(7, 13).PointwiseTo(20).Run();
    ResizeTester(mode).Input(1, 3, 6, 7).Size(9, 5).PointwiseTo(16).Run();
  }
  ResizeTester(PyTorchMode::kArea).Input(1, 18, 11, 14).Size(4, 5).PointwiseTo(33).Run();
  ResizeTester(PyTorchMode::kArea).Input(1, 3, 5, 4).Size(8, 9).PointwiseTo(4).Run();
  for (const ResizeMode mode : {ResizeMode::kLinear, ResizeMode::kCubic}) {
    for (const Antialias antialias : {Antialias::kNone, Antialias::kOnnx}) {
      ResizeAttributes a = OnnxLike(mode, CoordinateTransformation::kHalfPixel);
      a.exclude_outside = true;
      a.antialias = antialias;
      ResizeTester(a).Input(1, 17, 8, 9).Size(15, 20).PointwiseTo(18).Run();
      ResizeTester(a).Input(1, 17, 8, 9).Size(5, 4).PointwiseTo(18).Run();
    }
  }
}

TEST(ResizePointwise, EveryCoordinateTransformation) {
  for (int value = 0; value <= static_cast<int>(CoordinateTransformation::kTfHalfPixelForNn); ++value) {
    const auto coordinates = static_cast<CoordinateTransformation>(value);
    if (coordinates == CoordinateTransformation::kTfCropAndResize) continue;  // an error
    for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic}) {
      ResizeTester(OnnxLike(mode, coordinates)).Input(1, 18, 5, 7).Size(9, 18).PointwiseTo(5).Run();
    }
  }
}

TEST(ResizePointwise, OneAndThreeAxes) {
  for (const TorchMode& mode : kModes) {
    ResizeTester(mode).Input(2, 18, 37).Size(75).PointwiseTo(20).Run();
    ResizeTester(mode).Input(1, 5, 700).Scale(2).PointwiseTo(33).Run();
    DeepTester(mode).Input(1, 18, 3, 4, 5).Scale(2, 2, 2).PointwiseTo(19).Run();
    DeepTester(mode).Input(2, 3, 4, 3, 6).Size(3, 5, 13).PointwiseTo(17).Run();
  }
}

// Products and sums of small whole numbers are exact, and so are the weights of nearest and of linear at x2 and x4.
TEST(ResizePointwise, ExactWeightsGiveExactResults) {
  for (const int64_t ic : kChannels) {
    for (const PyTorchMode mode : {PyTorchMode::kNearest, PyTorchMode::kNearestExact}) {
      ResizeTester(mode).Input(2, ic, 5, 9).Size(11, 23).PointwiseTo(35).Exact().Run();
      ResizeTester(mode).Input(1, ic, 9, 7).Size(4, 5).PointwiseTo(16).Exact().Run();
    }
    ResizeTester(PyTorchMode::kBilinear).Input(2, ic, 6, 19).Scale(2, 2).PointwiseTo(33).Exact().Run();
    ResizeTester(PyTorchMode::kBilinear).Input(1, ic, 5, 7).Scale(4, 2).PointwiseTo(64, false).Exact().Run();
    ResizeTester(PyTorchMode::kTrilinear).Input(1, ic, 2, 3, 5).Scale(2, 2, 2).PointwiseTo(17).Exact().Run();
  }
}

// More blocks of channels than a task has, rows that are cut, inputs that are multiplied in several parts.
TEST(ResizePointwise, ManyTasks) {
  const std::vector<FormatPair> formats = {{kFormats[0], kFormats[0]}, {kFormats[1], kFormats[4]}};
  for (const PyTorchMode mode : {PyTorchMode::kNearest, PyTorchMode::kBilinear, PyTorchMode::kBicubic}) {
    ResizeTester(mode).Input(1, 20, 24, 17).Size(70, 51).PointwiseTo(150).Formats(formats).Run();
    ResizeTester(mode).Input(1, 6, 3, 700).Size(4, 1401).PointwiseTo(130).Formats(formats).Run();
    ResizeTester(mode).Input(1, 1100, 3, 90).Size(5, 143).PointwiseTo(17).Formats(formats).Run();
    ResizeTester(mode).Input(1, 1100, 3, 90).Size(5, 90).PointwiseTo(17).Formats(formats).Run();
    ResizeTester(mode).Input(2, 40, 33, 30).Size(14, 30).PointwiseTo(144, false).Formats(formats).Run();
  }
  ResizeTester(PyTorchMode::kBicubic, false, true).Input(1, 6, 60, 90).Size(6, 7).PointwiseTo(140).Run();
}

TEST(ResizePointwise, Epilogues) {
  for (int value = 0; value <= static_cast<int>(Activation::kHardSwish); ++value) {
    Epilogue epilogue;
    epilogue.activation = static_cast<Activation>(value);
    epilogue.lower = -0.25f;
    epilogue.upper = 0.5f;
    for (const bool constants : {false, true}) {
      if (!constants && epilogue.activation == Activation::kPRelu) continue;
      for (const auto residual : {polyphase::Residual::kNone, polyphase::Residual::kBeforeActivation,
                                  polyphase::Residual::kAfterActivation}) {
        for (const bool bias : {false, true}) {
          ResizeTester tester(bias ? PyTorchMode::kBilinear : PyTorchMode::kNearest);
          tester.Input(2, 19, 5, 6).Scale(2, 2).PointwiseTo(21, bias).WithEpilogue(epilogue);
          if (constants) tester.Constants();
          tester.Residual(residual, bias).Seed(static_cast<uint32_t>(value)).Run();
        }
      }
    }
  }
}

TEST(ResizePointwise, SameBitsForEveryThreadCountAndBatchPosition) {
  for (const TorchMode& mode : kModes) {
    ResizeTester(mode).Input(3, 5, 9, 11).Scale(2, 2).PointwiseTo(37).RunDeterminism();
    ResizeTester(mode).Input(2, 33, 9, 9).Size(30, 21).PointwiseTo(150).RunDeterminism();
    ResizeTester(mode).Input(2, 17, 31, 22).Size(9, 14).PointwiseTo(18).RunDeterminism();
  }
}

// The weights of the lanes behind the last channel are 0, whose products with these inputs are NaNs: RunOnce finds
// them.
TEST(ResizePointwise, NonFiniteInputsLeaveTheTailLanesZero) {
  for (const TorchMode& mode : kModes) {
    ResizeAttributes a = mode.Attributes();
    a.size = {9, 14, 0};
    const std::vector<float> weights(5 * 3, 1.0f);
    a.pointwise = {weights.data(), nullptr, 3, 5};
    ref::Tensor<float> input(1, 3, 4, 7, std::numeric_limits<float>::infinity());
    for (const std::string& target : SupportedTargets()) {
      const StatusOr<Operator> op = CreateResize(a, OptionsFor(target));
      ASSERT_TRUE(op.ok()) << op.status().message();
      for (const Format& format : kFormats) {
        ref::Tensor<float> output;
        ASSERT_TRUE(RunOnce(*op, target, PlanOptions(), RunChoice(), input,
                            MakeDesc(DataType::kF32, format, 1, 3, 4, 7), MakeDesc(DataType::kF32, format, 1, 5, 9, 14),
                            output));
        for (const float value : output.data) ASSERT_FALSE(std::isfinite(value));
      }
    }
  }
}

// The operator keeps neither the caller's weights nor its bias.
TEST(ResizePointwise, WeightsAreCopied) {
  std::vector<float> weights = {2, 3}, bias = {10};
  ResizeAttributes a;
  a.spatial_rank = 1;
  a.size = {2, 0, 0};
  a.pointwise = {weights.data(), bias.data(), 2, 1};
  const StatusOr<Operator> op = CreateResize(a);
  ASSERT_TRUE(op.ok()) << op.status().message();
  weights.assign(2, -1.0f);
  bias.assign(1, -1.0f);
  const float input[] = {1, 2, 5, 7};
  float output[2];
  ASSERT_TRUE(op->MakePlan(TensorDesc::Make(1, 2, {2}))->Run(input, output).ok());
  EXPECT_EQ(output[0], 2 * 1 + 3 * 5 + 10);
  EXPECT_EQ(output[1], 2 * 2 + 3 * 7 + 10);
}

}  // namespace
}  // namespace polyphase::testing
