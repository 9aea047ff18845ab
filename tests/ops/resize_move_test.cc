// Nearest resizing that moves elements: every type, layout, coordinate and rounding, bit for bit.
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/harness.h"
#include "tests/testers/move_tester.h"

namespace polyphase::testing {
namespace {

constexpr DataType kMoved[] = {DataType::kI8,  DataType::kU16, DataType::kI16,
                               DataType::kI32, DataType::kF64, DataType::kI64};
constexpr DataType kOneOfEachSize[] = {DataType::kI8, DataType::kU16, DataType::kI32, DataType::kI64};

ResizeAttributes Nearest(const SpatialSizes& size) {
  ResizeAttributes a = ResizeAttributes::PyTorch(PyTorchMode::kNearest);
  a.size = size;
  return a;
}

TEST(ResizeMove, TypesCoordinatesAndRoundings) {
  for (const CoordinateTransformation coordinates :
       {CoordinateTransformation::kHalfPixel, CoordinateTransformation::kAlignCorners,
        CoordinateTransformation::kAsymmetric, CoordinateTransformation::kTfHalfPixelForNn}) {
    for (const NearestMode mode : {NearestMode::kFloor, NearestMode::kRoundPreferCeil, NearestMode::kRoundPreferFloor,
                                   NearestMode::kCeil, NearestMode::kSimple, NearestMode::kPillow}) {
      for (const DataType type : kMoved) {
        for (const SpatialSizes& size : {SpatialSizes{11, 4}, SpatialSizes{5, 14}, SpatialSizes{0, 18}}) {
          ResizeAttributes a = Nearest(size);
          a.coordinate_transformation = coordinates;
          a.nearest_mode = mode;
          ResizeMoveTester(a).Input(2, 3, 7, 9).Type(type).Run();
        }
      }
    }
  }
}

TEST(ResizeMove, EveryPairOfLayouts) {
  for (const DataType type : kOneOfEachSize) {
    for (const int64_t c : {1, 3, 16, 21}) {
      ResizeMoveTester(Nearest({6, 19})).Input(2, c, 5, 8).Type(type).Formats(AllFormatPairs()).Run();
    }
  }
}

// The types that other resizes compute with are moved as well where both tensors have one layout.
TEST(ResizeMove, BytesAndHalvesOfOneLayout) {
  for (const DataType type : {DataType::kU8, DataType::kF16, DataType::kBF16}) {
    for (const Format& format : kFormats) {
      for (const int64_t c : {1, 3, 16, 21}) {
        ResizeMoveTester(Nearest({6, 19})).Input(2, c, 5, 8).Type(type).Formats({{format, format}}).Run();
      }
    }
  }
}

// Rows of pixels of every number of bytes, in blocks of 16 bytes where the scale is about 1 or more.
TEST(ResizeMove, PixelsOfEverySize) {
  constexpr Format kPlanar{Layout::kNchw, 1}, kInterleaved{Layout::kNhwc, 1};
  using Widths = std::pair<int64_t, int64_t>;
  for (const auto& [in, out] : {Widths{29, 58}, {31, 32}, {32, 31}, {70, 29}, {16, 200}, {7, 300}}) {
    for (const CoordinateTransformation coordinates :
         {CoordinateTransformation::kAsymmetric, CoordinateTransformation::kAlignCorners}) {
      ResizeAttributes a = Nearest({5, out});
      a.coordinate_transformation = coordinates;
      for (const DataType type : {DataType::kU8, DataType::kF16, DataType::kI32, DataType::kI64}) {
        for (int64_t c = 1; c <= 19; ++c) {
          ResizeMoveTester(a).Input(1, c, 3, in).Type(type).Formats({{kInterleaved, kInterleaved}}).Run();
        }
        ResizeMoveTester(a).Input(2, 3, 3, in).Type(type).Formats({{kPlanar, kPlanar}}).Run();
      }
    }
  }
}

TEST(ResizeMove, OneAndThreeAxes) {
  for (const DataType type : kOneOfEachSize) {
    ResizeMoveTester(Nearest({40})).Input(2, 5, 23).Type(type).Formats(AllFormatPairs()).Run();
    ResizeMoveTester(Nearest({5, 2, 9})).Input(2, 5, 3, 4, 6).Type(type).Formats(AllFormatPairs()).Run();
  }
}

TEST(ResizeMove, ManyTasks) {
  ResizeMoveTester(Nearest({150, 211})).Input(3, 4, 75, 200).Type(DataType::kI64).Formats(AllFormatPairs()).Run();
}

// Part of the crop is outside of the input, and it is flipped along x.
ResizeAttributes Crop(float extrapolation_value) {
  ResizeAttributes a = Nearest({7, 8});
  a.coordinate_transformation = CoordinateTransformation::kTfCropAndResize;
  a.roi_begin = {-0.3, 1.4, 0};
  a.roi_end = {0.8, -0.2, 1};
  a.extrapolation_value = extrapolation_value;
  return a;
}

TEST(ResizeMove, OutsideOfACrop) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const float nan = std::nanf("");
  const auto run = [](DataType type, float value, uint64_t bits) {
    ResizeMoveTester(Crop(value)).Input(1, 5, 6, 5).Type(type).Outside(bits).Formats(AllFormatPairs()).Run();
  };
  run(DataType::kI8, -1.9f, 0xFF);
  run(DataType::kI8, 127.9f, 127);
  run(DataType::kI8, 128, 127);
  run(DataType::kI8, -kInf, 0x80);
  run(DataType::kU16, -0.9f, 0);
  run(DataType::kU16, -7, 0);
  run(DataType::kU16, 65535.5f, 65535);
  run(DataType::kU16, 65536, 65535);
  run(DataType::kI16, -32769, 0x8000);
  run(DataType::kI32, 2147483648.0f, 0x7FFFFFFF);
  run(DataType::kI32, -2147483648.0f, 0x80000000);
  run(DataType::kI64, -1, 0xFFFFFFFFFFFFFFFF);
  run(DataType::kI64, 9223371487098961920.0f, 9223371487098961920);  // the largest below 2^63
  run(DataType::kI64, kInf, 0x7FFFFFFFFFFFFFFF);
  run(DataType::kI64, nan, 0);
  run(DataType::kF64, -0.5f, 0xBFE0000000000000);
}

// A label map as segmentation models resize it, in ONNX's rank 2.
TEST(ResizeMove, OnnxLabelMapOfRankTwo) {
  OnnxResize node;
  node.rank = 2;
  node.coordinate_transformation = CoordinateTransformation::kAsymmetric;
  node.nearest_mode = NearestMode::kFloor;
  node.scales = {1, 2};
  const StatusOr<ResizeAttributes> a = ResizeAttributes::Onnx(node);
  ASSERT_TRUE(a.ok()) << a.status().message();
  const Operator op = *CreateResize(*a);
  TensorDesc desc = TensorDesc::Nchw(1, 1, 2, 2);
  desc.dtype = DataType::kI64;
  const Plan plan = *op.MakePlan(desc);
  const int64_t input[] = {1, -2, (int64_t{1} << 60) + 1, std::numeric_limits<int64_t>::min()};
  std::vector<int64_t> output(8);
  ASSERT_TRUE(plan.Run(input, output.data()).ok());
  EXPECT_EQ(output, (std::vector<int64_t>{1, 1, -2, -2, input[2], input[2], input[3], input[3]}));
  // The tensor has no axes N and C.
  EXPECT_FALSE(op.MakePlan(TensorDesc::Nchw(2, 1, 2, 2)).ok());
  EXPECT_FALSE(op.MakePlan(TensorDesc::Nchw(1, 3, 2, 2)).ok());
}

}  // namespace
}  // namespace polyphase::testing
