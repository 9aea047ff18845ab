// ConvTranspose against the oracle: every attribute, both algorithms, all targets and layouts.
#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/conv_transpose_tester.h"

namespace polyphase::testing {
namespace {

constexpr Format kNchw{Layout::kNchw, 1};
constexpr Format kNhwc{Layout::kNhwc, 1};
constexpr Format kNchw8c{Layout::kNchwc, 8};
constexpr Format kNchw16c{Layout::kNchwc, 16};

ConvTransposeTester Layer(int64_t ic, int64_t oc, int64_t h, int64_t w, int64_t k, int64_t s, int64_t p) {
  return ConvTransposeTester().Channels(ic, oc).Input(h, w).Kernel(k, k).Stride(s, s).Padding(p, p);
}

TEST(ConvTranspose, UsualLayers) {
  Layer(32, 32, 6, 7, 4, 2, 1).Run();
  Layer(32, 24, 6, 7, 2, 2, 0).Run();
  Layer(24, 32, 6, 7, 3, 2, 1).OutputPadding(1, 1).Run();
  Layer(16, 48, 5, 9, 4, 4, 0).Run();
  Layer(20, 12, 5, 6, 8, 4, 2).Run();
  Layer(5, 5, 5, 6, 16, 8, 0).Run();
}

TEST(ConvTranspose, EveryPairOfLayouts) {
  Layer(17, 19, 5, 6, 4, 2, 1).Formats(AllFormatPairs()).Run();
  Layer(33, 35, 4, 5, 2, 2, 0).Batch(2).Formats(AllFormatPairs()).Run();
  Layer(19, 18, 4, 5, 3, 2, 1).Groups(1).OutputPadding(1, 0).Formats(AllFormatPairs()).Relu().Run();
}

TEST(ConvTranspose, WidthsAroundTheTile) {
  for (int64_t w = 1; w <= 32; w += w < 16 ? 1 : 5) {
    Layer(9, 17, 2, w, 4, 2, 1).Run();
    Layer(9, 17, 2, w, 3, 1, 1).Run();
  }
  // Few output channels, where pixels may be in the lanes.
  for (const int64_t w : {1, 2, 7, 8, 15, 16, 17, 33, 47}) {
    Layer(5, 1, 3, w, 4, 2, 1).Run();
    Layer(6, 3, 3, w, 3, 2, 1).OutputPadding(1, 1).Run();
  }
}

// Rows that are computed in several pieces.
TEST(ConvTranspose, LongRows) {
  const std::vector<FormatPair> formats = {
      {kNchw16c, kNchw16c}, {kNchw8c, kNchw}, {kNchw, kNchw}, {kNchw, kNhwc}, {kNhwc, kNchw16c}};
  for (const int64_t w : {129, 250}) {
    Layer(3, 20, 2, w, 4, 2, 1).Formats(formats).Run();
    Layer(5, 33, 2, w + 7, 3, 1, 1).Formats(formats).Run();
    Layer(4, 2, 2, w, 5, 3, 2).OutputPadding(1, 2).Formats(formats).Run();
    Layer(19, 19, 2, w, 4, 2, 1).Groups(19).Formats(formats).Run();
    ConvTransposeTester()
        .Channels(3, 17)
        .Input(2, w)
        .Kernel(3, 3)
        .Stride(2, 3)
        .Padding(1, 5, 0, 9)
        .Formats(formats)
        .Run();
    ConvTransposeTester().Channels(3, 17).Input(2, w).Kernel(2, 3).Stride(1, 4).Dilation(2, 6).Formats(formats).Run();
  }
  Layer(3, 18, 2, 61, 16, 8, 4).Formats(formats).Run();
  Layer(2, 1, 2, 500, 2, 5, 0).Formats(formats).Run();
}

// Enough work for many tasks, each of some rows, images and channels, of which the neighbours read the same inputs.
TEST(ConvTranspose, ManyTasks) {
  const std::vector<FormatPair> formats = {{kNchw16c, kNchw16c}, {kNchw, kNchw}, {kNhwc, kNhwc}, {kNchw8c, kNhwc}};
  Layer(48, 40, 19, 15, 4, 2, 1).Formats(formats).Run();
  Layer(40, 70, 17, 13, 3, 2, 1).OutputPadding(1, 0).Formats(formats).Run();
  Layer(40, 70, 15, 16, 3, 1, 1).Formats(formats).Run();
  Layer(40, 36, 13, 12, 5, 3, 7).Formats(formats).Run();
  Layer(64, 70, 14, 12, 2, 3, 0).OutputPadding(2, 1).Formats(formats).Run();
  Layer(48, 48, 16, 12, 3, 2, 3).Dilation(3, 2).Formats(formats).Run();
  Layer(48, 48, 15, 12, 3, 4, 2).Dilation(6, 2).Formats(formats).Run();
  Layer(72, 80, 14, 12, 4, 2, 1).Groups(2).Formats(formats).Run();
  Layer(80, 80, 30, 35, 4, 2, 1).Groups(80).Formats(formats).Run();
  Layer(64, 3, 24, 32, 5, 2, 2).Formats(formats).Run();
  Layer(60, 50, 3, 3, 4, 2, 1).Batch(37).Formats(formats).Run();
  ConvTransposeTester()
      .Channels(48, 40)
      .Input(30, 9)
      .Kernel(7, 3)
      .Stride(2, 1)
      .Padding(9, 0, 1, 2)
      .Formats(formats)
      .Run();
}

TEST(ConvTranspose, HolesOfAKernelSmallerThanTheStride) {
  Layer(3, 5, 4, 5, 1, 2, 0).Run();
  Layer(3, 5, 4, 5, 2, 3, 0).Run();
  Layer(3, 5, 3, 3, 2, 4, 0).OutputPadding(3, 1).Run();
  Layer(17, 18, 3, 4, 1, 5, 0).OutputPadding(4, 0).NoBias().Run();
  Layer(4, 4, 4, 4, 2, 3, 1).Relu().Run();
  ConvTransposeTester().Channels(16, 16).Input(4, 5).Kernel(1, 3).Stride(3, 2).Padding(0, 1).Run();
}

TEST(ConvTranspose, StrideAndDilationWithACommonFactor) {
  Layer(3, 5, 4, 5, 3, 2, 0).Dilation(2, 2).Run();
  Layer(3, 5, 4, 5, 3, 4, 1).Dilation(2, 2).Run();
  Layer(17, 3, 4, 3, 3, 6, 2).Dilation(4, 4).Run();
  Layer(3, 17, 3, 4, 2, 3, 1).Dilation(3, 3).OutputPadding(2, 2).Run();
  Layer(4, 4, 4, 4, 4, 2, 3).Dilation(4, 6).Run();
  ConvTransposeTester().Channels(5, 16).Input(4, 5).Kernel(3, 2).Stride(4, 3).Dilation(6, 2).Padding(2, 0).Run();
}

TEST(ConvTranspose, Dilation) {
  Layer(5, 6, 6, 5, 3, 1, 2).Dilation(2, 2).Run();
  Layer(5, 6, 6, 5, 3, 2, 1).Dilation(3, 5).Run();
  Layer(5, 6, 5, 5, 4, 3, 4).Dilation(2, 4).OutputPadding(1, 3).Run();
  ConvTransposeTester().Channels(16, 16).Input(5, 7).Kernel(3, 3).Stride(2, 1).Dilation(1, 3).Padding(1, 3).Run();
}

TEST(ConvTranspose, CropsLargerThanTheKernel) {
  Layer(3, 5, 3, 3, 3, 1, 2).Run();  // 1 x 1 output
  Layer(3, 5, 8, 9, 3, 1, 4).Run();
  Layer(3, 5, 7, 6, 1, 1, 2).Run();
  Layer(17, 17, 7, 6, 2, 2, 3).Run();
  Layer(3, 5, 9, 9, 4, 3, 7).Run();
  ConvTransposeTester().Channels(4, 4).Input(6, 6).Kernel(2, 2).Stride(2, 2).Padding(7, 0, 1, 9).Run();
  ConvTransposeTester().Channels(4, 20).Input(6, 6).Kernel(3, 3).Stride(2, 2).Padding(0, 10, 11, 1).Run();
}

TEST(ConvTranspose, AsymmetricPadding) {
  ConvTransposeTester().Channels(8, 9).Kernel(4, 4).Stride(2, 2).Padding(0, 1, 2, 3).Run();
  ConvTransposeTester().Channels(8, 9).Kernel(3, 5).Stride(2, 3).Padding(1, 0, 0, 4).Run();
  ConvTransposeTester().Channels(18, 16).Kernel(4, 3).Stride(1, 1).Padding(3, 0, 0, 2).Run();
  ConvTransposeTester().Channels(1, 1).Kernel(8, 1).Stride(4, 1).Padding(0, 0, 4, 0).Run();
}

TEST(ConvTranspose, OutputPadding) {
  Layer(3, 5, 4, 5, 2, 2, 0).OutputPadding(1, 1).Run();  // bias alone
  Layer(3, 5, 4, 5, 4, 2, 1).OutputPadding(1, 0).Run();
  Layer(3, 5, 4, 5, 4, 2, 1).OutputPadding(0, 1).Run();
  Layer(16, 16, 4, 5, 5, 3, 2).OutputPadding(2, 1).Run();
  Layer(3, 5, 4, 5, 2, 1, 0).Dilation(3, 4).OutputPadding(2, 3).Run();  // below the dilation, not the stride
  Layer(2, 3, 3, 3, 2, 3, 0).OutputPadding(2, 2).NoBias().Run();
}

TEST(ConvTranspose, OutputSizeReplacesOutputPadding) {
  Layer(3, 5, 4, 5, 3, 2, 1).OutputPadding(1, 1).OutputSize(7, 9).Run();
  Layer(3, 5, 4, 5, 3, 2, 1).OutputSize(8, 9).Run();
  Layer(3, 5, 4, 5, 3, 2, 1).OutputPadding(1, 0).OutputSize(7, 10).Run();
  Layer(17, 5, 4, 5, 4, 3, 1).OutputSize(13, 16).Run();
  Layer(2, 2, 3, 3, 2, 1, 0).Dilation(3, 3).OutputSize(6, 6).Run();  // stride 1: one size alone
}

TEST(ConvTranspose, ChannelTails) {
  const std::vector<int64_t> channels = {1, 2, 3, 15, 16, 17, 19, 33};
  for (const int64_t ic : channels) {
    for (const int64_t oc : channels) {
      if (kSanitized && (ic + oc) % 3 != 0) continue;
      Layer(ic, oc, 3, 4, 4, 2, 1).Run();
      Layer(ic, oc, 2, 3, 2, 2, 0).NoBias().Run();
    }
  }
}

TEST(ConvTranspose, Groups) {
  struct {
    int64_t ic, oc, groups;
  } cases[] = {
      {2, 2, 2},   {4, 6, 2},   {6, 4, 2},   {12, 18, 3}, {34, 38, 2}, {33, 30, 3},
      {32, 64, 2}, {20, 20, 4}, {64, 32, 4}, {24, 40, 8}, {48, 48, 3}, {10, 35, 5},
  };
  for (const auto& c : cases) {
    Layer(c.ic, c.oc, 4, 5, 4, 2, 1).Groups(c.groups).Run();
    Layer(c.ic, c.oc, 3, 4, 2, 2, 0).Groups(c.groups).NoBias().Run();
    Layer(c.ic, c.oc, 3, 4, 3, 1, 1).Groups(c.groups).Batch(2).Run();
  }
}

TEST(ConvTranspose, Depthwise) {
  for (const int64_t c : {1, 2, 3, 4, 8, 15, 16, 17, 19, 33, 48}) {
    Layer(c, c, 4, 5, 4, 2, 1).Groups(c).Run();
    Layer(c, c, 3, 17, 3, 2, 1).Groups(c).OutputPadding(1, 1).NoBias().LeakyRelu(0.25f).Run();
  }
  Layer(16, 16, 5, 5, 8, 4, 2).Groups(16).Run();
  Layer(18, 18, 5, 20, 3, 1, 1).Groups(18).Batch(3).Run();
  Layer(7, 7, 5, 4, 1, 3, 0).Groups(7).Run();
  Layer(7, 7, 5, 4, 3, 2, 2).Groups(7).Dilation(2, 3).Run();
  ConvTransposeTester().Channels(6, 6).Groups(6).Input(3, 20).Kernel(1, 12).Stride(1, 2).Padding(0, 15).Run();
  // These have a multiplier.
  for (const int64_t multiplier : {2, 3, 5, 16, 17}) {
    Layer(6, 6 * multiplier, 4, 5, 4, 2, 1).Groups(6).Run();
    Layer(17, 17 * multiplier, 3, 4, 2, 2, 0).Groups(17).Run();
  }
  // And the other way around: many inputs to one output.
  Layer(24, 8, 4, 5, 4, 2, 1).Groups(8).Run();
}

// The last position is that of a phase without taps, so that the row of inputs is shorter than that of positions.
TEST(ConvTranspose, SmallMapsWithEmptyPhases) {
  ConvTransposeTester()
      .Channels(12, 5)
      .Batch(3)
      .Input(4, 8)
      .Kernel(2, 3)
      .Stride(1, 4)
      .Padding(2, 3)
      .Residual(polyphase::Residual::kAfterActivation)
      .Run();
}

TEST(ConvTranspose, SmallestMaps) {
  Layer(3, 5, 1, 1, 4, 1, 0).Run();
  Layer(100, 64, 1, 1, 4, 1, 0).Run();
  Layer(40, 20, 1, 1, 7, 1, 0).Run();
  Layer(17, 16, 1, 1, 4, 2, 1).Run();
  Layer(3, 5, 1, 1, 3, 7, 0).Run();  // stride larger than the input
  Layer(3, 5, 2, 1, 5, 9, 1).OutputPadding(8, 0).Run();
  Layer(3, 5, 1, 6, 1, 1, 0).Run();
  Layer(1, 1, 1, 1, 1, 1, 0).Run();
}

TEST(ConvTranspose, StrideOne) {
  Layer(16, 32, 7, 6, 3, 1, 1).Run();
  Layer(19, 17, 7, 6, 5, 1, 2).Run();
  Layer(33, 21, 6, 5, 1, 1, 0).Run();
  Layer(3, 2, 6, 35, 3, 1, 0).Run();
  ConvTransposeTester().Channels(8, 8).Input(6, 7).Kernel(2, 3).Stride(1, 2).Padding(0, 1).Run();
}

TEST(ConvTranspose, LargeKernels) {
  Layer(3, 4, 3, 4, 64, 32, 0).Run();
  Layer(2, 17, 3, 3, 32, 16, 8).Run();
  Layer(12, 1, 6, 20, 9, 2, 4).OutputPadding(1, 1).Run();
  Layer(12, 1, 6, 7, 9, 3, 4).OutputPadding(2, 2).Run();
  Layer(12, 1, 6, 7, 9, 4, 4).OutputPadding(3, 3).Run();
  Layer(9, 17, 5, 6, 5, 3, 2).OutputPadding(1, 1).Run();
  ConvTransposeTester().Channels(24, 12).Input(6, 5).Kernel(8, 1).Stride(4, 1).Run();
}

TEST(ConvTranspose, NoBias) {
  Layer(17, 18, 4, 5, 3, 2, 1).NoBias().Run();
  Layer(3, 2, 4, 5, 3, 3, 0).NoBias().Clamp(-20, 30).Run();
}

TEST(ConvTranspose, Epilogues) {
  for (const int64_t oc : {3, 19, 32}) {
    Layer(6, oc, 4, 5, 4, 2, 1).Relu().Run();
    Layer(6, oc, 4, 5, 4, 2, 1).LeakyRelu(0.5f).Run();
    Layer(6, oc, 4, 5, 4, 2, 1).LeakyRelu(-2.0f).Run();
    Layer(6, oc, 4, 5, 4, 2, 1).LeakyRelu(4.0f).NoBias().Run();
    Layer(6, oc, 4, 5, 4, 2, 1).Clamp(-40.0f, 25.0f).Run();
    Layer(6, oc, 4, 5, 2, 3, 0).Clamp(1.0f, 6.0f).NoBias().Run();  // moves holes and must not move tail lanes
    Layer(6, oc, 2, 2, 2, 3, 0).Clamp(-6.0f, -1.0f).Groups(1).Run();
  }
  Layer(6, 6, 4, 5, 4, 2, 1).Groups(6).Clamp(1.0f, 6.0f).Run();
  Layer(6, 6, 4, 5, 4, 2, 1).Groups(3).Relu().Run();
}

ConvTransposeTester Layer1d(int64_t ic, int64_t oc, int64_t w, int64_t k, int64_t s, int64_t p) {
  return ConvTransposeTester().Channels(ic, oc).Input(w).Kernel(k).Stride(s).Padding(p);
}

ConvTransposeTester Layer3d(int64_t ic, int64_t oc, int64_t d, int64_t h, int64_t w, int64_t k, int64_t s, int64_t p) {
  return ConvTransposeTester().Channels(ic, oc).Input(d, h, w).Kernel(k, k, k).Stride(s, s, s).Padding(p, p, p);
}

TEST(ConvTranspose, OneAxis) {
  Layer1d(18, 20, 23, 4, 2, 1).Run();
  Layer1d(3, 17, 40, 16, 8, 4).Run();
  Layer1d(20, 1, 31, 20, 10, 5).Run();
  Layer1d(6, 2, 17, 3, 5, 0).OutputPadding(2).Run();
  Layer1d(5, 4, 9, 3, 2, 2).Dilation(3).OutputPadding(1).Batch(3).Run();
  Layer1d(5, 4, 9, 3, 4, 0).Dilation(6).Run();
  Layer1d(12, 8, 11, 4, 2, 1).Groups(4).Run();
  Layer1d(19, 19, 37, 12, 2, 5).Groups(19).NoBias().Run();
  Layer1d(5, 15, 20, 4, 2, 1).Groups(5).Run();
  Layer1d(3, 3, 1, 5, 3, 1).OutputSize(4).Run();
  ConvTransposeTester().Channels(4, 5).Input(7).Kernel(8).Stride(4).Padding({0}, {4}).Run();  // EnCodec's crop
  Layer1d(34, 1, 40, 64, 16, 24).Run();                                                       // an inverse STFT
  Layer1d(70, 3, 3, 256, 64, 0).NoBias().Run();
  Layer1d(16, 20, 2, 4, 2, 1).Batch(19).Run();
}

// Rows that are cut into tasks, whose neighbours read the same inputs.
TEST(ConvTranspose, LongRowsOfOneAxis) {
  const std::vector<FormatPair> formats = {{kNchw16c, kNchw16c}, {kNchw, kNchw}, {kNhwc, kNhwc}, {kNchw8c, kNchw}};
  Layer1d(64, 32, 900, 4, 2, 1).Formats(formats).Run();
  Layer1d(33, 40, 700, 11, 5, 3).Formats(formats).Run();
  Layer1d(20, 1, 1500, 16, 4, 2).Formats(formats).Run();
  Layer1d(48, 48, 2000, 12, 2, 5).Groups(48).Formats(formats).Run();
  Layer1d(40, 24, 800, 2, 7, 3).OutputPadding(4).Formats(formats).Run();
  Layer1d(24, 24, 1200, 3, 4, 2).Dilation(6).Formats(formats).Run();
  Layer1d(30, 18, 900, 3, 2, 900).Formats(formats).Run();  // crops half of the row on each side
  Layer1d(40, 33, 900, 4, 2, 1).Batch(2).Formats(formats).RunDeterminism();
  Layer1d(20, 2, 900, 8, 4, 2).Formats(formats).RunDeterminism();
  Layer(48, 40, 3, 700, 4, 2, 1).Formats(formats).Run();
}

TEST(ConvTranspose, ThreeAxes) {
  Layer3d(18, 20, 3, 4, 5, 4, 2, 1).Run();
  Layer3d(5, 17, 2, 3, 4, 2, 2, 0).Run();
  Layer3d(6, 3, 3, 2, 5, 3, 2, 1).OutputPadding(1, 0, 1).Run();
  Layer3d(4, 4, 3, 3, 3, 3, 1, 1).Batch(2).Run();
  Layer3d(3, 5, 2, 3, 3, 2, 3, 0).OutputPadding(2, 1, 0).Run();
  Layer3d(3, 5, 3, 2, 4, 3, 2, 2).Dilation(2, 3, 1).Run();
  Layer3d(8, 12, 2, 3, 4, 3, 2, 1).Groups(4).Run();
  Layer3d(17, 17, 3, 3, 5, 4, 2, 1).Groups(17).Run();
  Layer3d(5, 10, 2, 3, 3, 3, 1, 1).Groups(5).Run();
  Layer3d(3, 4, 5, 5, 5, 1, 2, 0).Run();  // oneDNN: strided 1 x 1 x 1
  Layer3d(9, 20, 1, 1, 1, 4, 1, 0).Batch(17).Run();
  Layer3d(9, 18, 2, 2, 2, 2, 2, 0).Batch(16).Run();
  ConvTransposeTester()
      .Channels(5, 6)
      .Input(4, 3, 6)
      .Kernel(1, 4, 3)
      .Stride(1, 2, 3)
      .Padding({0, 3, 1}, {0, 0, 4})
      .Run();
  Layer3d(3, 5, 3, 4, 3, 3, 2, 1).OutputSize(6, 7, 5).Run();
  Layer3d(7, 9, 3, 4, 5, 3, 2, 1).Batch(2).RunNonFinite(true);
  Layer3d(20, 33, 5, 9, 8, 4, 2, 1).Batch(2).RunDeterminism();
}

TEST(ConvTranspose, ManyTasksOfThreeAxes) {
  const std::vector<FormatPair> formats = {{kNchw16c, kNchw16c}, {kNchw, kNchw}, {kNhwc, kNchw8c}};
  Layer3d(40, 33, 7, 9, 14, 3, 2, 1).Formats(formats).Run();
  Layer3d(64, 32, 6, 9, 12, 2, 2, 0).Formats(formats).Run();
  Layer3d(12, 2, 8, 10, 12, 4, 2, 1).Formats(formats).Run();
}

// ONNX's paddings: of an even and an odd total, of a kernel below the stride, with output_padding.
TEST(ConvTranspose, OnnxPaddings) {
  for (const AutoPad pad : {AutoPad::kSameUpper, AutoPad::kSameLower, AutoPad::kValid}) {
    Layer(3, 5, 4, 5, 3, 2, 0).Pad(pad).Run();
    Layer(3, 5, 4, 5, 4, 2, 0).Pad(pad).Run();
    Layer(3, 5, 3, 3, 1, 2, 0).Pad(pad).Run();
    Layer(3, 5, 3, 4, 3, 2, 0).Pad(pad).OutputPadding(1, 0).Run();
    Layer(17, 5, 3, 4, 3, 1, 0).Pad(pad).Dilation(2, 1).Run();
    Layer1d(3, 4, 6, 5, 3, 0).Pad(pad).Run();
    Layer3d(3, 4, 2, 3, 4, 3, 2, 0).Pad(pad).Run();
  }
  for (const AutoPad pad : {AutoPad::kNotSet, AutoPad::kSameUpper, AutoPad::kSameLower, AutoPad::kValid}) {
    Layer(3, 5, 4, 5, 3, 2, 0).Pad(pad).OutputShape(8, 9).Run();  // naturally 9 x 11
    Layer(3, 5, 4, 5, 3, 2, 0).Pad(pad).OutputShape(9, 11).Run();
    Layer(3, 5, 4, 5, 3, 2, 0).Pad(pad).OutputShape(10, 12).Run();  // one past the end
    Layer(3, 5, 4, 5, 3, 2, 0).Pad(pad).OutputPadding(1, 1).OutputShape(10, 7).Run();
    Layer1d(3, 4, 3, 3, 2, 0).Pad(pad).OutputShape(4).Run();
  }
  Layer(3, 5, 4, 5, 3, 2, 1).OutputShape(8, 9).Run();  // padding is ignored
}

TEST(ConvTranspose, Prologues) {
  for (const Activation activation : {Activation::kRelu, Activation::kLeakyRelu}) {
    Layer(17, 19, 4, 5, 4, 2, 1).Prologue(activation).Run();
    Layer(5, 3, 4, 17, 3, 2, 1).Prologue(activation, -1.5f).OutputPadding(1, 1).Run();
    Layer(6, 6, 4, 5, 4, 2, 1).Groups(6).Prologue(activation).Run();
    Layer(6, 12, 4, 5, 4, 2, 1).Groups(6).Prologue(activation, 2.0f).Relu().Run();
    Layer(16, 20, 2, 2, 4, 2, 1).Batch(17).Prologue(activation).Run();
    Layer1d(20, 18, 30, 8, 4, 2).Prologue(activation, 0.125f).Run();
    Layer3d(5, 6, 2, 3, 4, 3, 2, 1).Prologue(activation).Run();
  }
  Layer(5, 6, 4, 5, 3, 2, 1).Prologue(Activation::kRelu).RunNonFinite(true);
}

// Every activation with constants and residuals; 19 channels have tails in every layout.
TEST(ConvTranspose, EpiloguesWithConstantsAndResiduals) {
  for (int i = 0; i <= static_cast<int>(Activation::kHardSwish); ++i) {
    const auto activation = static_cast<Activation>(i);
    const auto layer = [&](int64_t oc) { return Layer(6, oc, 4, 5, 4, 2, 1).LeakyRelu(0.25f).Activate(activation); };
    layer(19).Run();
    layer(3).Scale().NoBias().Run();
    layer(32).Scale().Shift().Run();
    for (const Residual residual : {Residual::kBeforeActivation, Residual::kAfterActivation}) {
      layer(19).Residual(residual).Run();
      layer(16).Residual(residual, true).Shift().Run();
      layer(35).Residual(residual).Scale().Shift().Batch(2).Formats(AllFormatPairs()).Run();
    }
  }
  Layer(6, 6, 4, 5, 4, 2, 1).Groups(6).Scale().Shift().Activate(Activation::kPRelu).Run();
  Layer(6, 12, 4, 5, 4, 2, 1).Groups(6).Scale().Residual(Residual::kBeforeActivation).Run();
  Layer(12, 6, 4, 5, 4, 2, 1).Groups(3).Scale().Shift().Activate(Activation::kSilu).Run();
  Layer(17, 18, 2, 2, 4, 2, 1).Batch(19).Scale().Residual(Residual::kAfterActivation).Run();
  Layer1d(12, 18, 30, 8, 4, 2).Scale().Shift().Residual(Residual::kBeforeActivation).Run();
  Layer3d(5, 18, 2, 3, 4, 3, 2, 1).Residual(Residual::kAfterActivation, true).Activate(Activation::kGelu).Run();
  Layer(9, 20, 5, 6, 4, 2, 1)
      .Batch(3)
      .Residual(Residual::kBeforeActivation)
      .Activate(Activation::kTanh)
      .RunDeterminism();
}

// A kernel that is long beside its stride makes columns of hundreds of MiB, which kAuto leaves alone.
TEST(ConvTranspose, AutoNeedsLittleWorkspaceForLongKernels) {
  for (const std::string& target : SupportedTargets()) {
    ConvTransposeAttributes a;
    a.spatial_rank = 1;
    a.input_channels = a.output_channels = 64;
    a.kernel = {1024};
    a.stride = {2};
    const std::vector<float> weights(64 * 64 * 1024, 1.0f);
    const StatusOr<Operator> op = CreateConvTranspose(a, weights.data(), nullptr, OptionsFor(target));
    ASSERT_TRUE(op.ok()) << op.status().message();
    for (const int64_t length : {1000, 8000}) {
      PlanOptions options;
      options.num_threads = 1;
      const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Make(1, 64, {length}), options);
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      EXPECT_LE(plan->workspace_bytes(), size_t{6} << 20) << plan->Describe();
    }
  }
}

// A vocoder's lengths: a plan each, and no other form of the weights than the first one, but for short chunks.
TEST(ConvTranspose, LengthsOfOneAxisUseTheSameWeights) {
  for (const std::string& target : SupportedTargets()) {
    for (const int64_t oc : {1, 2, 8, 64}) {
      for (const int64_t kernel : {16, 256, 1024}) {
        ConvTransposeAttributes a;
        a.spatial_rank = 1;
        a.input_channels = 18;
        a.output_channels = oc;
        a.kernel = {kernel};
        a.stride = {kernel / 4};
        const std::vector<float> weights(static_cast<size_t>(18 * oc * kernel), 1.0f);
        const StatusOr<Operator> op = CreateConvTranspose(a, weights.data(), nullptr, OptionsFor(target));
        ASSERT_TRUE(op.ok()) << op.status().message();
        const std::string held = op->Describe();
        for (const int64_t length : {1000, 5000, 100000}) {
          const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Make(1, 18, {length}));
          ASSERT_TRUE(plan.ok()) << plan.status().message();
        }
        EXPECT_EQ(op->Describe(), held) << "a plan packed other weights";
      }
    }
  }
}

