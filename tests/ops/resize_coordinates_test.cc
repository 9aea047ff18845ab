// Resize against the oracle: coordinates, precisions and roundings, crops, rules of sizes.
#include <cmath>
#include <cstdint>
#include <utility>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/resize_tester.h"

namespace polyphase::testing {
namespace {

// Every combination of coordinates and rounding, PyTorch's or not.
TEST(ResizeCoordinates, EveryCoordinateTransformation) {
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

TEST(ResizeCoordinates, CubicCoefficient) {
  for (const float a : {-0.5f, -1.0f, 0.0f, 0.25f}) {
    ResizeAttributes attributes = ResizeAttributes::PyTorch(PyTorchMode::kBicubic);
    attributes.cubic_coeff_a = a;
    ResizeTester(attributes).Input(1, 3, 5, 6).Size(11, 15).Run();
    ResizeTester(attributes).Input(1, 16, 5, 6).Scale(2, 2).Run();
  }
}

TEST(ResizeCoordinates, EveryCoordinateInBothPrecisions) {
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

TEST(ResizeCoordinates, CropReversedAndOutOfRange) {
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
        for (const auto rounding :
             {U8Rounding::kHalfEven, U8Rounding::kTruncate, U8Rounding::kFixed16, U8Rounding::kFixed22}) {
          a.u8_rounding = rounding;
          ResizeTester(a).Input(1, 3, 6, 7).Size(9, 12).Type(DataType::kU8).Tolerance(1e-4).Run();
        }
      }
    }
  }
}

// An output whose coordinate is an ulp above a whole number: taps and weights must come of the same number.
TEST(ResizeCoordinates, CoordinatesNextToWholeNumbers) {
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

TEST(ResizeCoordinates, SizeRules) {
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

TEST(ResizeCoordinates, KeepAspectRatio) {
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

}  // namespace
}  // namespace polyphase::testing
