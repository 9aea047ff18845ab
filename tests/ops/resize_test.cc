// Resize against the oracle: sizes and scales, layouts, channels, one to three axes, epilogues; on all targets.
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/resize_tester.h"

namespace polyphase::testing {
namespace {

TEST(Resize, UpAndDownBySize) {
  for (const TorchMode& mode : kModes) {
    ResizeTester(mode).Input(1, 3, 5, 7).Size(10, 14).Run();
    ResizeTester(mode).Input(2, 5, 6, 9).Size(17, 11).Run();
    ResizeTester(mode).Input(1, 17, 9, 12).Size(4, 5).Run();
    ResizeTester(mode).Input(1, 4, 8, 6).Size(3, 19).Run();
    ResizeTester(mode).Input(2, 19, 7, 5).Size(7, 13).Run();  // one axis unchanged
    ResizeTester(mode).Input(1, 6, 7, 5).Size(11, 5).Run();
    ResizeTester(mode).Input(1, 33, 4, 5).Size(4, 5).Run();  // both
  }
}

TEST(Resize, EveryPairOfLayouts) {
  for (const TorchMode& mode : kModes) {
    ResizeTester(mode).Input(2, 19, 4, 5).Size(8, 10).Formats(AllFormatPairs()).Run();
    ResizeTester(mode).Input(1, 17, 5, 6).Size(9, 4).Formats(AllFormatPairs()).Run();
  }
}

TEST(Resize, ChannelTails) {
  for (const TorchMode& mode : kModes) {
    for (const int64_t c : {1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64}) {
      ResizeTester(mode).Input(1, c, 3, 4).Size(6, 8).Run();
      ResizeTester(mode).Input(1, c, 4, 3).Size(5, 7).Run();
    }
  }
}

TEST(Resize, WidthsAroundTheVectorLength) {
  for (const TorchMode& mode : kModes) {
    for (int64_t w = 1; w <= 40; w += kSanitized ? 5 : 1) {
      ResizeTester(mode).Input(1, 2, 2, w).Scale(2, 2).Run();
      ResizeTester(mode).Input(1, 1, 3, w).Size(2, 41 - w).Run();
      ResizeTester(mode).Input(1, 1, 2, w).Size(3, w + 1).Run();
    }
  }
}

// Long enough for what repeats along a row to be used as such, and for ratios where it only almost does.
TEST(Resize, LongRows) {
  for (const TorchMode& mode : kModes) {
    for (int64_t w = 60; w < 76; w += kSanitized ? 5 : 1) {
      for (const double scale : {0.5, 1.5, 2.0, 3.0, 4.0, 5.0}) {
        ResizeTester(mode).Input(1, 1, 2, w).Scale(1, scale).Formats({{kFormats[0], kFormats[0]}}).Run();
      }
      ResizeTester(mode).Input(1, 1, 1, w).Size(1, 4 * w + 1).Formats({{kFormats[0], kFormats[0]}}).Run();
    }
    ResizeTester(mode).Input(1, 2, 2, 333).Size(3, 1000).Run();
    ResizeTester(mode).Input(1, 2, 2, 1000).Size(2, 333).Run();
    ResizeTester(mode).Input(1, 2, 2, 400).Size(2, 250).Run();
  }
}

TEST(Resize, ManyTasks) {
  for (const TorchMode& mode : kModes) {
    ResizeTester(mode)
        .Input(1, 18, 45, 40)
        .Size(83, 90)
        .Formats({{kFormats[0], kFormats[0]}, {kFormats[1], kFormats[4]}})
        .Run();
    ResizeTester(mode)
        .Input(1, 18, 160, 75)
        .Size(60, 119)
        .Formats({{kFormats[0], kFormats[0]}, {kFormats[4], kFormats[2]}})
        .Run();
  }
}

TEST(Resize, IntegerFactors) {
  for (const TorchMode& mode : kModes) {
    for (const double scale : {1.0, 2.0, 3.0, 4.0, 5.0, 8.0}) {
      ResizeTester(mode).Input(1, 3, 5, 9).Scale(scale, scale).Run();
      ResizeTester(mode).Input(2, 18, 3, 4).Scale(scale, 2.0).Run();
      ResizeTester(mode).Input(1, 2, 3, 17).Scale(1.0, scale).Run();
      ResizeTester(mode).Input(1, 1, 1, 53).Scale(1.0, scale).Run();
    }
    ResizeTester(mode).Input(1, 3, 12, 16).Scale(0.5, 0.5).Run();
    ResizeTester(mode).Input(1, 3, 12, 16).Scale(0.25, 0.5).Run();
    ResizeTester(mode).Input(1, 3, 12, 15).Size(3, 5).Run();
  }
}

// Half-pixel weights at x2 and x4 are short binary fractions, so that f32 sums of whole numbers have no error at all.
TEST(Resize, ExactWeightsGiveExactResults) {
  for (const PyTorchMode mode : {PyTorchMode::kBilinear, PyTorchMode::kBicubic}) {
    ResizeTester(mode).Input(2, 5, 6, 19).Scale(2, 2).Exact().Run();
    ResizeTester(mode).Input(1, 17, 5, 6).Size(10, 12).Exact().Run();
    ResizeTester(mode).Input(1, 3, 8, 6).Scale(0.5, 0.5).Exact().Run();
  }
  ResizeTester(PyTorchMode::kBilinear).Input(1, 3, 5, 18).Scale(4, 4).Exact().Run();
  ResizeTester(PyTorchMode::kBilinear).Input(1, 19, 5, 7).Scale(8, 4).Exact().Run();
  ResizeTester(PyTorchMode::kBilinear, true).Input(1, 3, 5, 9).Size(9, 17).Exact().Run();
  ResizeTester(PyTorchMode::kBicubic, true).Input(1, 3, 5, 9).Size(9, 17).Exact().Run();
}

// The ratio is 1 / scale unless it is recomputed, and the last outputs may read the edge or stop short of it.
TEST(Resize, FractionalScales) {
  for (const TorchMode& mode : kModes) {
    for (const double scale : {0.35, 0.5, 0.77, 1.1, 1.3, 1.4, 1.6667, 2.1, 2.3, 3.7}) {
      ResizeTester(mode).Input(1, 2, 9, 13).Scale(scale, scale).Run();
      ResizeTester(mode).Input(1, 17, 6, 5).Scale(scale, scale).Recompute().Run();
    }
    ResizeTester(mode).Input(1, 3, 37, 37).Scale(37.1 / 37, 66.1 / 37).Run();  // position embedding
    ResizeTester(mode).Input(1, 3, 3, 3).Scale(1.3, 1.3).Run();                // same size, but another ratio
    ResizeTester(mode).Input(1, 3, 3, 3).Scale(1.3, 1.3).Recompute().Run();
    ResizeTester(mode).Input(1, 2, 5, 6).Scale(1.3, 3.0).Run();
  }
}

TEST(Resize, OnePixel) {
  for (const TorchMode& mode : kModes) {
    ResizeTester(mode).Input(1, 3, 1, 1).Size(1, 1).Run();
    ResizeTester(mode).Input(1, 3, 1, 1).Size(5, 7).Run();
    ResizeTester(mode).Input(1, 17, 1, 6).Size(4, 3).Run();
    ResizeTester(mode).Input(1, 3, 6, 1).Size(1, 9).Run();
    ResizeTester(mode).Input(1, 3, 6, 5).Size(1, 1).Run();
    ResizeTester(mode).Input(1, 3, 6, 5).Scale(0.2, 0.3).Run();
  }
}

TEST(Resize, LargeRatios) {
  for (const TorchMode& mode : kModes) {
    ResizeTester(mode).Input(1, 1, 2, 3).Size(97, 301).Run();
    ResizeTester(mode).Input(1, 2, 150, 211).Size(3, 2).Run();
    ResizeTester(mode).Input(1, 1, 1, 2).Size(1, 82).Run();  // an f32 index that exact maths would not give
    ResizeTester(mode).Input(1, 1, 6, 2).Size(74, 41).Run();
  }
}

TEST(Resize, RealLayers) {
  ResizeTester(PyTorchMode::kBilinear, true).Input(1, 20, 19, 19).Size(37, 37).Run();
  ResizeTester(PyTorchMode::kBilinear).Input(1, 3, 64, 64).Size(256, 250).Run();
  ResizeTester(PyTorchMode::kBilinear).Input(1, 21, 33, 33).Size(129, 129).Run();
  ResizeTester(PyTorchMode::kNearest).Input(1, 64, 13, 20).Scale(2, 2).Run();
  ResizeTester(PyTorchMode::kNearest).Input(1, 32, 25, 25).Size(50, 67).Run();
  ResizeTester(PyTorchMode::kBicubic).Input(1, 3, 45, 60).Scale(4, 4).Run();
}

// Outputs too large for the caches may be stored past them, which has rules of alignment of its own.
TEST(Resize, OutputsLargerThanTheCaches) {
  const std::vector<FormatPair> formats = {
      {kFormats[0], kFormats[0]}, {kFormats[1], kFormats[1]}, {kFormats[4], kFormats[4]}};
  for (const PyTorchMode mode : {PyTorchMode::kNearest, PyTorchMode::kBilinear, PyTorchMode::kBicubic}) {
    for (uint32_t seed = 1; seed <= (kSanitized ? 1 : 2); ++seed) {
      ResizeTester(mode).Input(1, 5, 240, 251).Scale(2, 2).Formats(formats).Seed(seed).Run();
    }
  }
}

TEST(Resize, OneAxis) {
  for (const TorchMode& mode : kModes) {
    for (const DataType type : {DataType::kF32, DataType::kF16}) {
      ResizeTester(mode).Type(type).Input(2, 3, 17).Size(40).Run();
      ResizeTester(mode).Type(type).Input(1, 18, 40).Size(17).Run();
      ResizeTester(mode).Type(type).Input(1, 1, 33).Scale(3).Run();
    }
    // Cut into tasks along its columns.
    ResizeTester(mode)
        .Input(1, 2, 30000)
        .Size(70001)
        .Formats({{kFormats[0], kFormats[0]}, {kFormats[1], kFormats[4]}})
        .Run();
    ResizeTester(mode).Input(1, 1, 90000).Size(70001).Formats({{kFormats[0], kFormats[0]}}).Run();
    ResizeTester(mode).Input(2, 1, 20000).Scale(4).Formats({{kFormats[0], kFormats[0]}}).RunDeterminism();
  }
  ResizeTester(PyTorchMode::kLinear, false, true).Input(1, 3, 70000).Size(40000).Run();
}

TEST(Resize, ThreeAxes) {
  for (const TorchMode& mode : kModes) {
    DeepTester(mode).Input(2, 3, 3, 4, 5).Size(5, 7, 9).Run();
    DeepTester(mode).Input(1, 18, 4, 3, 6).Scale(2, 2, 2).Run();
    DeepTester(mode).Input(1, 4, 6, 5, 7).Size(3, 2, 4).Run();
    DeepTester(mode).Input(1, 5, 3, 4, 18).Size(6, 4, 36).Run();  // H unchanged
    DeepTester(mode).Input(1, 5, 3, 4, 18).Size(3, 8, 18).Run();  // only H changed
    DeepTester(mode).Input(1, 5, 3, 4, 18).Size(7, 4, 18).Run();  // only D changed
    DeepTester(mode).Input(1, 2, 1, 1, 9).Size(3, 5, 4).Run();
    DeepTester(mode).Input(1, 2, 12, 40, 33).Scale(2, 1.5, 2).Formats({{kFormats[0], kFormats[0]}}).Run();
    DeepTester(mode).Input(2, 2, 5, 6, 7).Scale(2, 2, 2).RunDeterminism();
  }
}

TEST(Resize, AnAxisWithoutSizeKeepsIt) {
  for (const TorchMode& mode : kModes) {
    DeepTester(mode).Input(1, 3, 5, 6).Size(0, 11).Run();
    DeepTester(mode).Input(1, 3, 5, 6).Size(9, 0).Run();
    DeepTester(mode).Input(1, 17, 4, 5, 6).Scale(0, 2.5, 0).Run();
  }
}

TEST(Resize, Epilogues) {
  for (const TorchMode& mode : kModes) {
    for (int activation = 1; activation <= static_cast<int>(Activation::kHardSwish); ++activation) {
      Epilogue epilogue;
      epilogue.activation = static_cast<Activation>(activation);
      epilogue.negative_slope = 0.3f;
      epilogue.lower = 0.125f;  // above zero: tail lanes must stay zero all the same
      epilogue.upper = 0.5f;
      const bool constants = epilogue.activation == Activation::kPRelu;
      ResizeTester plain(mode);
      plain.Input(1, 3, 5, 6).Scale(2, 2).WithEpilogue(epilogue);
      if (constants) plain.Constants();
      plain.Run();
      ResizeTester(mode).Input(1, 19, 5, 6).Size(7, 11).WithEpilogue(epilogue).Constants().Run();
    }
  }
}

TEST(Resize, Residuals) {
  for (const TorchMode& mode : kModes) {
    for (const Residual residual : {Residual::kBeforeActivation, Residual::kAfterActivation}) {
      for (const bool in_place : {false, true}) {
        for (const DataType type : kTypes) {
          Epilogue epilogue;
          epilogue.activation = Activation::kLeakyRelu;
          ResizeTester tester(mode);
          tester.Rounding(U8Rounding::kHalfEven).WithEpilogue(epilogue).Residual(residual, in_place).Type(type);
          tester.Input(2, 3, 4, 7).Scale(2, 3).Run();
          tester.Input(1, 20, 3, 5).Size(7, 4).Constants().Run();
        }
      }
    }
  }
}

// The lateral connections of feature pyramids: upsample and add, also in place and to sizes that are not twice as
// large.
TEST(Resize, LateralConnections) {
  for (const PyTorchMode mode : {PyTorchMode::kNearest, PyTorchMode::kBilinear}) {
    for (const bool in_place : {false, true}) {
      const auto lateral = [&](int64_t n, int64_t c, int64_t h, int64_t w) {
        return ResizeTester(mode).Input(n, c, h, w).Residual(Residual::kAfterActivation, in_place);
      };
      lateral(1, 64, 13, 21).Scale(2, 2).Run();
      lateral(2, 19, 6, 5).Scale(2, 2).Formats(AllFormatPairs()).Run();
      lateral(1, 20, 25, 13).Size(50, 25).Run();
      lateral(1, 48, 7, 9).Size(13, 25).Formats(AllFormatPairs()).Run();
      lateral(1, 3, 31, 40).Scale(4, 4).Run();
      lateral(1, 33, 40, 42).Scale(2, 2).RunDeterminism();
    }
    Epilogue relu;  // HRNet: the last of several branches
    relu.activation = Activation::kRelu;
    ResizeTester(mode).Input(1, 20, 8, 16).Size(31, 64).WithEpilogue(relu).Residual(Residual::kBeforeActivation).Run();
  }
}

TEST(Resize, SameBitsForEveryThreadCountAndBatchPosition) {
  for (const TorchMode& mode : kModes) {
    ResizeTester(mode).Input(3, 5, 9, 11).Scale(2, 2).RunDeterminism();
    ResizeTester(mode).Input(4, 18, 7, 9).Size(12, 13).RunDeterminism();
    ResizeTester(mode).Input(2, 3, 31, 22).Size(9, 14).RunDeterminism();
  }
}

}  // namespace
}  // namespace polyphase::testing