// Winograd's weights are larger than those of the direct form, and a chunk of three pixels does little else than read
// them.
TEST(ConvTranspose, ShortChunksOfOneAxisHaveAChoiceOfTheirOwn) {
  for (const std::string& target : SupportedTargets()) {
    ConvTransposeAttributes a;
    a.spatial_rank = 1;
    a.input_channels = 416;
    a.output_channels = 928;
    a.kernel = {3};
    a.stride = {2};
    const std::vector<float> weights(416 * 928 * 3, 1.0f);
    const StatusOr<Operator> op = CreateConvTranspose(a, weights.data(), nullptr, OptionsFor(target));
    ASSERT_TRUE(op.ok()) << op.status().message();
    const auto describe = [&](int64_t length) {
      const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Make(1, 416, {length}));
      return plan.ok() ? plan->Describe() : plan.status().message();
    };
    EXPECT_THAT(describe(1024), ::testing::HasSubstr("winograd"));
    EXPECT_THAT(describe(3), ::testing::Not(::testing::HasSubstr("winograd")));
  }
}

TEST(ConvTranspose, BatchesOfSmallMaps) {
  for (const int64_t n : {2, 16, 17}) {
    for (const int64_t size : {1, 2, 3, 5}) {
      if (kSanitized && n == 16) continue;
      Layer(19, 17, size, size, 4, 2, 1).Batch(n).Run();
      Layer(16, 32, size, size, 2, 2, 0).Batch(n).Run();
      Layer(5, 3, size, size, 4, 1, 0).Batch(n).Run();
    }
  }
  Layer(6, 6, 2, 3, 3, 2, 1).Groups(6).Batch(17).Run();
}

