// Resize of every element type against the oracle, fixed point included.
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/resize_tester.h"

namespace polyphase::testing {
namespace {

TEST(ResizeTypes, EveryType) {
  for (const DataType type : kTypes) {
    for (const auto rounding : {U8Rounding::kHalfEven, U8Rounding::kTruncate}) {
      if (type != DataType::kU8 && rounding != U8Rounding::kHalfEven) continue;
      for (const TorchMode& mode : kModes) {
        ResizeTester tester(mode);
        tester.Rounding(rounding).Type(type).Tolerance(type == DataType::kU8 ? 1e-4 : 0);
        tester.Input(2, 3, 5, 7).Size(10, 14).Run();
        tester.Input(1, 19, 6, 9).Size(17, 11).Formats(AllFormatPairs()).Run();
        tester.Formats({}).Input(1, 5, 9, 37).Scale(2, 2).Run();
        tester.Input(1, 3, 9, 12).Size(9, 5).Run();
        tester.Input(1, 3, 9, 12).Size(4, 12).Run();
        tester.Input(1, 3, 9, 12).Size(9, 12).Run();
        tester.Input(1, 3, 4, 5, 6).Scale(2, 1, 0.5).Run();
      }
      for (const TorchMode& mode : kWindowModes) {
        ResizeTester tester(mode);
        tester.Rounding(rounding).Type(type).Tolerance(type == DataType::kU8 ? 1e-4 : 0);
        tester.Input(2, 3, 25, 37).Size(10, 14).Run();
        tester.Input(1, 19, 16, 29).Size(7, 40).Formats(AllFormatPairs()).Run();
      }
      ResizeTester tester(PyTorchMode::kArea);
      tester.Rounding(rounding).Type(type).Tolerance(type == DataType::kU8 ? 1e-4 : 0);
      tester.Input(1, 5, 20, 33).Size(7, 11).Run();
    }
  }
}

TEST(ResizeTypes, FixedPointIsExact) {
  for (const auto rounding : {U8Rounding::kFixed16, U8Rounding::kFixed22}) {
    const auto run = [&](ResizeTester tester) {
      tester.Rounding(rounding).Type(DataType::kU8);
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
    for (const TorchMode& mode : kModes) run(ResizeTester(mode));
    for (const TorchMode& mode : kWindowModes) run(ResizeTester(mode));
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

// At the limits of the rules, with both kinds of planes, and with more taps than a step of columns has pixels.
TEST(ResizeTypes, FixedPointInEveryOrder) {
  struct Shape {
    int64_t c, h, w, out_h, out_w;
  };
  for (const Shape& s : {Shape{3, 40, 30, 20, 20},
                         {3, 41, 30, 20, 20},
                         {3, 40, 20, 39, 33},
                         {1, 301, 3, 7, 5},
                         {1, 300, 3, 7, 5},
                         {20, 60, 20, 9, 11},
                         {4, 33, 300, 16, 299},
                         {1, 12, 40, 3, 80}}) {
    for (const PassOrder order : {PassOrder::kWidthFirst, PassOrder::kPillow12_2, PassOrder::kPillow13}) {
      for (const U8Rounding rounding : {U8Rounding::kFixed16, U8Rounding::kFixed22}) {
        ResizeTester tester(ResizeAttributes::Pillow(ResizeMode::kCubic));
        tester.Type(DataType::kU8).Rounding(rounding).Order(order);
        tester.Input(2, s.c, s.h, s.w).Size(s.out_h, s.out_w).Run();
      }
    }
  }
}

// Pixels of 1 to 8 bytes are resized as bytes where no block of outputs needs sources that are far apart. Others are
// not, nor are those of the scalar target, which has no vectors of bytes.
TEST(ResizeTypes, FixedPointOfEveryPixel) {
  struct Shape {
    int64_t in, out;
    bool near;  // whether the sources of one-byte pixels are
  };
  constexpr Format kPlanar{Layout::kNchw, 1}, kInterleaved{Layout::kNhwc, 1};
  const bool has_blocks = SupportedTargets().front() != "scalar";
  for (const Shape& s : {Shape{40, 91, true}, {91, 40, true}, {340, 40, false}, {50, 51, true}, {24, 100, true}}) {
    for (const PassOrder order : {PassOrder::kWidthFirst, PassOrder::kPillow13}) {
      for (const U8Rounding rounding : {U8Rounding::kFixed16, U8Rounding::kFixed22}) {
        for (const ResizeMode mode : {ResizeMode::kLinear, ResizeMode::kLanczos}) {
          for (const int64_t c : {1, 2, 3, 4, 5, 7, 8, 9}) {
            ResizeTester tester(ResizeAttributes::Pillow(mode));
            tester.Type(DataType::kU8).Rounding(rounding).Order(order).Input(2, c, 23, s.in).Size(19, s.out);
            tester.Formats({{kInterleaved, kInterleaved}, {kPlanar, kPlanar}, {kPlanar, kInterleaved}}).Run();

            TensorDesc desc = TensorDesc::Nhwc(2, c, 23, s.in);
            desc.dtype = DataType::kU8;
            const Operator op = *CreateResize(tester.attributes());
            EXPECT_EQ(op.MakePlan(desc)->Describe().find(" bytes, ") != std::string::npos,
                      has_blocks && (c >= 3 ? c <= 8 : s.near))
                << "c " << c << ", " << s.in << " -> " << s.out;
          }
        }
      }
    }
  }
}

// Whole-number levels through f16, bf16 and u8: every value of the type arrives as it was.
TEST(ResizeTypes, NearestKeepsEveryValue) {
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
        ASSERT_EQ(output.data[i], input.data[i / 512 * 256 + i % 256]) << target;
      }
    }
  }
}

TEST(ResizeTypes, U8RoundingsDiffer) {
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

// The bytes of Pillow 12.0.0, 12.3.0 and 13.0.0 for a grey picture of (37 x^2 + 91 y^2 + 53 x y) mod 256.
TEST(ResizeTypes, VersionsOfPillowOrderTheirPasses) {
  const struct {
    ResizeMode mode;
    int64_t w, h, out_w, out_h;
    std::vector<int> expected[3];  // by PassOrder
  } kPictures[] = {
      {ResizeMode::kCubic,
       4,
       9,
       6,
       2,
       {{85, 134, 176, 138, 127, 127, 182, 122, 85, 179, 143, 85},
        {85, 134, 176, 138, 127, 127, 182, 122, 85, 179, 143, 85},
        {84, 134, 177, 139, 127, 128, 183, 122, 85, 179, 143, 85}}},
      {ResizeMode::kLanczos,
       5,
       9,
       3,
       2,
       {{128, 146, 123, 137, 137, 104}, {128, 146, 123, 137, 137, 104}, {128, 146, 124, 137, 137, 103}}},
      {ResizeMode::kLinear,
       2,
       203,
       3,
       2,
       {{121, 124, 125, 121, 128, 135}, {121, 123, 125, 121, 128, 135}, {121, 123, 125, 121, 128, 135}}},
  };
  for (const auto& picture : kPictures) {
    std::vector<uint8_t> input;
    for (int64_t y = 0; y < picture.h; ++y) {
      for (int64_t x = 0; x < picture.w; ++x)
        input.push_back(static_cast<uint8_t>(x * x * 37 + y * y * 91 + x * y * 53));
    }
    TensorDesc desc = TensorDesc::Nchw(1, 1, picture.h, picture.w);
    desc.dtype = DataType::kU8;
    for (const PassOrder order : {PassOrder::kWidthFirst, PassOrder::kPillow12_2, PassOrder::kPillow13}) {
      for (const std::string& target : SupportedTargets()) {
        ResizeAttributes a = ResizeAttributes::Pillow(picture.mode, order);
        a.size = {picture.out_h, picture.out_w};
        const StatusOr<Operator> op = CreateResize(a, OptionsFor(target));
        ASSERT_TRUE(op.ok()) << op.status().message();
        std::vector<uint8_t> output(static_cast<size_t>(picture.out_w * picture.out_h));
        ASSERT_TRUE(op->MakePlan(desc)->Run(input.data(), output.data()).ok());
        EXPECT_EQ(std::vector<int>(output.begin(), output.end()), picture.expected[static_cast<int>(order)])
            << target << ", order " << static_cast<int>(order);
      }
    }
  }
}

}  // namespace
}  // namespace polyphase::testing
