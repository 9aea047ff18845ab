// PixelShuffle and Convert: every element type, layout, factor and channel order, bit for bit.
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/move_tester.h"

namespace polyphase::testing {
namespace {

constexpr DataType kTypes[] = {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kU8,  DataType::kI8,
                               DataType::kU16, DataType::kI16, DataType::kI32,  DataType::kF64, DataType::kI64};
constexpr DataType kOneOfEachSize[] = {DataType::kU8, DataType::kF16, DataType::kF32, DataType::kF64};
constexpr ShuffleDirection kDirections[] = {ShuffleDirection::kDepthToSpace, ShuffleDirection::kSpaceToDepth};
constexpr ChannelOrder kOrders[] = {ChannelOrder::kCrd, ChannelOrder::kDcr, ChannelOrder::kFocus};

// `c`, `h` and `w` are those of the shallow, large tensor divided by nothing and by `factor`.
PixelShuffleTester Shuffle(ShuffleDirection direction, ChannelOrder order, int64_t factor, int64_t n, int64_t c,
                           int64_t h, int64_t w) {
  PixelShuffleTester tester(direction, order, factor);
  if (direction == ShuffleDirection::kDepthToSpace) return tester.Input(n, c * factor * factor, h, w);
  return tester.Input(n, c, h * factor, w * factor);
}

TEST(PixelShuffle, FactorsAndTypes) {
  for (const ShuffleDirection direction : kDirections) {
    for (const ChannelOrder order : kOrders) {
      for (const int64_t factor : {1, 2, 3, 4, 5, 8}) {
        for (const DataType type : kTypes) {
          Shuffle(direction, order, factor, 1, 3, 3, 5).Type(type).Run();
        }
        for (const DataType type : kOneOfEachSize) {
          Shuffle(direction, order, factor, 2, 5, 2, 7).Type(type).Run();
          Shuffle(direction, order, factor, 1, 17, 2, 3).Type(type).Run();
        }
      }
    }
  }
}

TEST(PixelShuffle, EveryPairOfLayouts) {
  for (const ShuffleDirection direction : kDirections) {
    for (const ChannelOrder order : kOrders) {
      for (const int64_t factor : {2, 3, 4}) {
        for (const DataType type : kOneOfEachSize) {
          Shuffle(direction, order, factor, 2, 3, 3, 4).Type(type).Formats(AllFormatPairs()).Run();
          Shuffle(direction, order, factor, 1, 16, 2, 3).Type(type).Formats(AllFormatPairs()).Run();
        }
      }
    }
  }
}

TEST(PixelShuffle, WidthsAroundTheVectorLength) {
  for (const ShuffleDirection direction : kDirections) {
    for (int64_t w = 1; w <= 70; w += w < 40 ? 1 : 7) {
      for (const DataType type : kOneOfEachSize) {
        Shuffle(direction, ChannelOrder::kCrd, 2, 1, 1, 2, w).Type(type).Run();
        Shuffle(direction, ChannelOrder::kDcr, 3, 1, 2, 1, w).Type(type).Run();
        Shuffle(direction, ChannelOrder::kCrd, 4, 1, 1, 1, w).Type(type).Run();
      }
    }
  }
}

TEST(PixelShuffle, OneAndThreeAxes) {
  for (const ShuffleDirection direction : kDirections) {
    const bool to_space = direction == ShuffleDirection::kDepthToSpace;
    for (const ChannelOrder order : kOrders) {
      for (const DataType type : kOneOfEachSize) {
        for (const int64_t factor : {2, 3, 7}) {
          PixelShuffleTester(direction, order, factor)
              .Input(2, to_space ? 3 * factor : 3, to_space ? 19 : 19 * factor)
              .Type(type)
              .Run();
        }
        for (const SpatialSizes& f : {SpatialSizes{2, 2, 2}, SpatialSizes{1, 3, 2}, SpatialSizes{4, 1, 3}}) {
          const int64_t d = to_space ? 2 : 2 * f[0];
          const int64_t h = to_space ? 3 : 3 * f[1];
          const int64_t w = to_space ? 5 : 5 * f[2];
          const int64_t c = to_space ? 5 * f[0] * f[1] * f[2] : 5;
          PixelShuffleTester(direction, order, f).Input(1, c, d, h, w).Type(type).Run();
          PixelShuffleTester(direction, order, f).Input(2, 4 * c, d, h, w).Type(type).Formats(AllFormatPairs()).Run();
        }
      }
    }
    // Unequal factors of two axes.
    PixelShuffleTester(direction, ChannelOrder::kDcr, SpatialSizes{1, 4, 1}).Input(1, 24, 8, 12).Run();
    PixelShuffleTester(direction, ChannelOrder::kCrd, SpatialSizes{3, 2, 1}).Input(1, 24, 9, 12).Run();
  }
}

TEST(PixelShuffle, RealLayers) {
  Shuffle(ShuffleDirection::kSpaceToDepth, ChannelOrder::kFocus, 2, 1, 3, 32, 32).Run();  // yolov5
  Shuffle(ShuffleDirection::kDepthToSpace, ChannelOrder::kCrd, 3, 1, 1, 40, 50).Run();    // espcn x3
  Shuffle(ShuffleDirection::kDepthToSpace, ChannelOrder::kCrd, 2, 1, 64, 12, 20).Run();   // edsr
  Shuffle(ShuffleDirection::kSpaceToDepth, ChannelOrder::kCrd, 2, 1, 12, 30, 34).Run();
  Shuffle(ShuffleDirection::kDepthToSpace, ChannelOrder::kCrd, 8, 1, 1, 9, 20).Type(DataType::kU8).Run();
}

// Outputs too large for the caches may be stored past them, which has rules of alignment of its own.
TEST(PixelShuffle, OutputsLargerThanTheCaches) {
  const std::vector<FormatPair> formats = {
      {kFormats[0], kFormats[0]}, {kFormats[1], kFormats[1]}, {kFormats[4], kFormats[4]}};
  for (uint32_t seed = 1; seed <= (kSanitized ? 1 : 2); ++seed) {
    for (const ShuffleDirection direction : kDirections) {
      Shuffle(direction, ChannelOrder::kCrd, 2, 1, 3, 331, 301).Formats(formats).Seed(seed).Run();
      Shuffle(direction, ChannelOrder::kCrd, 3, 1, 2, 270, 271).Formats(formats).Seed(seed).Run();
      Shuffle(direction, ChannelOrder::kDcr, 2, 1, 3, 331, 301).Formats(formats).Seed(seed).Run();
    }
  }
}

TEST(PixelShuffle, EmptyTensors) {
  for (const ShuffleDirection direction : kDirections) {
    PixelShuffleAttributes attributes;
    attributes.direction = direction;
    const StatusOr<Operator> op = CreatePixelShuffle(attributes);
    ASSERT_TRUE(op.ok()) << op.status().message();
    const bool to_space = direction == ShuffleDirection::kDepthToSpace;
    for (const TensorDesc& input : {TensorDesc::Nchw(0, 8, 4, 6), TensorDesc::Nchw(2, 0, 4, 6),
                                    TensorDesc::Nhwc(2, 8, 0, 6), TensorDesc::Nchwc(8, 2, 8, 4, 0)}) {
      const StatusOr<Plan> plan = op->MakePlan(input);
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      EXPECT_EQ(plan->output().n, input.n);
      EXPECT_EQ(plan->output().c, to_space ? input.c / 4 : input.c * 4);
      EXPECT_EQ(plan->output().size[0], to_space ? input.size[0] * 2 : input.size[0] / 2);
      EXPECT_EQ(plan->output().size[1], to_space ? input.size[1] * 2 : input.size[1] / 2);
      const std::vector<float> in(64, 1.0f);
      std::vector<float> out(64, -7.0f);
      EXPECT_TRUE(plan->Run(in.data(), out.data()).ok());
      EXPECT_EQ(out, std::vector<float>(64, -7.0f));
      EXPECT_TRUE(plan->Run(nullptr, nullptr).ok());
    }
  }
}

TEST(Convert, OneAndThreeAxes) {
  for (const DataType type : kOneOfEachSize) {
    ConvertTester().Input(2, 19, 37).Type(type).Formats(AllFormatPairs()).Run();
    ConvertTester().Input(2, 19, 3, 4, 5).Type(type).Formats(AllFormatPairs()).Run();
  }
}

TEST(Convert, EveryPairOfLayoutsAndTypes) {
  for (const DataType type : kTypes) {
    ConvertTester().Input(2, 19, 3, 5).Type(type).Formats(AllFormatPairs()).Run();
    ConvertTester().Input(1, 16, 4, 3).Type(type).Formats(AllFormatPairs()).Run();
  }
}

TEST(Convert, ChannelsAndWidthsAroundTheVectorLength) {
  for (const DataType type : kOneOfEachSize) {
    for (int64_t size = 1; size <= 67; size += size < 36 ? 1 : 3) {
      ConvertTester().Input(1, size, 2, 3).Type(type).Formats(AllFormatPairs()).Seed(static_cast<uint32_t>(size)).Run();
      ConvertTester().Input(1, 3, 2, size).Type(type).Formats(AllFormatPairs()).Seed(static_cast<uint32_t>(size)).Run();
      if (kSanitized) size += 6;
    }
  }
}

TEST(Convert, LargerTensors) {
  for (const DataType type : kOneOfEachSize) {
    ConvertTester().Input(2, 70, 23, 31).Type(type).Formats(AllFormatPairs()).Run();
  }
  ConvertTester().Input(1, 18, 244, 251).Run();
}

TEST(Convert, EmptyTensors) {
  const StatusOr<Operator> op = CreateConvert();
  ASSERT_TRUE(op.ok()) << op.status().message();
  for (const TensorDesc& input : {TensorDesc::Nchw(0, 8, 4, 6), TensorDesc::Nchw(2, 0, 4, 6),
                                  TensorDesc::Nchw(2, 8, 0, 6), TensorDesc::Nchw(2, 8, 4, 0)}) {
    PlanOptions options;
    options.output = input.WithLayout(Layout::kNchwc, 8);
    const StatusOr<Plan> plan = op->MakePlan(input, options);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    std::vector<float> out(64, -7.0f);
    EXPECT_TRUE(plan->Run(nullptr, nullptr).ok());
    EXPECT_TRUE(plan->Run(out.data() + 32, out.data()).ok());
    EXPECT_EQ(out, std::vector<float>(64, -7.0f));
  }
}

}  // namespace
}  // namespace polyphase::testing