TEST(ConvTranspose, OneDnnRegressions) {
  Layer(1, 3, 5, 6, 3, 2, 1).Run();
  Layer(2, 3, 5, 6, 3, 1, 1).Run();
  // All taps miss the two outputs.
  ConvTransposeTester().Channels(3, 4).Input(1, 1).Kernel(3, 1).Dilation(3, 1).Padding(1, 0, 4, 0).Run();
  ConvTransposeTester().Channels(3, 4).Input(1, 1).Kernel(3, 1).Dilation(2, 1).Padding(1, 0, 2, 0).Run();
  ConvTransposeTester().Channels(2, 3).Input(6, 5).Kernel(64, 64).Stride(2, 2).Padding(1, 1, 61, 61).Run();
  Layer(3, 5, 5, 5, 1, 2, 0).Run();
  Layer(3, 5, 8, 8, 3, 1, 3).Run();
  Layer(2, 3, 6, 5, 3, 3, 0).Batch(56).Run();
  Layer(2, 3, 6, 5, 3, 3, 0).OutputPadding(2, 1).Batch(56).Run();
}

// Rows of the workload table with fewer channels and pixels.
TEST(ConvTranspose, RealLayers) {
  const std::vector<FormatPair> formats = {{kNchw16c, kNchw16c}, {kNchw8c, kNchw8c}, {kNchw, kNchw}, {kNhwc, kNhwc}};
  Layer(128, 128, 9, 10, 4, 2, 1).Relu().Formats(formats).Run();                  // centernet.resdcn
  Layer(160, 96, 13, 15, 2, 2, 0).Formats(formats).Run();                         // unet
  Layer(256, 64, 4, 4, 4, 2, 1).Batch(3).NoBias().Relu().Formats(formats).Run();  // dcgan.g2
  Layer(64, 3, 15, 30, 4, 2, 1).NoBias().Formats(formats).Run();                  // dcgan.g5
  Layer(64, 48, 14, 13, 3, 2, 1).OutputPadding(1, 1).Formats(formats).Run();      // cyclegan.up1
  Layer(64, 3, 12, 20, 4, 2, 3).Formats(formats).Run();                           // waifu2x upconv_7
  Layer(56, 1, 12, 37, 9, 3, 4).OutputPadding(2, 2).Formats(formats).Run();       // fsrcnn x3
  Layer(64, 64, 16, 15, 8, 4, 2).Groups(64).NoBias().Formats(formats).Run();      // centernet.dla.idaup_x4
  Layer(386, 20, 5, 7, 4, 2, 1).LeakyRelu(0.125f).Formats(formats).Run();         // flownet
  Layer(21, 21, 10, 12, 16, 8, 0).NoBias().Formats(formats).Run();                // fcn8s.upscore8
  Layer(48, 48, 12, 11, 4, 4, 0).Formats(formats).Run();                          // depth-anything r1
  Layer(64, 64, 24, 22, 3, 1, 1).Relu().Formats(formats).Run();                   // deconvnet.d1_1
}

