// Resize where numbers or sizes are extreme: NaN and Inf, weights that f32 does not hold, sizes beyond 2^24, nothing.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/resize_tester.h"

namespace polyphase::testing {
namespace {

// Weights whose products f32 does not hold: all that counts is that the lanes behind the last channel stay 0, which
// RunOnce checks.
TEST(ResizeExtremes, InfiniteWeightsStayOutOfTailLanes) {
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

// A NaN or Inf must reach every output that gives it a weight, and none that does not read it. Where its weight is 0
// both are right: PyTorch multiplies, and so makes NaN of it.
TEST(ResizeExtremes, NonFiniteInputsReachOnlyTheirOutputs) {
  std::vector<ResizeAttributes> all;
  for (const TorchMode& mode : kModes) all.push_back(mode.Attributes());
  for (const TorchMode& mode : kWindowModes) all.push_back(mode.Attributes());
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

TEST(ResizeExtremes, NothingIsReadOrWrittenForAnEmptyBatch) {
  for (const TorchMode& mode : kModes) {
    ResizeAttributes attributes = mode.Attributes();
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

// Sizes beyond 2^24, which f32 cannot count: a table that is that of f32, and a plan whose products do not overflow.
TEST(ResizeExtremes, SizesBeyondF32) {
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

TEST(ResizeExtremes, AbsurdSizesAreErrorsAndNotAllocations) {
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
  a = ResizeAttributes();
  a.coordinate_transformation = CoordinateTransformation::kTfCropAndResize;
  a.roi_begin = {2, 0, 0};
  a.roi_end = {3, 1, 1};
  a.size = {kLarge, 0, 0};
  EXPECT_EQ(plan(a, {4}).status().code(), StatusCode::kOutOfMemory);
  // Pixels of so many channels that a line of them overflows int64.
  for (const int64_t channels : {int64_t{1} << 58, int64_t{1} << 59, int64_t{1} << 60}) {
    a = ResizeAttributes();
    a.spatial_rank = 2;
    a.scale = {1, 1, 0};
    EXPECT_EQ(CreateResize(a)->MakePlan(TensorDesc::Nhwc(1, channels, 1, 1)).status().code(), StatusCode::kOutOfMemory);
  }
  // Three outputs of a window of the whole input, which is long, but no trouble.
  a = ResizeAttributes::PyTorch(PyTorchMode::kLanczos, false, true);
  a.size = {3, 0, 0};
  const StatusOr<Plan> long_plan = plan(a, {1000000});
  ASSERT_TRUE(long_plan.ok()) << long_plan.status().message();
  EXPECT_LE(long_plan->workspace_bytes(), size_t{96} << 20);
}

}  // namespace
}  // namespace polyphase::testing
