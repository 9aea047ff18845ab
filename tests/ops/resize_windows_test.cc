// Resize with windows of any length against the oracle: antialias, area, and cubic taps that count nothing outside.
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/resize_tester.h"

namespace polyphase::testing {
namespace {

TEST(ResizeWindows, Antialias) {
  for (const TorchMode& mode : kWindowModes) {
    ResizeTester(mode).Input(2, 3, 30, 41).Size(11, 13).Run();
    ResizeTester(mode).Input(1, 19, 17, 22).Size(9, 5).Run();
    ResizeTester(mode).Input(1, 1, 40, 40).Size(7, 80).Run();  // shrinks one axis, enlarges the other
    ResizeTester(mode).Input(1, 5, 9, 8).Size(18, 20).Run();   // enlarging has the same rule
    ResizeTester(mode).Input(1, 3, 12, 20).Size(12, 7).Run();
    ResizeTester(mode).Input(1, 3, 12, 20).Size(5, 20).Run();
    ResizeTester(mode).Input(1, 2, 70, 300).Size(3, 2).Run();
    ResizeTester(mode).Input(1, 4, 33, 35).Formats(AllFormatPairs()).Size(12, 17).Run();
    ResizeTester(mode).Input(2, 7, 21, 34).Size(10, 11).RunDeterminism();
    ResizeTester(mode).Input(1, 3, 90).Size(31).Run();
    ResizeTester(mode).Input(1, 3, 60, 700).Size(40, 601).Run();  // more than what is packed at a time
  }
  for (const PyTorchMode mode : {PyTorchMode::kBilinear, PyTorchMode::kBicubic}) {
    for (const double scale : {0.3, 0.5, 0.7, 1.0, 1.3, 2.0}) {
      ResizeTester(mode, false, true).Input(1, 3, 10, 13).Scale(scale, scale).Run();
      ResizeTester(mode, false, true).Input(1, 18, 10, 13).Scale(scale, scale).Recompute().Run();
    }
  }
}

TEST(ResizeWindows, AntialiasOfOnnx) {
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

TEST(ResizeWindows, AntialiasOfThreeAxes) {
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

TEST(ResizeWindows, Area) {
  ResizeTester(PyTorchMode::kArea).Input(2, 3, 30, 41).Size(11, 13).Run();
  ResizeTester(PyTorchMode::kArea).Input(1, 19, 7, 8).Size(18, 20).Run();
  ResizeTester(PyTorchMode::kArea).Input(1, 5, 40, 41).Size(1, 1).Run();
  ResizeTester(PyTorchMode::kArea).Input(1, 3, 33).Size(10).Run();
  ResizeTester(PyTorchMode::kArea).Input(1, 3, 9, 10, 11).Size(4, 3, 5).Run();
  ResizeTester(PyTorchMode::kArea).Input(1, 17, 5, 10, 6).Size(2, 10, 7).Run();
  ResizeTester(PyTorchMode::kArea).Input(1, 4, 12, 16).Scale(0.25, 0.5).Exact().Run();
  ResizeTester(PyTorchMode::kArea).Input(1, 2, 8, 4, 6).Scale(0.5, 0.5, 0.5).Formats(AllFormatPairs()).Run();
  ResizeTester(PyTorchMode::kArea).Input(1, 3, 10, 13).Scale(0.7, 1.3).Run();
  ResizeTester(PyTorchMode::kArea).Input(2, 3, 6, 10, 13).Size(4, 3, 5).RunDeterminism();
}

// Windows too long for the ring to hold whole rows of them.
TEST(ResizeWindows, TallWindows) {
  const std::vector<FormatPair> formats = {{kFormats[0], kFormats[0]}, {kFormats[1], kFormats[2]}};
  ResizeTester(PyTorchMode::kArea).Input(1, 3, 900, 700).Size(2, 650).Formats(formats).Run();
  ResizeTester(PyTorchMode::kBicubic, false, true).Input(1, 1, 600, 600).Size(5, 620).Formats(formats).Run();
}

// A window whose coordinate is a whole number has one tap, and its neighbours reach further on both sides: also where
// it is the first or the last of a row, or of a part of one.
TEST(ResizeWindows, WindowsNextToShorterOnes) {
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

TEST(ResizeWindows, ExcludeOutside) {
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

}  // namespace
}  // namespace polyphase::testing