// Outputs too large for the caches may be stored past them, which has rules of alignment of its own.
TEST(ConvTranspose, OutputsLargerThanTheCaches) {
  const std::vector<FormatPair> formats = {{kNchw16c, kNchw16c}, {kNchw8c, kNchw8c}, {kNchw, kNchw}, {kNhwc, kNhwc}};
  const std::vector<Algorithm> both = {Algorithm::kSubpixel, Algorithm::kGemmCol2im};
  Layer(3, 20, 115, 121, 2, 2, 0).Formats(formats).Algorithms(both).Run();
  Layer(3, 33, 92, 91, 4, 2, 1).Formats(formats).Algorithms(both).Relu().Run();
  if (kSanitized) return;
  Layer(4, 3, 199, 201, 3, 3, 0).Formats({{kNchw, kNchw}, {kNhwc, kNhwc}}).Algorithms(both).Run();
  Layer(18, 18, 120, 130, 4, 2, 1).Groups(18).Formats(formats).Algorithms({Algorithm::kSubpixel}).Run();
  Layer(6, 40, 12, 11, 3, 1, 0).Batch(170).Formats({{kNchw, kNchw}, {kNchw8c, kNchw16c}}).Algorithms(both).Run();
}

TEST(ConvTranspose, NothingIsReadOrWrittenForAnEmptyBatch) {
  for (const std::string& target : SupportedTargets()) {
    ConvTransposeAttributes attributes;
    attributes.input_channels = 2;
    attributes.output_channels = 3;
    attributes.kernel = {2, 2, 1};
    attributes.stride = {2, 2, 1};
    const std::vector<float> weights(2 * 3 * 4, 1.0f);
    const StatusOr<Operator> op = CreateConvTranspose(attributes, weights.data(), nullptr, OptionsFor(target));
    ASSERT_TRUE(op.ok()) << op.status().message();
    for (const Algorithm algorithm : {Algorithm::kSubpixel, Algorithm::kGemmCol2im, Algorithm::kAuto}) {
      PlanOptions options;
      options.algorithm = algorithm;
      const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(0, 2, 4, 5), options);
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      EXPECT_EQ(plan->output().n, 0);
      EXPECT_EQ(plan->output().c, 3);
      EXPECT_EQ(plan->output().size[0], 8);
      EXPECT_EQ(plan->output().size[1], 10);
      const std::vector<float> input(2 * 4 * 5, 1.0f);
      std::vector<float> output(3 * 8 * 10, -7.0f);
      const Status status = plan->Run(input.data(), output.data());
      EXPECT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(output, std::vector<float>(3 * 8 * 10, -7.0f));
      EXPECT_TRUE(plan->Run(nullptr, nullptr).ok()) << "an empty std::vector's data() is null";
    }
  }
}

