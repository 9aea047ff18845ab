// Resize of a few numbers to values that are known without the oracle.
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/resize_tester.h"

namespace polyphase::testing {
namespace {

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

TEST(ResizeValues, HalvesAreRoundedAsTheModeSays) {
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

TEST(ResizeValues, OnePixelInOrOut) {
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

TEST(ResizeValues, NegativeCoordinatesUseFloor) {
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

TEST(ResizeValues, AntialiasOfPyTorchPillowAndOnnxDiffer) {
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

// Pillow 12, grey pictures of one row or column; of the centres alone the fourth pixel of 4 -> 7 would be another.
TEST(ResizeValues, PillowSumsItsNearestCoordinates) {
  ExpectRow(ResizeAttributes::Pillow(ResizeMode::kNearest), {{0, 1, 2, 3}, {0, 0, 1, 1, 2, 3, 3}}, 0);
  ResizeAttributes centres = ResizeAttributes::Pillow(ResizeMode::kNearest);
  centres.coordinate_transformation = CoordinateTransformation::kTfHalfPixelForNn;
  centres.nearest_mode = NearestMode::kFloor;
  ExpectRow(centres, {{0, 1, 2, 3}, {0, 0, 1, 2, 2, 3, 3}}, 0);
}

}  // namespace
}  // namespace polyphase::testing
