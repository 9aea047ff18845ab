// Resize against the oracle: modes, coordinates, sizes and scales, all targets and layouts.
#include <algorithm>
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

struct Mode {
  PyTorchMode mode;
  bool align_corners;
};
constexpr Mode kModes[] = {{PyTorchMode::kNearest, false},  {PyTorchMode::kNearestExact, false},
                           {PyTorchMode::kBilinear, false}, {PyTorchMode::kBilinear, true},
                           {PyTorchMode::kBicubic, false},  {PyTorchMode::kBicubic, true}};

// With antialias.
constexpr Mode kWindowModes[] = {{PyTorchMode::kBilinear, false},
                                 {PyTorchMode::kBilinear, true},
                                 {PyTorchMode::kBicubic, false},
                                 {PyTorchMode::kBicubic, true},
                                 {PyTorchMode::kLanczos, false}};

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

TEST(Resize, Epilogues) {
  for (const Mode& mode : kModes) {
    for (const Activation activation : {Activation::kRelu, Activation::kLeakyRelu, Activation::kClamp}) {
      Epilogue epilogue;
      epilogue.activation = activation;
      epilogue.negative_slope = 0.3f;
      epilogue.lower = 0.125f;  // above zero: tail lanes must stay zero all the same
      epilogue.upper = 0.5f;
      Tester(mode).Input(1, 3, 5, 6).Scale(2, 2).WithEpilogue(epilogue).Run();
      Tester(mode).Input(1, 19, 5, 6).Size(7, 11).WithEpilogue(epilogue).Run();
    }
  }
}

TEST(Resize, SameBitsForEveryThreadCountAndBatchPosition) {
  for (const Mode& mode : kModes) {
    Tester(mode).Input(3, 5, 9, 11).Scale(2, 2).RunDeterminism();
    Tester(mode).Input(4, 18, 7, 9).Size(12, 13).RunDeterminism();
    Tester(mode).Input(2, 3, 31, 22).Size(9, 14).RunDeterminism();
  }
}

// A NaN or Inf must reach every output that gives it a weight, and none that does not read it. Where its weight is 0 both
// are right: PyTorch multiplies, and so makes NaN of it.
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