TEST(ConvTranspose, SameBitsForEveryThreadCountAndBatchPosition) {
  Layer(33, 35, 6, 7, 4, 2, 1).Batch(3).RunDeterminism();
  Layer(17, 3, 9, 19, 3, 2, 1).Batch(5).Relu().RunDeterminism();
  Layer(40, 24, 2, 2, 4, 2, 1).Batch(17).RunDeterminism();
  Layer(12, 12, 6, 7, 4, 2, 1).Groups(12).Batch(4).RunDeterminism();
  Layer(12, 24, 6, 7, 3, 1, 1).Groups(3).Batch(3).RunDeterminism();
  Layer(65, 40, 12, 14, 2, 2, 0).Batch(2).RunDeterminism();
}

TEST(ConvTranspose, NonFiniteInputsReachOnlyTheirOutputs) {
  Layer(17, 19, 6, 7, 4, 2, 1).Batch(2).RunNonFinite();
  Layer(5, 3, 6, 17, 3, 2, 1).OutputPadding(1, 1).RunNonFinite(true);
  Layer(5, 18, 6, 7, 2, 3, 0).RunNonFinite();
  Layer(16, 16, 6, 7, 5, 1, 2).RunNonFinite();
  Layer(6, 6, 6, 7, 4, 2, 1).Groups(6).RunNonFinite();
  Layer(12, 18, 6, 7, 3, 2, 1).Groups(3).RunNonFinite(true);
  Layer(6, 4, 2, 2, 3, 2, 1).Batch(9).RunNonFinite(true);
  Layer(5, 6, 6, 5, 3, 2, 1).Dilation(2, 2).RunNonFinite();
  // No activation makes a number of a NaN.
  Layer(5, 19, 6, 7, 4, 2, 1).Relu().RunNonFinite();
  Layer(5, 3, 6, 7, 4, 2, 1).LeakyRelu(0.5f).RunNonFinite();
  Layer(5, 18, 6, 7, 2, 2, 0).Clamp(-0.5f, 0.5f).RunNonFinite();
}

}  // namespace
}  // namespace polyphase::testing
