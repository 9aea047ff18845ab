// Resize against the oracle: modes, coordinates, sizes and scales, all targets and layouts.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/resize_tester.h"

namespace polyphase::testing {
namespace {

struct Mode {
  PyTorchMode mode;
  bool align_corners;
};
constexpr Mode kModes[] = {{PyTorchMode::kNearest, false},  {PyTorchMode::kNearestExact, false},
                           {PyTorchMode::kBilinear, false}, {PyTorchMode::kBilinear, true},
                           {PyTorchMode::kBicubic, false},  {PyTorchMode::kBicubic, true}};

// These have antialias.
constexpr Mode kWindowModes[] = {{PyTorchMode::kBilinear, false},
                                 {PyTorchMode::kBilinear, true},
                                 {PyTorchMode::kBicubic, false},
                                 {PyTorchMode::kBicubic, true},
                                 {PyTorchMode::kLanczos, false}};

constexpr DataType kTypes[] = {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kU8};
constexpr U8Rounding kRoundings[] = {U8Rounding::kHalfEven, U8Rounding::kTruncate, U8Rounding::kFixed16,
                                     U8Rounding::kFixed22};

// Fixed point does not have three axes.
ResizeTester DeepTester(const Mode& mode) {
  ResizeTester tester(mode.mode, mode.align_corners);
  tester.attributes().u8_rounding = U8Rounding::kHalfEven;
  return tester;
}

ResizeTester Tester(const Mode& mode) { return ResizeTester(mode.mode, mode.align_corners); }

TEST(Resize, UpAndDownBySize) {
  for (const Mode& mode : kModes) {
    Tester(mode).Input(1, 3, 5, 7).Size(10, 14).Run();
    Tester(mode).Input(2, 5, 6, 9).Size(17, 11).Run();
    Tester(mode).Input(1, 17, 9, 12).Size(4, 5).Run();
    Tester(mode).Input(1, 4, 8, 6).Size(3, 19).Run();
    Tester(mode).Input(2, 19, 7, 5).Size(7, 13).Run();  // one axis unchanged
    Tester(mode).Input(1, 6, 7, 5).Size(11, 5).Run();
    Tester(mode).Input(1, 33, 4, 5).Size(4, 5).Run();  // both
  }
}

TEST(Resize, EveryPairOfLayouts) {
  for (const Mode& mode : kModes) {
    Tester(mode).Input(2, 19, 4, 5).Size(8, 10).Formats(AllFormatPairs()).Run();
    Tester(mode).Input(1, 17, 5, 6).Size(9, 4).Formats(AllFormatPairs()).Run();
  }
}

TEST(Resize, ChannelTails) {
  for (const Mode& mode : kModes) {
    for (const int64_t c : {1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64}) {
      Tester(mode).Input(1, c, 3, 4).Size(6, 8).Run();
      Tester(mode).Input(1, c, 4, 3).Size(5, 7).Run();
    }
  }
}

TEST(Resize, WidthsAroundTheVectorLength) {
  for (const Mode& mode : kModes) {
    for (int64_t w = 1; w <= 40; w += kSanitized ? 5 : 1) {
      Tester(mode).Input(1, 2, 2, w).Scale(2, 2).Run();
      Tester(mode).Input(1, 1, 3, w).Size(2, 41 - w).Run();
      Tester(mode).Input(1, 1, 2, w).Size(3, w + 1).Run();
    }
  }
}

// Long enough for what repeats along a row to be used as such, and for ratios where it only almost does.
TEST(Resize, LongRows) {
  for (const Mode& mode : kModes) {
    for (int64_t w = 60; w < 76; w += kSanitized ? 5 : 1) {
      for (const double scale : {0.5, 1.5, 2.0, 3.0, 4.0, 5.0}) {
        Tester(mode).Input(1, 1, 2, w).Scale(1, scale).Formats({{kFormats[0], kFormats[0]}}).Run();
      }
      Tester(mode).Input(1, 1, 1, w).Size(1, 4 * w + 1).Formats({{kFormats[0], kFormats[0]}}).Run();
    }
    Tester(mode).Input(1, 2, 2, 333).Size(3, 1000).Run();
    Tester(mode).Input(1, 2, 2, 1000).Size(2, 333).Run();
    Tester(mode).Input(1, 2, 2, 400).Size(2, 250).Run();
  }
}

TEST(Resize, ManyTasks) {
  for (const Mode& mode : kModes) {
    Tester(mode)
        .Input(1, 18, 45, 40)
        .Size(83, 90)
        .Formats({{kFormats[0], kFormats[0]}, {kFormats[1], kFormats[4]}})
        .Run();
    Tester(mode)
        .Input(1, 18, 160, 75)
        .Size(60, 119)
        .Formats({{kFormats[0], kFormats[0]}, {kFormats[4], kFormats[2]}})
        .Run();
  }
}

TEST(Resize, IntegerFactors) {
  for (const Mode& mode : kModes) {
    for (const double scale : {1.0, 2.0, 3.0, 4.0, 5.0, 8.0}) {
      Tester(mode).Input(1, 3, 5, 9).Scale(scale, scale).Run();
      Tester(mode).Input(2, 18, 3, 4).Scale(scale, 2.0).Run();
      Tester(mode).Input(1, 2, 3, 17).Scale(1.0, scale).Run();
    }
    Tester(mode).Input(1, 3, 12, 16).Scale(0.5, 0.5).Run();
    Tester(mode).Input(1, 3, 12, 16).Scale(0.25, 0.5).Run();
    Tester(mode).Input(1, 3, 12, 15).Size(3, 5).Run();
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
  for (const Mode& mode : kModes) {
    for (const double scale : {0.35, 0.5, 0.77, 1.1, 1.3, 1.4, 1.6667, 2.1, 2.3, 3.7}) {
      Tester(mode).Input(1, 2, 9, 13).Scale(scale, scale).Run();
      Tester(mode).Input(1, 17, 6, 5).Scale(scale, scale).Recompute().Run();
    }
    Tester(mode).Input(1, 3, 37, 37).Scale(37.1 / 37, 66.1 / 37).Run();  // position embedding
    Tester(mode).Input(1, 3, 3, 3).Scale(1.3, 1.3).Run();                // same size, but another ratio
    Tester(mode).Input(1, 3, 3, 3).Scale(1.3, 1.3).Recompute().Run();
    Tester(mode).Input(1, 2, 5, 6).Scale(1.3, 3.0).Run();
  }
}

TEST(Resize, OnePixel) {
  for (const Mode& mode : kModes) {
    Tester(mode).Input(1, 3, 1, 1).Size(1, 1).Run();
    Tester(mode).Input(1, 3, 1, 1).Size(5, 7).Run();
    Tester(mode).Input(1, 17, 1, 6).Size(4, 3).Run();
    Tester(mode).Input(1, 3, 6, 1).Size(1, 9).Run();
    Tester(mode).Input(1, 3, 6, 5).Size(1, 1).Run();
    Tester(mode).Input(1, 3, 6, 5).Scale(0.2, 0.3).Run();
  }
}

TEST(Resize, LargeRatios) {
  for (const Mode& mode : kModes) {
    Tester(mode).Input(1, 1, 2, 3).Size(97, 301).Run();
    Tester(mode).Input(1, 2, 150, 211).Size(3, 2).Run();
    Tester(mode).Input(1, 1, 1, 2).Size(1, 82).Run();  // an f32 index that exact maths would not give
    Tester(mode).Input(1, 1, 6, 2).Size(74, 41).Run();
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

// Every combination of coordinates and rounding, PyTorch's or not.
TEST(Resize, EveryCoordinateTransformation) {
  for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic}) {
    for (const auto coordinates : {CoordinateTransformation::kHalfPixel, CoordinateTransformation::kAlignCorners,
                                   CoordinateTransformation::kAsymmetric}) {
      for (const NearestMode nearest : {NearestMode::kFloor, NearestMode::kRoundPreferCeil}) {
        if (mode != ResizeMode::kNearest && nearest != NearestMode::kFloor) continue;
        ResizeAttributes attributes;
        attributes.mode = mode;
        attributes.coordinate_transformation = coordinates;
        attributes.nearest_mode = nearest;
        ResizeTester(attributes).Input(1, 3, 4, 6).Size(9, 13).Run();
        ResizeTester(attributes).Input(1, 18, 7, 9).Size(3, 5).Run();
        ResizeTester(attributes).Input(1, 2, 4, 6).Scale(2, 2).Run();
        ResizeTester(attributes).Input(1, 2, 5, 5).Scale(1.7, 0.6).Run();
      }
    }
  }
}

TEST(Resize, CubicCoefficient) {
  for (const float a : {-0.5f, -1.0f, 0.0f, 0.25f}) {
    ResizeAttributes attributes = ResizeAttributes::PyTorch(PyTorchMode::kBicubic);
    attributes.cubic_coeff_a = a;
    ResizeTester(attributes).Input(1, 3, 5, 6).Size(11, 15).Run();
    ResizeTester(attributes).Input(1, 16, 5, 6).Scale(2, 2).Run();
  }
}

// Weights whose products f32 does not hold: all that counts is that the lanes behind the last channel stay 0, which
// RunOnce checks.
TEST(Resize, InfiniteWeightsStayOutOfTailLanes) {
  for (int rank = 1; rank <= 3; ++rank) {
    ResizeAttributes attributes = ResizeAttributes::PyTorch(PyTorchMode::kBicubic);
    attributes.spatial_rank = rank;
    attributes.u8_rounding = U8Rounding::kHalfEven;
    attributes.cubic_coeff_a = 3e38f;
    const ref::Size3 size{rank > 2 ? 3 : 1, rank > 1 ? 4 : 1, 5};
    const ref::Size3 resized{rank > 2 ? 7 : 1, rank > 1 ? 9 : 1, 11};
    attributes.size = ref::FromSize3(resized, rank);
    ref::Tensor<float> input(1, 3, size);
    std::mt19937 rng(1);
    FillUniform(input.data, rng);
    for (const std::string& target : SupportedTargets()) {
      const Operator op = *CreateResize(attributes, OptionsFor(target));
      for (const Format& format : kFormats) {
        ref::Tensor<float> output;
        EXPECT_TRUE(RunOnce(op, target, PlanOptions(), RunChoice(), input, DescOf(DataType::kF32, format, input, rank),
                            MakeDesc(DataType::kF32, format, 1, 3, resized, rank), output));
      }
    }
  }
}

TEST(Resize, Epilogues) {
  for (const Mode& mode : kModes) {
    for (int activation = 1; activation <= static_cast<int>(Activation::kHardSwish); ++activation) {
      Epilogue epilogue;
      epilogue.activation = static_cast<Activation>(activation);
      epilogue.negative_slope = 0.3f;
      epilogue.lower = 0.125f;  // above zero: tail lanes must stay zero all the same
      epilogue.upper = 0.5f;
      const bool constants = epilogue.activation == Activation::kPRelu;
      ResizeTester plain = Tester(mode);
      plain.Input(1, 3, 5, 6).Scale(2, 2).WithEpilogue(epilogue);
      if (constants) plain.Constants();
      plain.Run();
      Tester(mode).Input(1, 19, 5, 6).Size(7, 11).WithEpilogue(epilogue).Constants().Run();
    }
  }
}

TEST(Resize, Residuals) {
  for (const Mode& mode : kModes) {
    for (const Residual residual : {Residual::kBeforeActivation, Residual::kAfterActivation}) {
      for (const bool in_place : {false, true}) {
        for (const DataType type : kTypes) {
          Epilogue epilogue;
          epilogue.activation = Activation::kLeakyRelu;
          ResizeTester tester = Tester(mode);
          tester.attributes().u8_rounding = U8Rounding::kHalfEven;
          tester.WithEpilogue(epilogue).Residual(residual, in_place).Type(type);
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

// ---- One and three axes

TEST(Resize, OneAxis) {
  for (const Mode& mode : kModes) {
    for (const DataType type : {DataType::kF32, DataType::kF16}) {
      Tester(mode).Type(type).Input(2, 3, 17).Size(40).Run();
      Tester(mode).Type(type).Input(1, 18, 40).Size(17).Run();
      Tester(mode).Type(type).Input(1, 1, 33).Scale(3).Run();
    }
    // Cut into tasks along its columns.
    Tester(mode).Input(1, 2, 30000).Size(70001).Formats({{kFormats[0], kFormats[0]}, {kFormats[1], kFormats[4]}}).Run();
    Tester(mode).Input(1, 1, 90000).Size(70001).Formats({{kFormats[0], kFormats[0]}}).Run();
    Tester(mode).Input(2, 1, 20000).Scale(4).Formats({{kFormats[0], kFormats[0]}}).RunDeterminism();
  }
  ResizeTester(PyTorchMode::kLinear, false, true).Input(1, 3, 70000).Size(40000).Run();
}

TEST(Resize, ThreeAxes) {
  for (const Mode& mode : kModes) {
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
  for (const Mode& mode : kModes) {
    DeepTester(mode).Input(1, 3, 5, 6).Size(0, 11).Run();
    DeepTester(mode).Input(1, 3, 5, 6).Size(9, 0).Run();
    DeepTester(mode).Input(1, 17, 4, 5, 6).Scale(0, 2.5, 0).Run();
  }
}

// ---- Windows

TEST(Resize, Antialias) {
  for (const Mode& mode : kWindowModes) {
    const auto tester = [&] { return ResizeTester(mode.mode, mode.align_corners, true); };
    tester().Input(2, 3, 30, 41).Size(11, 13).Run();
    tester().Input(1, 19, 17, 22).Size(9, 5).Run();
    tester().Input(1, 1, 40, 40).Size(7, 80).Run();  // shrinks one axis, enlarges the other
    tester().Input(1, 5, 9, 8).Size(18, 20).Run();   // enlarging has the same rule
    tester().Input(1, 3, 12, 20).Size(12, 7).Run();
    tester().Input(1, 3, 12, 20).Size(5, 20).Run();
    tester().Input(1, 2, 70, 300).Size(3, 2).Run();
    tester().Input(1, 4, 33, 35).Formats(AllFormatPairs()).Size(12, 17).Run();
    tester().Input(2, 7, 21, 34).Size(10, 11).RunDeterminism();
    tester().Input(1, 3, 90).Size(31).Run();
    tester().Input(1, 3, 60, 700).Size(40, 601).Run();  // more than what is packed at a time
  }
  for (const PyTorchMode mode : {PyTorchMode::kBilinear, PyTorchMode::kBicubic}) {
    for (const double scale : {0.3, 0.5, 0.7, 1.0, 1.3, 2.0}) {
      ResizeTester(mode, false, true).Input(1, 3, 10, 13).Scale(scale, scale).Run();
      ResizeTester(mode, false, true).Input(1, 18, 10, 13).Scale(scale, scale).Recompute().Run();
    }
  }
}

TEST(Resize, AntialiasOfOnnx) {
  for (const ResizeMode mode : {ResizeMode::kLinear, ResizeMode::kCubic}) {
    for (const bool exclude : {false, true}) {
      for (const auto precision : {CoordinatePrecision::kF32, CoordinatePrecision::kF64}) {
        for (int coordinates = 0; coordinates <= 6; ++coordinates) {
          ResizeAttributes a;
          a.mode = mode;
          a.exclude_outside = exclude;
          a.coordinate_precision = precision;
          a.antialias = Antialias::kOnnx;
          a.coordinate_transformation = static_cast<CoordinateTransformation>(coordinates);
          a.roi_begin = {0.1, 0.8, 0};
          a.roi_end = {0.7, 0.2, 1};
          a.extrapolation_value = 3;
          ResizeTester(a).Input(1, 3, 20, 31).Size(9, 7).Run();
          ResizeTester(a).Input(1, 17, 9, 8).Scale(0.6, 1.5).Run();
          ResizeTester(a).Input(1, 2, 8, 9).Size(1, 30).Run();
          ResizeTester(a).Input(1, 2, 50).Size(9).Run();
        }
      }
    }
  }
}

TEST(Resize, Area) {
  const auto tester = [] { return ResizeTester(PyTorchMode::kArea); };
  tester().Input(2, 3, 30, 41).Size(11, 13).Run();
  tester().Input(1, 19, 7, 8).Size(18, 20).Run();
  tester().Input(1, 5, 40, 41).Size(1, 1).Run();
  tester().Input(1, 3, 33).Size(10).Run();
  tester().Input(1, 3, 9, 10, 11).Size(4, 3, 5).Run();
  tester().Input(1, 17, 5, 10, 6).Size(2, 10, 7).Run();
  tester().Input(1, 4, 12, 16).Scale(0.25, 0.5).Exact().Run();
  tester().Input(1, 2, 8, 4, 6).Scale(0.5, 0.5, 0.5).Formats(AllFormatPairs()).Run();
  tester().Input(1, 3, 10, 13).Scale(0.7, 1.3).Run();
  tester().Input(2, 3, 6, 10, 13).Size(4, 3, 5).RunDeterminism();
}

// Windows too long for the ring to hold whole rows of them.
TEST(Resize, TallWindows) {
  const std::vector<FormatPair> formats = {{kFormats[0], kFormats[0]}, {kFormats[1], kFormats[2]}};
  ResizeTester(PyTorchMode::kArea).Input(1, 3, 900, 700).Size(2, 650).Formats(formats).Run();
  ResizeTester(PyTorchMode::kBicubic, false, true).Input(1, 1, 600, 600).Size(5, 620).Formats(formats).Run();
}

TEST(Resize, ExcludeOutside) {
  for (const auto precision : {CoordinatePrecision::kF32, CoordinatePrecision::kF64}) {
    for (const float coefficient : {-0.75f, -0.5f, 0.4f}) {
      ResizeAttributes a;
      a.mode = ResizeMode::kCubic;
      a.cubic_coeff_a = coefficient;
      a.exclude_outside = true;
      a.coordinate_precision = precision;
      ResizeTester(a).Input(1, 3, 5, 6).Scale(2, 2).Run();
      ResizeTester(a).Input(1, 18, 6, 9).Size(4, 20).Run();
      ResizeTester(a).Input(1, 3, 1, 2).Size(4, 5).Run();
      ResizeTester(a).Input(1, 3, 3, 4, 5).Size(5, 6, 2).Run();
      ResizeTester(a).Input(1, 3, 2, 90).Size(2, 180).Run();
      a.mode = ResizeMode::kLinear;  // where it changes nothing
      ResizeTester(a).Input(1, 3, 5, 6).Scale(2, 2).Run();
    }
  }
}

// ---- Coordinates

TEST(Resize, EveryCoordinateInBothPrecisions) {
  for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic}) {
    for (const auto precision : {CoordinatePrecision::kF32, CoordinatePrecision::kF64}) {
      for (int coordinates = 0; coordinates <= 6; ++coordinates) {
        for (int nearest = 0; nearest <= (mode == ResizeMode::kNearest ? 4 : 0); ++nearest) {
          ResizeAttributes a;
          a.mode = mode;
          a.coordinate_precision = precision;
          a.coordinate_transformation = static_cast<CoordinateTransformation>(coordinates);
          a.nearest_mode = static_cast<NearestMode>(nearest);
          a.copy_unchanged_axes = false;
          a.roi_begin = {0.25, 0.1, 0.3};
          a.roi_end = {0.8, 0.9, 0.6};
          ResizeTester(a).Input(1, 3, 5, 7).Size(10, 14).Run();
          ResizeTester(a).Input(1, 17, 8, 9).Size(4, 3).Run();
          ResizeTester(a).Input(1, 2, 5, 6).Scale(1.3, 0.7).Run();
          ResizeTester(a).Input(1, 2, 5, 6).Scale(1, 1).Run();
          ResizeTester(a).Input(1, 2, 5, 6).Size(5, 6).Run();
          ResizeTester(a).Input(1, 2, 70).Scale(2.5).Run();
          ResizeTester(a).Input(1, 2, 2, 3, 4).Size(3, 5, 2).Run();
        }
      }
    }
  }
}

TEST(Resize, CropReversedAndOutOfRange) {
  const double kRegions[][4] = {{0, 1, 0, 1},      {1, 0, 1, 0},   {0.9, 0.1, 0.2, 0.7}, {-0.5, 0.5, 0.3, 1.4},
                                {1.5, -0.5, 0, 1}, {2, 3, 0, 1},   {0, 1, -3, -2},       {0.5, 0.5, 0.25, 0.25},
                                {0, 1, 1.6, -0.6}, {-1, 2, -1, 2}, {1e300, -1e300, 0, 1}};
  for (const auto& region : kRegions) {
    for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic}) {
      for (const auto precision : {CoordinatePrecision::kF32, CoordinatePrecision::kF64}) {
        ResizeAttributes a;
        a.mode = mode;
        a.coordinate_precision = precision;
        a.coordinate_transformation = CoordinateTransformation::kTfCropAndResize;
        a.roi_begin = {region[0], region[2], 0};
        a.roi_end = {region[1], region[3], 1};
        a.extrapolation_value = -7.5f;
        if (std::fabs(region[0]) > 1e30 && precision == CoordinatePrecision::kF32) continue;  // an infinity
        ResizeTester(a).Input(2, 3, 6, 7).Size(9, 12).Run();
        ResizeTester(a).Input(1, 18, 5, 8).Size(3, 40).Run();
        ResizeTester(a).Input(1, 2, 5, 8).Size(5, 8).Run();
        ResizeTester(a).Input(1, 2, 5, 8).Size(1, 1).Run();
        ResizeTester(a).Input(1, 2, 1, 1).Size(3, 4).Run();
        ResizeTester(a).Input(1, 2, 5, 40).Size(7, 100).Run();
        Epilogue epilogue;
        epilogue.activation = Activation::kLeakyRelu;  // applies to what is extrapolated, too
        ResizeTester(a).Input(1, 5, 5, 8).Size(6, 9).WithEpilogue(epilogue).Constants().Run();
        a.extrapolation_value = 77.5f;
        for (const auto rounding : kRoundings) {
          a.u8_rounding = rounding;
          ResizeTester(a).Input(1, 3, 6, 7).Size(9, 12).Type(DataType::kU8).Tolerance(1e-4).Run();
        }
      }
    }
  }
}

TEST(Resize, SizeRules) {
  const struct {
    int64_t in;
    double scale;
    int64_t pytorch, onnx, onnx_runtime;
  } kCases[] = {
      {5, 1.4, 7, 6, 7}, {3, 5.0 / 3, 5, 4, 5}, {10, 1.3, 13, 12, 13}, {30, 2.1, 63, 62, 62}, {45, 1.4, 62, 62, 63}};
  for (const auto& c : kCases) {
    const std::pair<OutputSizeRule, int64_t> rules[] = {{OutputSizeRule::kPyTorch, c.pytorch},
                                                        {OutputSizeRule::kOnnx, c.onnx},
                                                        {OutputSizeRule::kOnnxRuntime, c.onnx_runtime}};
    for (const auto& [rule, out] : rules) {
      ResizeAttributes a;
      a.scale = {c.scale, c.scale, 0};
      a.output_size_rule = rule;
      const StatusOr<Plan> plan = CreateResize(a)->MakePlan(TensorDesc::Nchw(1, 1, c.in, c.in));
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      EXPECT_EQ(plan->output().size[0], out) << c.in << " * " << c.scale << " rule " << static_cast<int>(rule);
      EXPECT_EQ(plan->output().size[1], out);
      for (const bool recompute : {false, true}) {
        a.recompute_scale_factor = recompute;
        ResizeTester(a).Input(1, 2, c.in, 4).Run();
      }
    }
  }
}

TEST(Resize, KeepAspectRatio) {
  for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic}) {
    for (const auto policy : {KeepAspectRatioPolicy::kNotLarger, KeepAspectRatioPolicy::kNotSmaller}) {
      for (const auto precision : {CoordinatePrecision::kF32, CoordinatePrecision::kF64}) {
        ResizeAttributes a;
        a.mode = mode;
        a.keep_aspect_ratio_policy = policy;
        a.coordinate_precision = precision;
        ResizeTester(a).Input(1, 3, 5, 7).Size(12, 12).Run();
        ResizeTester(a).Input(1, 3, 9, 7).Size(4, 5).Run();
        ResizeTester(a).Input(1, 3, 9, 7).Size(0, 5).Run();
        ResizeTester(a).Input(1, 3, 4, 9, 7).Size(6, 0, 8).Run();
        a.coordinate_transformation = CoordinateTransformation::kHalfPixelSymmetric;
        ResizeTester(a).Input(1, 3, 5, 7).Size(12, 12).Run();
      }
    }
  }
}

// ---- Element types

TEST(Resize, EveryType) {
  for (const DataType type : kTypes) {
    for (const auto rounding : {U8Rounding::kHalfEven, U8Rounding::kTruncate}) {
      if (type != DataType::kU8 && rounding != U8Rounding::kHalfEven) continue;
      for (const Mode& mode : kModes) {
        ResizeTester tester = Tester(mode);
        tester.attributes().u8_rounding = rounding;
        tester.Type(type).Tolerance(type == DataType::kU8 ? 1e-4 : 0);
        tester.Input(2, 3, 5, 7).Size(10, 14).Run();
        tester.Input(1, 19, 6, 9).Size(17, 11).Formats(AllFormatPairs()).Run();
        tester.Formats({}).Input(1, 5, 9, 37).Scale(2, 2).Run();
        tester.Input(1, 3, 9, 12).Size(9, 5).Run();
        tester.Input(1, 3, 9, 12).Size(4, 12).Run();
        tester.Input(1, 3, 9, 12).Size(9, 12).Run();
        tester.Input(1, 3, 4, 5, 6).Scale(2, 1, 0.5).Run();
      }
      for (const Mode& mode : kWindowModes) {
        ResizeTester tester(mode.mode, mode.align_corners, true);
        tester.attributes().u8_rounding = rounding;
        tester.Type(type).Tolerance(type == DataType::kU8 ? 1e-4 : 0);
        tester.Input(2, 3, 25, 37).Size(10, 14).Run();
        tester.Input(1, 19, 16, 29).Size(7, 40).Formats(AllFormatPairs()).Run();
      }
      ResizeTester tester(PyTorchMode::kArea);
      tester.attributes().u8_rounding = rounding;
      tester.Type(type).Tolerance(type == DataType::kU8 ? 1e-4 : 0).Input(1, 5, 20, 33).Size(7, 11).Run();
    }
  }
}

TEST(Resize, FixedPointIsExact) {
  for (const auto rounding : {U8Rounding::kFixed16, U8Rounding::kFixed22}) {
    const auto run = [&](ResizeTester tester) {
      tester.attributes().u8_rounding = rounding;
      tester.Type(DataType::kU8);
      tester.Input(2, 3, 5, 7).Size(10, 14).Run();
      tester.Input(1, 3, 31, 37).Size(10, 14).Run();
      tester.Input(1, 19, 16, 29).Size(7, 40).Formats(AllFormatPairs()).Run();
      tester.Formats({}).Input(1, 4, 16, 29).Size(16, 13).Run();
      tester.Input(1, 4, 16, 29).Size(33, 29).Run();
      tester.Input(1, 4, 16, 29).Size(16, 29).Run();
      tester.Input(1, 1, 100, 3).Size(2, 1).Run();
      tester.Input(1, 2, 1, 1).Size(3, 5).Run();
      tester.Input(1, 2, 60).Size(25).Run();
      tester.Input(1, 3, 60, 700).Size(40, 601).Run();
      if (tester.attributes().mode != ResizeMode::kLanczos) tester.Input(1, 3, 11, 13).Scale(1.3, 0.6).Run();
    };
    for (const Mode& mode : kModes) run(Tester(mode));
    for (const Mode& mode : kWindowModes) run(ResizeTester(mode.mode, mode.align_corners, true));
    run(ResizeTester(PyTorchMode::kArea));
    for (const ResizeMode mode :
         {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic, ResizeMode::kLanczos}) {
      run(ResizeTester(ResizeAttributes::Pillow(mode)));
    }
    ResizeAttributes excluded;
    excluded.mode = ResizeMode::kCubic;
    excluded.exclude_outside = true;
    run(ResizeTester(excluded));
  }
}

// Whole-number levels through f16, bf16 and u8: every value of the type arrives as it was.
TEST(Resize, NearestKeepsEveryValue) {
  ResizeAttributes a = ResizeAttributes::PyTorch(PyTorchMode::kNearest);
  a.scale = {2, 1, 0};
  for (const std::string& target : SupportedTargets()) {
    const Operator op = *CreateResize(a, OptionsFor(target));
    for (const DataType type : {DataType::kF16, DataType::kBF16}) {
      ref::Tensor<uint16_t> input(1, 1, 256, 256);
      for (size_t i = 0; i < input.data.size(); ++i) input.data[i] = static_cast<uint16_t>(i);
      ref::Tensor<uint16_t> output;
      ASSERT_TRUE(RunOnce(op, target, PlanOptions(), RunChoice(), input, DescOf(type, kFormats[0], input, 2),
                          MakeDesc(type, kFormats[0], 1, 1, 512, 256), output));
      for (size_t i = 0; i < output.data.size(); ++i) {
        const uint16_t expected = input.data[i / 512 * 256 + i % 256];
        const bool nan = std::isnan(ref::Decode(type, expected));
        ASSERT_TRUE(nan ? std::isnan(ref::Decode(type, output.data[i])) : output.data[i] == expected)
            << target << " bits " << expected << " became " << output.data[i];
      }
    }
  }
}

// ---- Corner cases with known results

struct Row {
  std::vector<double> input, expected;
};

// Along each axis of a 1-D, 2-D and 3-D tensor, on every target.
void ExpectRow(ResizeAttributes a, const Row& row, double tolerance) {
  const auto size = static_cast<int64_t>(row.input.size());
  const bool by_size = a.scale[0] == 0;
  const std::array<double, 3> scale = a.scale, begin = a.roi_begin, end = a.roi_end;
  const bool fixed = a.u8_rounding == U8Rounding::kFixed16 || a.u8_rounding == U8Rounding::kFixed22;
  for (int rank = 1; rank <= (fixed ? 2 : 3); ++rank) {
    for (int axis = 0; axis < rank; ++axis) {
      a.spatial_rank = rank;
      a.size = {};
      a.scale = {};
      a.roi_begin = {};
      a.roi_end = {1, 1, 1};
      if (by_size) a.size[axis] = static_cast<int64_t>(row.expected.size());
      if (!by_size) a.scale[axis] = scale[0];
      a.roi_begin[axis] = begin[0];
      a.roi_end[axis] = end[0];
      TensorDesc desc = TensorDesc::Make(1, 1, {1, 1, 1});
      desc.spatial_rank = rank;
      desc.size[axis] = size;
      const std::vector<float> input(row.input.begin(), row.input.end());
      for (const std::string& target : SupportedTargets()) {
        SCOPED_TRACE(target + " rank " + std::to_string(rank) + " axis " + std::to_string(axis));
        const StatusOr<Operator> op = CreateResize(a, OptionsFor(target));
        ASSERT_TRUE(op.ok()) << op.status().message();
        const StatusOr<Plan> plan = op->MakePlan(desc);
        ASSERT_TRUE(plan.ok()) << plan.status().message();
        ASSERT_EQ(plan->output().size[axis], static_cast<int64_t>(row.expected.size()));
        std::vector<float> output(row.expected.size());
        ASSERT_TRUE(plan->Run(input.data(), output.data()).ok());
        for (size_t i = 0; i < output.size(); ++i) {
          EXPECT_NEAR(static_cast<double>(output[i]), row.expected[i], tolerance) << "output " << i;
        }
      }
    }
  }
}

ResizeAttributes OnnxLike(ResizeMode mode, CoordinateTransformation coordinates) {
  ResizeAttributes a;
  a.mode = mode;
  a.coordinate_transformation = coordinates;
  a.coordinate_precision = CoordinatePrecision::kF64;
  a.copy_unchanged_axes = false;
  a.output_size_rule = OutputSizeRule::kOnnx;
  return a;
}

TEST(Resize, HalvesAreRoundedAsTheModeSays) {
  const std::vector<double> input = {0, 1, 2, 3, 4, 5, 6, 7};
  ResizeAttributes a = OnnxLike(ResizeMode::kNearest, CoordinateTransformation::kHalfPixel);
  const std::pair<NearestMode, std::vector<double>> cases[] = {{NearestMode::kRoundPreferFloor, {0, 2, 4, 6}},
                                                               {NearestMode::kRoundPreferCeil, {1, 3, 5, 7}},
                                                               {NearestMode::kFloor, {0, 2, 4, 6}},
                                                               {NearestMode::kCeil, {1, 3, 5, 7}},
                                                               {NearestMode::kSimple, {1, 3, 5, 7}}};
  for (const auto& [nearest, expected] : cases) {
    a.nearest_mode = nearest;
    ExpectRow(a, {input, expected}, 0);
  }
  // Whole numbers stay in all of them, and so do the edges for what is below 0.
  for (const auto& [nearest, unused] : cases) {
    a.nearest_mode = nearest;
    a.coordinate_transformation = CoordinateTransformation::kAsymmetric;
    ExpectRow(a, {input, {0, 2, 4, 6}}, 0);
  }
  a.coordinate_transformation = CoordinateTransformation::kHalfPixel;
  a.nearest_mode = NearestMode::kRoundPreferFloor;
  ExpectRow(a, {{5, 6}, {5, 5, 6, 6}}, 0);  // -0.25, 0.25, 0.75, 1.25
}

TEST(Resize, OnePixelInOrOut) {
  using C = CoordinateTransformation;
  for (int coordinates = 0; coordinates <= 6; ++coordinates) {
    for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic}) {
      ResizeAttributes a = OnnxLike(mode, static_cast<C>(coordinates));
      ExpectRow(a, {{3}, {3, 3, 3, 3}}, 1e-6);
      ExpectRow(a, {{3}, {3}}, 1e-6);
    }
  }
  const std::vector<double> four = {1, 2, 3, 4};
  ExpectRow(OnnxLike(ResizeMode::kLinear, C::kAlignCorners), {four, {1}}, 0);
  ExpectRow(OnnxLike(ResizeMode::kLinear, C::kPytorchHalfPixel), {four, {1}}, 0);
  ExpectRow(OnnxLike(ResizeMode::kCubic, C::kPytorchHalfPixel), {four, {1}}, 1e-6);
  ExpectRow(OnnxLike(ResizeMode::kLinear, C::kHalfPixel), {four, {2.5}}, 1e-6);
  ResizeAttributes crop = OnnxLike(ResizeMode::kLinear, C::kTfCropAndResize);
  crop.roi_begin = {0.2, 0, 0};
  crop.roi_end = {0.6, 1, 1};
  ExpectRow(crop, {four, {1 + 0.4 * 3}}, 1e-6);
}

TEST(Resize, NegativeCoordinatesUseFloor) {
  // At -0.25 truncation would give other taps; outside of the input they read the edge, or count nothing.
  const struct {
    bool exclude_outside;
    double first, second;
  } kCases[] = {{false, 0.894531, 1.191406}, {true, 0.863636, 1.173145}};
  for (const auto& c : kCases) {
    for (const std::string& target : SupportedTargets()) {
      ResizeAttributes a = OnnxLike(ResizeMode::kCubic, CoordinateTransformation::kHalfPixel);
      a.spatial_rank = 1;
      a.exclude_outside = c.exclude_outside;
      a.size = {8, 0, 0};
      const StatusOr<Operator> op = CreateResize(a, OptionsFor(target));
      ASSERT_TRUE(op.ok()) << op.status().message();
      const float input[] = {1, 2, 3, 4};
      float output[8];
      ASSERT_TRUE(op->MakePlan(TensorDesc::Make(1, 1, {4}))->Run(input, output).ok());
      EXPECT_NEAR(output[0], c.first, 1e-6);
      EXPECT_NEAR(output[1], c.second, 1e-6);
      EXPECT_NEAR(output[6], 5 - c.second, 1e-6);
      EXPECT_NEAR(output[7], 5 - c.first, 1e-6);
    }
  }
}

TEST(Resize, AntialiasOfPyTorchPillowAndOnnxDiffer) {
  const std::vector<double> eight = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<double> squares = {1, 4, 9, 16, 25, 36, 49, 64};
  const std::vector<double> linear = {2.105263, 4.5, 6.894737};
  const std::vector<double> cubic = {3.828724, 20.718557, 50.692341};
  ExpectRow(ResizeAttributes::PyTorch(PyTorchMode::kBilinear, false, true), {eight, linear}, 1e-5);
  ExpectRow(ResizeAttributes::PyTorch(PyTorchMode::kBicubic, false, true), {squares, cubic}, 2e-5);
  ExpectRow(ResizeAttributes::Pillow(ResizeMode::kLinear), {eight, linear}, 1e-5);
  ExpectRow(ResizeAttributes::Pillow(ResizeMode::kCubic), {squares, cubic}, 2e-5);
  ResizeAttributes a = OnnxLike(ResizeMode::kLinear, CoordinateTransformation::kHalfPixel);
  a.antialias = Antialias::kOnnx;
  ExpectRow(a, {eight, {1.976744, 4.5, 7.023256}}, 1e-5);
  a.exclude_outside = true;
  ExpectRow(a, {eight, linear}, 1e-5);
  a.mode = ResizeMode::kCubic;
  a.cubic_coeff_a = -0.5f;
  ExpectRow(a, {squares, cubic}, 2e-5);
  // A user's scale that leaves the size as it is: PyTorch 1 resizes, PyTorch 2 copies.
  ResizeAttributes scaled = ResizeAttributes::PyTorch(PyTorchMode::kBilinear, false, true);
  scaled.scale = {1.3, 0, 0};
  ExpectRow(scaled, {{0, 1, 2}, {0, 1, 2}}, 0);
  scaled.copy_unchanged_axes = false;
  ExpectRow(scaled, {{0, 1, 2}, {0, 0.653846, 1.423077}}, 1e-5);
}

// A window whose coordinate is a whole number has one tap, and its neighbours reach further on both sides: also where
// it is the first or the last of a row, or of a part of one.
TEST(Resize, WindowsNextToShorterOnes) {
  ResizeAttributes flipped;
  flipped.mode = ResizeMode::kCubic;
  flipped.coordinate_transformation = CoordinateTransformation::kTfCropAndResize;
  flipped.roi_begin = {1.125, 1.125, 1};
  flipped.roi_end = {0.875, 0.875, 1};
  flipped.u8_rounding = U8Rounding::kFixed22;
  ResizeTester(flipped).Input(2, 3, 9, 9).Size(14, 14).Type(DataType::kU8).Run();
  ResizeAttributes corners = ResizeAttributes::PyTorch(PyTorchMode::kBicubic, true);
  for (const int64_t in : {11, 33, 321}) {
    // Every fifth, third and second coordinate is a whole number.
    for (const int64_t parts : {5, 3, 2}) {
      ResizeTester(corners).Input(1, 2, 4, in).Size(7, (in - 1) * parts + 1).Type(DataType::kU8).Run();
      ResizeTester(corners).Input(1, 18, in, 4).Size((in - 1) * parts + 1, 4).Type(DataType::kU8).Run();
    }
  }
}

TEST(Resize, AntialiasOfThreeAxes) {
  for (const Antialias antialias : {Antialias::kPillow, Antialias::kOnnx}) {
    for (const ResizeMode mode : {ResizeMode::kLinear, ResizeMode::kCubic}) {
      ResizeAttributes a;
      a.spatial_rank = 3;
      a.mode = mode;
      a.antialias = antialias;
      a.copy_unchanged_axes = false;
      ResizeTester(a).Input(1, 3, 7, 9, 11).Size(3, 4, 5).Run();
      ResizeTester(a).Input(2, 18, 5, 4, 9).Size(2, 7, 4).Run();
      ResizeTester(a).Input(1, 2, 6, 5, 20).Size(6, 2, 40).Run();
    }
  }
}

// Pillow 12, grey pictures of one row or column; of the centres alone the fourth pixel of 4 -> 7 would be another.
TEST(Resize, PillowSumsItsNearestCoordinates) {
  ExpectRow(ResizeAttributes::Pillow(ResizeMode::kNearest), {{0, 1, 2, 3}, {0, 0, 1, 1, 2, 3, 3}}, 0);
  ResizeAttributes centres = ResizeAttributes::Pillow(ResizeMode::kNearest);
  centres.coordinate_transformation = CoordinateTransformation::kTfHalfPixelForNn;
  centres.nearest_mode = NearestMode::kFloor;
  ExpectRow(centres, {{0, 1, 2, 3}, {0, 0, 1, 2, 2, 3, 3}}, 0);
}

// An output whose coordinate is an ulp above a whole number: taps and weights must come of the same number.
TEST(Resize, CoordinatesNextToWholeNumbers) {
  const std::pair<int64_t, int64_t> kSizes[] = {{7, 17}, {10, 14}, {15, 11}, {15, 21}, {14, 34}, {9, 39}};
  for (const auto& [in, out] : kSizes) {
    for (const ResizeMode mode : {ResizeMode::kLinear, ResizeMode::kCubic}) {
      for (const Antialias antialias : {Antialias::kNone, Antialias::kOnnx}) {
        ResizeAttributes a = OnnxLike(mode, CoordinateTransformation::kHalfPixel);
        a.antialias = antialias;
        ResizeTester(a).Input(1, 2, in, in).Size(out, out).Run();
      }
    }
  }
}

TEST(Resize, U8RoundingsDiffer) {
  const uint8_t input[] = {0, 255, 3, 1};
  const std::pair<ResizeAttributes, std::vector<int>> kCases[] = {
      {[] {
         ResizeAttributes a;
         a.u8_rounding = U8Rounding::kTruncate;
         return a;
       }(),
       {0, 63, 191, 192, 66, 2, 1, 1}},
      {ResizeAttributes(), {0, 64, 191, 192, 66, 2, 2, 1}},
      {ResizeAttributes::Pillow(ResizeMode::kLinear), {0, 64, 191, 192, 66, 3, 2, 1}},
      {ResizeAttributes::PyTorch(PyTorchMode::kBilinear), {0, 64, 191, 192, 66, 3, 2, 1}}};
  for (const auto& [attributes, expected] : kCases) {
    for (const std::string& target : SupportedTargets()) {
      ResizeAttributes a = attributes;
      a.spatial_rank = 1;
      a.size = {8, 0, 0};
      TensorDesc desc = TensorDesc::Make(1, 1, {4});
      desc.dtype = DataType::kU8;
      const StatusOr<Operator> op = CreateResize(a, OptionsFor(target));
      ASSERT_TRUE(op.ok()) << op.status().message();
      uint8_t output[8];
      ASSERT_TRUE(op->MakePlan(desc)->Run(input, output).ok());
      EXPECT_EQ(std::vector<int>(output, output + 8), expected) << target;
    }
  }
}

// Sizes beyond 2^24, which f32 cannot count: a table that is that of f32, and a plan whose products do not overflow.
TEST(Resize, SizesBeyondF32) {
  if (kSanitized) GTEST_SKIP();
  ResizeAttributes a = ResizeAttributes::PyTorch(PyTorchMode::kNearest);
  a.spatial_rank = 1;
  a.size = {16777216 + 40, 0, 0};
  TensorDesc desc = TensorDesc::Make(1, 1, {16777216 + 37});
  desc.dtype = DataType::kU8;
  std::vector<uint8_t> input(16777216 + 37), output(16777216 + 40);
  for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<uint8_t>(i % 251);
  for (const auto precision : {CoordinatePrecision::kF32, CoordinatePrecision::kF64}) {
    a.coordinate_precision = precision;
    const StatusOr<Plan> plan = CreateResize(a)->MakePlan(desc);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    ASSERT_TRUE(plan->Run(input.data(), output.data()).ok());
    ResizeAttributes attributes = a;
    const ref::ResizeLine line =
        ref::MakeResizeLine(attributes, {1, 1, desc.size[0]}, 2, precision == CoordinatePrecision::kF64);
    size_t wrong = 0;
    for (int64_t o = 0; o < a.size[0]; o += 1 + o % 7) {
      wrong += output[static_cast<size_t>(o)] != input[static_cast<size_t>(line.Taps(o)[0].index)];
    }
    EXPECT_EQ(wrong, 0u);
  }
}

TEST(Resize, AbsurdSizesAreErrorsAndNotAllocations) {
  const auto plan = [](ResizeAttributes a, std::initializer_list<int64_t> input) {
    a.spatial_rank = static_cast<int32_t>(input.size());
    return CreateResize(a)->MakePlan(TensorDesc::Make(1, 1, input));
  };
  constexpr int64_t kLarge = int64_t{1} << 30;
  ResizeAttributes a;
  a.size = {kLarge, 0, 0};
  EXPECT_EQ(plan(a, {4}).status().code(), StatusCode::kOutOfMemory);
  a = ResizeAttributes::PyTorch(PyTorchMode::kArea);
  a.size = {1, 0, 0};
  EXPECT_EQ(plan(a, {kLarge}).status().code(), StatusCode::kOutOfMemory);
  a = ResizeAttributes::PyTorch(PyTorchMode::kBicubic, false, true);
  a.size = {3, 0, 0};
  EXPECT_EQ(plan(a, {kLarge}).status().code(), StatusCode::kOutOfMemory);
  a = ResizeAttributes::PyTorch(PyTorchMode::kArea);
  a.size = {1, 1, 1};
  EXPECT_EQ(plan(a, {1000000, 1000000, 3}).status().code(), StatusCode::kOutOfMemory);
  // Three outputs of a window of the whole input, which is long, but no trouble.
  a = ResizeAttributes::PyTorch(PyTorchMode::kLanczos, false, true);
  a.size = {3, 0, 0};
  const StatusOr<Plan> long_plan = plan(a, {1000000});
  ASSERT_TRUE(long_plan.ok()) << long_plan.status().message();
  EXPECT_LE(long_plan->workspace_bytes(), size_t{96} << 20);
}

// ---- With a 1x1 convolution

constexpr int64_t kChannels[] = {1, 3, 15, 17, 33, 70};

TEST(ResizePointwise, ChannelTails) {
  uint32_t seed = 1;
  for (const Mode& mode : kModes) {
    for (const int64_t ic : kChannels) {
      for (const int64_t oc : kChannels) {
        if (++seed % 5 != 0 && kSanitized) continue;
        Tester(mode).Input(1, ic, 3, 4).Size(6, 8).PointwiseTo(oc, (ic + oc) % 3 != 0).Seed(seed).Run();
      }
      Tester(mode).Input(1, 4, 4, 3).Size(5, 7).PointwiseTo(ic).Run();
    }
  }
}

TEST(ResizePointwise, EveryPairOfLayouts) {
  for (const Mode& mode : kModes) {
    Tester(mode).Input(2, 19, 4, 5).Size(8, 10).PointwiseTo(21).Formats(AllFormatPairs()).Run();
    Tester(mode).Input(1, 35, 5, 6).Size(9, 4).PointwiseTo(48, false).Formats(AllFormatPairs()).Run();
  }
}

TEST(ResizePointwise, SizesAndScales) {
  for (const Mode& mode : kModes) {
    for (const double scale : {0.35, 0.77, 1.0, 1.3, 2.0, 3.0, 3.7, 8.0}) {
      Tester(mode).Input(1, 5, 9, 13).Scale(scale, scale).PointwiseTo(18).Run();
      Tester(mode).Input(2, 18, 6, 5).Scale(scale, 2.0).PointwiseTo(3).Run();
      Tester(mode).Input(1, 2, 5, 17).Scale(1.0, scale).PointwiseTo(19).Run();
    }
    Tester(mode).Input(1, 3, 1, 1).Size(5, 7).PointwiseTo(4).Run();
    Tester(mode).Input(1, 17, 1, 6).Size(4, 3).PointwiseTo(4).Run();
    Tester(mode).Input(2, 19, 7, 5).Size(7, 13).PointwiseTo(5).Run();  // one axis unchanged
    Tester(mode).Input(1, 6, 7, 5).Size(11, 5).PointwiseTo(33).Run();
    Tester(mode).Input(1, 33, 4, 5).Size(4, 5).PointwiseTo(6).Run();  // both
  }
}

TEST(ResizePointwise, Windows) {
  for (const Mode& mode : kWindowModes) {
    const auto tester = [&] { return ResizeTester(mode.mode, mode.align_corners, true); };
    tester().Input(2, 18, 9, 14).Size(4, 5).PointwiseTo(35).Run();
    tester().Input(1, 5, 30, 41).Size(7, 13).PointwiseTo(20).Run();
    tester().Input(1, 3, 6, 7).Size(9, 5).PointwiseTo(16).Run();
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
  for (const Mode& mode : kModes) {
    Tester(mode).Input(2, 18, 37).Size(75).PointwiseTo(20).Run();
    Tester(mode).Input(1, 5, 700).Scale(2).PointwiseTo(33).Run();
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
  for (const Mode& mode : kModes) {
    Tester(mode).Input(3, 5, 9, 11).Scale(2, 2).PointwiseTo(37).RunDeterminism();
    Tester(mode).Input(2, 33, 9, 9).Size(30, 21).PointwiseTo(150).RunDeterminism();
    Tester(mode).Input(2, 17, 31, 22).Size(9, 14).PointwiseTo(18).RunDeterminism();
  }
}

// The weights of the lanes behind the last channel are 0, whose products with these inputs are NaNs: RunOnce finds
// them.
TEST(ResizePointwise, NonFiniteInputsLeaveTheTailLanesZero) {
  for (const Mode& mode : kModes) {
    ResizeAttributes a = ResizeAttributes::PyTorch(mode.mode, mode.align_corners);
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

TEST(Resize, SameBitsForEveryThreadCountAndBatchPosition) {
  for (const Mode& mode : kModes) {
    Tester(mode).Input(3, 5, 9, 11).Scale(2, 2).RunDeterminism();
    Tester(mode).Input(4, 18, 7, 9).Size(12, 13).RunDeterminism();
    Tester(mode).Input(2, 3, 31, 22).Size(9, 14).RunDeterminism();
  }
}

// A NaN or Inf must reach every output that gives it a weight, and none that does not read it. Where its weight is 0
// both are right: PyTorch multiplies, and so makes NaN of it.
TEST(Resize, NonFiniteInputsReachOnlyTheirOutputs) {
  std::vector<ResizeAttributes> all;
  for (const Mode& mode : kModes) all.push_back(ResizeAttributes::PyTorch(mode.mode, mode.align_corners));
  for (const Mode& mode : kWindowModes) all.push_back(ResizeAttributes::PyTorch(mode.mode, mode.align_corners, true));
  all.push_back(ResizeAttributes::PyTorch(PyTorchMode::kArea));
  all.push_back(ResizeAttributes::PyTorch(PyTorchMode::kBicubic));
  all.back().exclude_outside = true;
  for (ResizeAttributes attributes : all) {
    for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      for (const SpatialSizes& size : {SpatialSizes{10, 24, 0}, SpatialSizes{13, 7, 0}, SpatialSizes{5, 12, 0}}) {
        attributes.size = size;
        std::mt19937 rng(3);
        ref::Tensor<float> input(2, 5, 5, 12);
        FillUniform(input.data, rng);
        ref::Tensor<float> marked = input;
        marked(1, 2, 3, 4) = value;
        ref::Tensor<double> numbers(2, 5, 5, 12);
        std::copy(input.data.begin(), input.data.end(), numbers.data.begin());
        const ref::Tensor<double> clean = ref::Resize(attributes, numbers).value;
        const auto rows = ref::ResizeTaps(attributes, {1, 5, 12}, 1);
        const auto columns = ref::ResizeTaps(attributes, {1, 5, 12}, 2);
        for (const std::string& target : SupportedTargets()) {
          const StatusOr<Operator> op = CreateResize(attributes, OptionsFor(target));
          ASSERT_TRUE(op.ok()) << op.status().message();
          for (const Format& format : kFormats) {
            SCOPED_TRACE(target + " " + Name(format) + " mode " + std::to_string(static_cast<int>(attributes.mode)));
            ref::Tensor<float> output;
            ASSERT_TRUE(RunOnce(*op, target, PlanOptions(), RunChoice(), marked,
                                MakeDesc(DataType::kF32, format, 2, 5, 5, 12),
                                MakeDesc(DataType::kF32, format, 2, 5, size[0], size[1]), output));
            ASSERT_TRUE(CompareTensors(output, clean, [&](size_t i) {
              const auto index = static_cast<int64_t>(i);
              const auto& row_taps = rows[static_cast<size_t>(index / size[1] % size[0])];
              const auto& column_taps = columns[static_cast<size_t>(index % size[1])];
              bool reads = false;
              double weight = 0;
              for (const ref::Tap& row : row_taps) {
                for (const ref::Tap& column : column_taps) {
                  if (index / size[0] / size[1] == 7 && row.index == 3 && column.index == 4) {
                    reads = true;
                    weight += std::fabs(row.weight * column.weight);
                  }
                }
              }
              const float v = output.data[i];
              if (weight > 1e-3) return !std::isfinite(v);
              const bool clean_value = std::fabs(static_cast<double>(v) - clean.data[i]) <= 1e-2 * weight + 2e-6;
              return clean_value || (reads && !std::isfinite(v));
            }));
          }
        }
      }
    }
  }
}

TEST(Resize, NothingIsReadOrWrittenForAnEmptyBatch) {
  for (const Mode& mode : kModes) {
    ResizeAttributes attributes = ResizeAttributes::PyTorch(mode.mode, mode.align_corners);
    attributes.scale = {2, 2, 0};
    const StatusOr<Operator> op = CreateResize(attributes);
    ASSERT_TRUE(op.ok()) << op.status().message();
    const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nhwc(0, 3, 4, 5));
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    std::vector<float> output(3 * 8 * 10, -7.0f);
    EXPECT_TRUE(plan->Run(output.data() + 120, output.data()).ok());
    EXPECT_TRUE(plan->Run(nullptr, nullptr).ok());
    EXPECT_EQ(output, std::vector<float>(3 * 8 * 10, -7.0f));
  }
}

}  // namespace
}  // namespace polyphase::testing
