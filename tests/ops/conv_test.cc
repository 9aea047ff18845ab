// Conv against the oracle: plain, of an upsampled input, before a pixel shuffle; every attribute, target and layout.
#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/testers/conv_tester.h"

namespace polyphase::testing {
namespace {

constexpr Format kNchw{Layout::kNchw, 1};
constexpr Format kNhwc{Layout::kNhwc, 1};
constexpr Format kNchw8c{Layout::kNchwc, 8};
constexpr Format kNchw16c{Layout::kNchwc, 16};

constexpr PaddingMode kModes[] = {PaddingMode::kZeros, PaddingMode::kReflect, PaddingMode::kReplicate,
                                  PaddingMode::kCircular};
constexpr PaddingMode kBorderModes[] = {PaddingMode::kReflect, PaddingMode::kReplicate, PaddingMode::kCircular};
constexpr ChannelOrder kOrders[] = {ChannelOrder::kCrd, ChannelOrder::kDcr, ChannelOrder::kFocus};

ConvTester Layer(int64_t ic, int64_t oc, int64_t h, int64_t w, int64_t k, int64_t p) {
  return ConvTester().Channels(ic, oc).Input(h, w).Kernel(k, k).Padding(p, p);
}

// A layer on the input at s times its size.
ConvTester Nearest(int64_t ic, int64_t oc, int64_t h, int64_t w, int64_t s, int64_t k, int64_t p) {
  return Layer(ic, oc, h, w, k, p).Upsample(s, s);
}

// oc counts the channels of the output, after the shuffle.
ConvTester Shuffled(int64_t ic, int64_t oc, int64_t h, int64_t w, int64_t r, int64_t k, int64_t p) {
  return Layer(ic, oc * r * r, h, w, k, p).Shuffle(r, r);
}

ConvTester Layer1d(int64_t ic, int64_t oc, int64_t w, int64_t k, int64_t p) {
  return ConvTester().Channels(ic, oc).Input(w).Kernel(k).Padding(p);
}

ConvTester Layer3d(int64_t ic, int64_t oc, int64_t d, int64_t h, int64_t w, int64_t k, int64_t p) {
  return ConvTester().Channels(ic, oc).Input(d, h, w).Kernel(k, k, k).Padding(p, p, p);
}

// ---- The plain convolution

TEST(Conv, UsualLayers) {
  Layer(32, 48, 6, 7, 3, 1).Run();
  Layer(19, 24, 6, 7, 1, 0).Run();
  Layer(16, 32, 7, 9, 5, 2).Run();
  Layer(5, 18, 9, 8, 7, 3).Run();
  Layer(3, 16, 8, 9, 3, 0).Run();
}

TEST(Conv, EveryPairOfLayouts) {
  Layer(17, 19, 5, 6, 3, 1).Formats(AllFormatPairs()).Run();
  Layer(33, 35, 4, 5, 1, 0).Batch(2).Formats(AllFormatPairs()).Run();
  Nearest(18, 19, 4, 5, 2, 3, 1).Formats(AllFormatPairs()).Relu().Run();
  Shuffled(17, 5, 4, 5, 2, 3, 1).Formats(AllFormatPairs()).Run();
  Shuffled(6, 17, 4, 3, 2, 3, 1).Upsample(2, 1).Formats(AllFormatPairs()).Run();
}

TEST(Conv, Kernels) {
  for (int64_t k = 1; k <= 7; ++k) {
    Layer(3, 18, 8, 9, k, 0).Run();
    Layer(17, 5, 8, 9, k, k / 2).NoBias().Run();
  }
  ConvTester().Channels(17, 19).Input(6, 11).Kernel(1, 7).Padding(0, 3).Run();
  ConvTester().Channels(5, 3).Input(11, 6).Kernel(7, 1).Padding(3, 0).Run();
  ConvTester().Channels(6, 20).Input(9, 7).Kernel(4, 3).Padding(1, 1).Run();
  Layer(2, 4, 12, 21, 11, 5).Run();
}

TEST(Conv, WidthsAroundTheTile) {
  for (int64_t w = 1; w <= 32; w += w < 16 ? 1 : 5) {
    Layer(9, 17, 2, w, 3, 1).Run();
    Nearest(5, 18, 2, w, 2, 3, 1).Run();
    Shuffled(5, 5, 2, w, 2, 3, 1).Run();
  }
  for (const int64_t w : {1, 2, 7, 8, 15, 16, 17, 33, 47}) {  // pixels may be in the lanes
    Layer(5, 1, 3, w, 3, 1).Run();
    Nearest(6, 3, 3, w, 2, 3, 1).Run();
    Shuffled(6, 3, 3, w, 3, 3, 1).Run();
  }
}

// Rows that are computed in several pieces.
TEST(Conv, LongRows) {
  const std::vector<FormatPair> formats = {
      {kNchw16c, kNchw16c}, {kNchw8c, kNchw}, {kNchw, kNchw}, {kNchw, kNhwc}, {kNhwc, kNchw16c}};
  for (const int64_t w : {129, 250}) {
    Layer(3, 20, 2, w, 3, 1).Formats(formats).Run();
    Layer(4, 2, 3, w + 7, 5, 2).Formats(formats).Run();
    Layer(19, 19, 2, w, 3, 1).Groups(19).Formats(formats).Run();
    Nearest(3, 20, 2, w, 2, 3, 1).Formats(formats).Run();
    Nearest(3, 5, 2, w, 3, 5, 2).Mode(PaddingMode::kReflect).Formats(formats).Run();
    Shuffled(3, 6, 2, w, 3, 3, 1).Formats(formats).Run();
    Shuffled(5, 2, 2, w, 4, 3, 1).Mode(PaddingMode::kCircular).Formats(formats).Run();
    Layer(3, 18, 3, w, 3, 2).Dilation(2, 17).Padding(2, 17).Formats(formats).Run();
  }
}

TEST(Conv, Dilation) {
  Layer(5, 6, 7, 9, 3, 2).Dilation(2, 2).Run();
  Layer(17, 19, 9, 8, 3, 1).Dilation(3, 1).Run();
  Layer(4, 20, 9, 9, 2, 3).Dilation(5, 7).Run();
  Layer(12, 12, 9, 9, 3, 4).Dilation(4, 3).Groups(12).Run();
  for (const PaddingMode mode : kBorderModes) Layer(5, 18, 7, 9, 3, 4).Dilation(4, 3).Mode(mode).Run();
}

TEST(Conv, ChannelTails) {
  const std::vector<int64_t> channels = {1, 3, 15, 16, 17, 19, 33};
  for (const int64_t ic : channels) {
    for (const int64_t oc : channels) {
      if (kSanitized && (ic + oc) % 3 != 0) continue;
      Layer(ic, oc, 3, 4, 3, 1).Run();
      Nearest(ic, oc, 2, 3, 2, 3, 1).NoBias().Run();
      Layer(ic, 4 * oc, 2, 3, 1, 0).Shuffle(2, 2).Run();
    }
  }
}

TEST(Conv, Groups) {
  struct {
    int64_t ic, oc, groups;
  } cases[] = {
      {2, 2, 2},   {4, 6, 2},   {6, 4, 2},   {12, 18, 3}, {34, 38, 2}, {33, 30, 3},
      {32, 64, 2}, {20, 20, 4}, {64, 32, 4}, {24, 40, 8}, {48, 48, 3}, {10, 35, 5},
  };
  for (const auto& c : cases) {
    Layer(c.ic, c.oc, 4, 5, 3, 1).Groups(c.groups).Run();
    Layer(c.ic, c.oc, 3, 4, 1, 0).Groups(c.groups).Batch(2).NoBias().Run();
    Nearest(c.ic, c.oc, 3, 4, 2, 3, 1).Groups(c.groups).Run();
  }
}

TEST(Conv, Depthwise) {
  for (const int64_t c : {1, 2, 3, 4, 8, 15, 16, 17, 19, 33, 48}) {
    Layer(c, c, 4, 5, 3, 1).Groups(c).Run();
    Nearest(c, c, 3, 17, 2, 3, 1).Groups(c).NoBias().LeakyRelu(0.25f).Run();
  }
  Layer(18, 18, 9, 20, 7, 3).Groups(18).Batch(3).Run();
  Nearest(17, 17, 3, 4, 3, 5, 2).Groups(17).Mode(PaddingMode::kReflect).Run();
  Layer(16, 16, 5, 5, 2, 1).Groups(16).Run();
  for (const int64_t multiplier : {2, 3, 4, 5, 16, 17}) {
    Layer(6, 6 * multiplier, 4, 5, 3, 1).Groups(6).Run();
    Nearest(5, 5 * multiplier, 3, 4, 2, 3, 1).Groups(5).Run();
    Layer(17, 17 * multiplier, 3, 4, 1, 0).Groups(17).Run();
  }
  for (const ChannelOrder order : kOrders) {  // the multiplier becomes pixels, or not the one of one channel
    Layer(18, 18 * 4, 3, 4, 3, 1).Groups(18).Shuffle(2, 2).Order(order).Run();
    Layer(5, 5 * 12, 3, 4, 3, 1).Groups(5).Shuffle(2, 3).Order(order).Run();
    Layer(16, 16, 3, 4, 3, 1).Groups(16).Shuffle(2, 2).Order(order).Run();
    Layer(36, 36, 3, 4, 3, 1).Groups(36).Shuffle(3, 1).Order(order).Run();
  }
  Layer(24, 8, 4, 5, 3, 1).Groups(8).Run();  // many inputs to one output
}

TEST(Conv, SmallestMaps) {
  Layer(3, 5, 1, 1, 1, 0).Run();
  Layer(100, 64, 1, 1, 3, 1).Run();
  Layer(3, 5, 1, 6, 1, 0).Run();
  Layer(1, 1, 1, 1, 1, 0).Run();
  Layer(17, 16, 3, 3, 3, 0).Run();
  Layer(5, 33, 2, 1, 5, 4).Run();
}

// ---- Borders

TEST(Conv, AsymmetricPadding) {
  ConvTester().Channels(8, 9).Kernel(2, 2).Padding(0, 1, 1, 0).Run();
  ConvTester().Channels(8, 18).Kernel(4, 4).Padding(1, 2, 2, 1).Run();
  ConvTester().Channels(3, 17).Kernel(3, 5).Padding(2, 0, 0, 4).Run();
  ConvTester().Channels(17, 3).Kernel(1, 1).Padding(0, 2, 3, 0).Run();
  for (const PaddingMode mode : kModes) {
    ConvTester().Channels(5, 6).Kernel(2, 2).Padding(1, 0, 0, 1).Mode(mode).Run();
    ConvTester().Channels(5, 18).Kernel(4, 2).Padding(2, 0, 1, 3).Mode(mode).Run();
    ConvTester().Channels(5, 6).Kernel(2, 2).Padding(1, 0, 0, 1).Upsample(2, 2).Mode(mode).Run();
    ConvTester().Channels(5, 18).Kernel(4, 2).Padding(2, 0, 1, 3).Upsample(3, 2).Mode(mode).Run();
    ConvTester().Channels(5, 8).Kernel(3, 4).Padding(0, 3, 2, 1).Shuffle(2, 2).Mode(mode).Run();
  }
}

TEST(Conv, PaddingsLargerThanTheKernel) {
  for (const PaddingMode mode : kModes) {
    Layer(3, 5, 8, 9, 3, 4).Mode(mode).Run();
    Layer(17, 18, 6, 7, 1, 3).Mode(mode).Run();
    Nearest(5, 17, 4, 5, 2, 3, 5).Mode(mode).Run();
    Nearest(3, 3, 4, 5, 3, 2, 7).Mode(mode).Run();
    Shuffled(4, 5, 6, 7, 2, 3, 5).Mode(mode).Run();
  }
  for (const PaddingMode mode : {PaddingMode::kZeros, PaddingMode::kReplicate}) {  // and than the input
    Layer(3, 18, 2, 3, 3, 9).Mode(mode).Run();
    Nearest(3, 5, 2, 3, 2, 3, 11).Mode(mode).Run();
  }
}

TEST(Conv, PaddingModes) {
  for (const PaddingMode mode : kBorderModes) {
    Layer(17, 19, 5, 6, 3, 1).Mode(mode).Run();
    Layer(5, 3, 6, 17, 5, 2).Mode(mode).Run();
    Layer(6, 20, 7, 8, 7, 3).Mode(mode).NoBias().Run();
    Layer(18, 18, 5, 6, 3, 1).Groups(18).Mode(mode).Run();
    Layer(12, 18, 5, 6, 3, 1).Groups(3).Mode(mode).Batch(2).Run();
    Layer(16, 33, 3, 2, 3, 1).Batch(17).Mode(mode).Run();
    Shuffled(6, 3, 5, 6, 2, 3, 1).Mode(mode).Run();
    Layer(3, 5, 4, 5, 3, 0).Mode(mode).Run();  // nothing to pad
    Layer(3, 20, 4, 5, 3, 1).Padding(1, 0).Mode(mode).Run();
    Layer(3, 20, 4, 5, 3, 1).Padding(0, 1).Mode(mode).Run();
  }
  Layer(6, 6, 4, 5, 3, 3).Mode(PaddingMode::kReflect).Run();  // the largest padding that a size of 4 has
  Layer(6, 6, 4, 5, 3, 4).Mode(PaddingMode::kCircular).Run();
}

// Reflection of the upsampled tensor is not one of the input: with a padding of the factor and more, the pixels of one
// input pixel are reflected to those of two.
TEST(Conv, PaddingModesOfTheUpsampledInput) {
  for (const PaddingMode mode : kModes) {
    for (int64_t s = 2; s <= 5; ++s) {
      for (const int64_t k : {3, 5, 7}) {
        Nearest(5, 18, 4, 5, s, k, k / 2).Mode(mode).Run();
        Nearest(4, 3, 5, 4, s, k, k / 2 + 1).Mode(mode).Run();
      }
      Nearest(5, 17, 4, 5, s, 4, s).Mode(mode).Run();
      Nearest(5, 17, 5, 6, s, 3, 2 * s + 1).Mode(mode).Run();
    }
    Nearest(18, 18, 4, 5, 2, 5, 2).Groups(18).Mode(mode).Run();
    Nearest(12, 18, 4, 5, 2, 3, 1).Groups(3).Mode(mode).Run();
    Nearest(17, 16, 2, 3, 2, 5, 2).Batch(17).Mode(mode).Run();
    Nearest(3, 18, 5, 6, 2, 3, 4).Dilation(3, 2).Mode(mode).Run();
    Shuffled(6, 5, 4, 5, 3, 5, 2).Upsample(2, 2).Mode(mode).Run();
  }
}

// Maps that are so small that a window reaches over both borders, at times of the same axis.
TEST(Conv, WindowsThatReachBothBorders) {
  const SpatialSizes maps[] = {{1, 1}, {2, 2}, {3, 1}, {1, 4}};
  for (const SpatialSizes& map : maps) {
    for (const PaddingMode mode : {PaddingMode::kZeros, PaddingMode::kReplicate}) {
      Layer(5, 18, 0, 0, 3, 1).InputSize(map).Mode(mode).Run();
      Layer(5, 3, 0, 0, 7, 3).InputSize(map).Mode(mode).Run();
      Layer(3, 20, 0, 0, 3, 3).Dilation(3, 3).InputSize(map).Mode(mode).Run();
      Shuffled(5, 6, 0, 0, 2, 5, 2).InputSize(map).Mode(mode).Run();
      for (const int64_t s : {2, 3, 4}) {
        Nearest(5, 18, 0, 0, s, 3, 1).InputSize(map).Mode(mode).Run();
        Nearest(5, 3, 0, 0, s, 7, 3).InputSize(map).Mode(mode).Run();
        Nearest(5, 18, 0, 0, s, 5, 2).InputSize(map).Mode(mode).Batch(17).Run();
      }
    }
    for (const PaddingMode mode : kBorderModes) {
      for (const int64_t s : {2, 3, 4, 8}) {
        Nearest(5, 18, 0, 0, s, 2 * s - 1, s - 1).InputSize(map).Mode(mode).Run();
        Nearest(3, 2, 0, 0, s, s, s - 1).InputSize(map).Mode(mode).Run();
        Nearest(17, 17, 0, 0, s, 3, 1).Groups(17).InputSize(map).Mode(mode).Run();
      }
    }
    Layer(5, 18, 0, 0, 3, 1).InputSize(map).Mode(PaddingMode::kCircular).Run();
    Nearest(5, 18, 0, 0, 3, 7, 3).InputSize(map).Mode(PaddingMode::kCircular).Run();
  }
  Layer(5, 18, 2, 2, 3, 1).Mode(PaddingMode::kReflect).Run();
  Layer(5, 3, 3, 2, 5, 1).Padding(2, 1, 2, 1).Mode(PaddingMode::kReflect).Kernel(5, 3).Run();
}

TEST(Conv, AutoPad) {
  for (const AutoPad pad : {AutoPad::kSameUpper, AutoPad::kSameLower, AutoPad::kValid}) {
    for (const int64_t k : {1, 2, 3, 4}) {
      Layer(3, 18, 5, 6, k, 0).Pad(pad).Run();
      Nearest(5, 3, 5, 6, 2, k, 0).Pad(pad).Run();
      Shuffled(3, 5, 5, 6, 2, k, 0).Pad(pad).Run();
    }
    Layer(5, 6, 9, 9, 2, 0).Dilation(3, 4).Pad(pad).Run();
    for (const PaddingMode mode : kBorderModes) Nearest(5, 6, 4, 5, 3, 4, 0).Pad(pad).Mode(mode).Run();
    Layer1d(3, 4, 9, 4, 0).Pad(pad).Run();
    Layer3d(3, 4, 4, 5, 4, 2, 0).Upsample(1, 2, 3).Pad(pad).Run();
  }
}

// ---- Nearest upsampling before

TEST(Conv, NearestUpsampling) {
  for (int64_t s = 2; s <= 8; ++s) {
    for (int64_t k = 1; k <= 7; ++k) {
      if (kSanitized && (s + k) % 3 != 0) continue;
      Nearest(3, k % 2 == 0 ? 5 : 18, 3, 4, s, k, k / 2).Run();
    }
    Nearest(17, 2, 2, 3, s, 3, 0).NoBias().Run();
  }
}

TEST(Conv, FactorsThatDiffer) {
  Layer(5, 18, 4, 5, 3, 1).Upsample(2, 3).Run();
  Layer(17, 5, 4, 5, 3, 1).Upsample(1, 2).Run();
  Layer(17, 33, 4, 5, 3, 1).Upsample(2, 1).Run();
  Layer(3, 3, 4, 5, 5, 2).Upsample(4, 2).Run();
  for (const PaddingMode mode : kBorderModes) {
    Layer(5, 18, 4, 5, 5, 2).Upsample(2, 3).Mode(mode).Run();
    Layer(5, 3, 4, 5, 5, 2).Upsample(1, 2).Mode(mode).Run();
    Layer(5, 18, 4, 5, 5, 2).Upsample(3, 1).Mode(mode).Run();
  }
}

TEST(Conv, UpsamplingAndDilation) {
  Nearest(5, 18, 4, 5, 2, 3, 2).Dilation(2, 2).Run();  // a multiple of the factor: no taps meet
  Nearest(5, 18, 4, 5, 3, 3, 2).Dilation(2, 2).Run();
  Nearest(5, 3, 4, 5, 4, 3, 3).Dilation(3, 5).Run();
  Nearest(6, 6, 4, 5, 4, 2, 1).Dilation(2, 1).Groups(6).Run();
}

// ---- Pixel shuffle after it

TEST(Conv, PixelShuffle) {
  for (const ChannelOrder order : kOrders) {
    for (const int64_t r : {2, 3, 4, 8}) {
      Shuffled(6, 3, 3, 4, r, 3, 1).Order(order).Run();
      Shuffled(17, 1, 3, 4, r, 1, 0).Order(order).NoBias().Run();
    }
    for (const int64_t oc : {1, 2, 3, 4, 16, 17, 24, 64}) {
      Shuffled(9, oc, 3, 5, 2, 3, 1).Order(order).Run();
      Shuffled(5, oc, 2, 3, 3, 1, 0).Order(order).Run();
    }
    Layer(5, 30, 3, 4, 3, 1).Shuffle(2, 3).Order(order).Run();
    Layer(5, 18, 3, 4, 3, 1).Shuffle(3, 1).Order(order).Run();
    Layer(5, 18, 3, 4, 3, 1).Shuffle(1, 2).Order(order).Run();
    Layer(18, 96, 3, 4, 3, 1).Shuffle(4, 2).Order(order).Run();
  }
}

// Groups whose channels become whole channels of the output, and others.
TEST(Conv, GroupsAndPixelShuffle) {
  struct {
    int64_t ic, oc, groups;
  } cases[] = {{4, 8, 2},  {6, 24, 2}, {9, 36, 3},   {32, 128, 2}, {10, 20, 5},
               {4, 12, 2}, {6, 36, 6}, {34, 136, 2}, {12, 20, 4},  {64, 64, 4}};
  for (const auto& c : cases) {
    for (const ChannelOrder order : kOrders) {
      Layer(c.ic, c.oc, 3, 4, 3, 1).Groups(c.groups).Shuffle(2, 2).Order(order).Run();
      Layer(c.ic, c.oc, 3, 4, 1, 0).Groups(c.groups).Shuffle(1, 2).Order(order).Batch(2).Run();
    }
  }
}

TEST(Conv, UpsamplingAndPixelShuffle) {
  for (const ChannelOrder order : kOrders) {
    Shuffled(5, 3, 3, 4, 2, 3, 1).Upsample(2, 2).Order(order).Run();
    Shuffled(5, 17, 3, 4, 2, 3, 1).Upsample(3, 2).Order(order).Run();
    Layer(6, 24, 3, 4, 5, 2).Upsample(2, 1).Shuffle(1, 3).Order(order).Run();
    Layer(6, 24, 3, 4, 5, 2).Groups(2).Upsample(2, 2).Shuffle(2, 2).Order(order).Run();
  }
  for (const PaddingMode mode : kBorderModes) Shuffled(5, 6, 3, 4, 2, 5, 2).Upsample(2, 3).Mode(mode).Run();
}

// ---- Axes

TEST(Conv, OneAxis) {
  Layer1d(18, 20, 23, 3, 1).Run();
  Layer1d(3, 17, 40, 7, 3).Run();
  Layer1d(20, 1, 31, 11, 5).Dilation(2).Run();
  Layer1d(12, 8, 11, 3, 1).Groups(4).Batch(3).Run();
  Layer1d(19, 19, 37, 9, 4).Groups(19).NoBias().Run();
  for (const PaddingMode mode : kModes) {
    Layer1d(5, 18, 9, 5, 2).Upsample(2).Mode(mode).Run();
    Layer1d(5, 3, 9, 7, 3).Upsample(3).Mode(mode).Run();
    Layer1d(5, 12, 9, 3, 1).Shuffle(4).Mode(mode).Run();
  }
  for (const ChannelOrder order : kOrders) Layer1d(6, 36, 9, 3, 1).Shuffle(2).Upsample(2).Order(order).Run();
  Layer1d(16, 20, 2, 3, 1).Batch(19).Run();
  Layer1d(24, 16, 5, 16, 8).Upsample(8).Run();
}

TEST(Conv, LongRowsOfOneAxis) {
  const std::vector<FormatPair> formats = {{kNchw16c, kNchw16c}, {kNchw, kNchw}, {kNhwc, kNhwc}, {kNchw8c, kNchw}};
  Layer1d(64, 32, 900, 3, 1).Formats(formats).Run();
  Layer1d(20, 1, 1500, 7, 3).Formats(formats).Run();
  Layer1d(33, 40, 700, 3, 1).Upsample(3).Formats(formats).Run();
  Layer1d(33, 40, 700, 3, 1).Shuffle(5).Formats(formats).Run();
  Layer1d(48, 48, 1500, 5, 2).Groups(48).Upsample(2).Mode(PaddingMode::kReflect).Formats(formats).Run();
  Layer1d(40, 33, 900, 5, 2).Upsample(2).Batch(2).Formats(formats).RunDeterminism();
}

TEST(Conv, ThreeAxes) {
  Layer3d(18, 20, 3, 4, 5, 3, 1).Run();
  Layer3d(5, 17, 2, 3, 4, 1, 0).Run();
  Layer3d(4, 4, 5, 4, 6, 2, 1).Dilation(2, 1, 3).Batch(2).Run();
  Layer3d(8, 12, 3, 3, 4, 3, 1).Groups(4).Run();
  Layer3d(17, 17, 3, 3, 5, 3, 1).Groups(17).Run();
  for (const PaddingMode mode : kModes) {
    Layer3d(5, 18, 3, 2, 4, 3, 1).Mode(mode).Run();
    Layer3d(4, 3, 2, 3, 4, 3, 1).Upsample(2, 2, 2).Mode(mode).Run();
    Layer3d(4, 18, 3, 2, 3, 5, 2).Upsample(2, 3, 2).Mode(mode).Run();
    Layer3d(4, 6, 2, 3, 3, 3, 2).Upsample(1, 2, 3).Mode(mode).Padding({1, 0, 2}, {0, 3, 1}).Run();
  }
  for (const ChannelOrder order : kOrders) {
    Layer3d(5, 24, 2, 3, 4, 3, 1).Shuffle(2, 2, 2).Order(order).Run();
    Layer3d(5, 36, 2, 3, 2, 3, 1).Shuffle(1, 2, 3).Upsample(2, 1, 1).Order(order).Run();
    Layer3d(6, 48, 2, 2, 3, 1, 0).Groups(3).Shuffle(2, 1, 2).Order(order).Run();
  }
  Layer3d(9, 20, 2, 2, 2, 3, 1).Batch(16).Run();
  Layer3d(7, 9, 3, 4, 5, 3, 1).Upsample(2, 2, 2).Batch(2).RunNonFinite(true);
  Layer3d(20, 33, 5, 9, 8, 3, 1).Batch(2).RunDeterminism();
}

// ---- Epilogue and prologue

// Every activation with constants and residuals; 19 channels have tails in every layout.
TEST(Conv, Epilogues) {
  for (int i = 0; i <= static_cast<int>(Activation::kHardSwish); ++i) {
    const auto activation = static_cast<Activation>(i);
    const auto plain = [&](int64_t oc) { return Layer(6, oc, 4, 5, 3, 1).LeakyRelu(0.25f).Activate(activation); };
    const auto nearest = [&](int64_t oc) {
      return Nearest(6, oc, 3, 4, 2, 3, 1).LeakyRelu(0.25f).Activate(activation);
    };
    const auto shuffled = [&](int64_t oc) {
      return Shuffled(6, oc, 3, 4, 2, 3, 1).LeakyRelu(0.25f).Activate(activation);
    };
    plain(19).Run();
    plain(3).Scale().Shift().NoBias().Run();
    nearest(19).Scale().Run();
    shuffled(19).Shift().Run();
    shuffled(3).Scale().Shift().Run();
    for (const Residual residual : {Residual::kBeforeActivation, Residual::kAfterActivation}) {
      plain(16).Residual(residual).Scale().Run();
      plain(19).Residual(residual, true).Run();
      nearest(35).Residual(residual).Scale().Shift().Batch(2).Run();
      nearest(3).Residual(residual, true).Run();
      shuffled(17).Residual(residual).Scale().Shift().Batch(2).Formats(AllFormatPairs()).Run();
      shuffled(3).Residual(residual, true).Shift().Run();
    }
  }
  // The constants are those of the output's channels, whatever the order is in which the shuffle takes them.
  for (const ChannelOrder order : kOrders) {
    const auto layer = [&](int64_t oc, int64_t r) {
      return Shuffled(4, oc, 3, 4, r, 3, 1).Order(order).Scale().Shift().Activate(Activation::kPRelu);
    };
    layer(1, 4).Run();
    layer(3, 4).Run();
    layer(5, 3).Residual(Residual::kAfterActivation).Run();
    layer(24, 2).Residual(Residual::kBeforeActivation).Run();
    layer(6, 2).Groups(2).Run();
    layer(5, 2).Groups(4).Run();  // one group for each offset of DCR
  }
  Layer(6, 6, 4, 5, 3, 1).Groups(6).Scale().Shift().Activate(Activation::kPRelu).Run();
  Layer(6, 12, 4, 5, 3, 1).Groups(6).Scale().Residual(Residual::kBeforeActivation).Run();
  Nearest(12, 6, 4, 5, 2, 3, 1).Groups(3).Scale().Shift().Activate(Activation::kSilu).Run();
  Layer(17, 18, 2, 2, 3, 1).Batch(19).Scale().Residual(Residual::kAfterActivation).Run();
  Layer1d(12, 18, 30, 3, 1).Upsample(2).Scale().Shift().Residual(Residual::kBeforeActivation).Run();
  Layer3d(5, 24, 2, 3, 4, 3, 1).Shuffle(2, 1, 2).Residual(Residual::kAfterActivation, true).Run();
  // Moves zeros and must not move tail lanes.
  Layer(6, 19, 4, 5, 3, 1).Clamp(1.0f, 6.0f).NoBias().Run();
  Shuffled(6, 5, 4, 5, 2, 3, 1).Clamp(1.0f, 6.0f).Run();
}

TEST(Conv, Prologues) {
  for (const Activation activation : {Activation::kRelu, Activation::kLeakyRelu}) {
    Layer(17, 19, 4, 5, 3, 1).Prologue(activation).Run();
    Nearest(5, 3, 4, 17, 2, 3, 1).Prologue(activation, -1.5f).Run();
    for (const PaddingMode mode : kBorderModes) Nearest(5, 18, 4, 5, 2, 5, 2).Mode(mode).Prologue(activation).Run();
    Shuffled(6, 6, 4, 5, 2, 3, 1).Prologue(activation, 2.0f).Relu().Run();
    Layer(6, 6, 4, 5, 3, 1).Groups(6).Prologue(activation).Run();
    Layer(6, 12, 4, 5, 3, 1).Groups(6).Prologue(activation, 2.0f).Run();
    Layer(16, 20, 2, 2, 3, 1).Batch(17).Prologue(activation).Run();
    Layer1d(20, 18, 30, 7, 3).Prologue(activation, 0.125f).Run();
    Layer3d(5, 6, 2, 3, 4, 3, 1).Prologue(activation).Run();
  }
  Layer(5, 6, 4, 5, 3, 1).Prologue(Activation::kRelu).RunNonFinite();
}

// ---- Tasks

// Boxes of tasks begin where they like: in the middle of the outputs of one input pixel.
TEST(Conv, ManyTasks) {
  const std::vector<FormatPair> formats = {{kNchw16c, kNchw16c}, {kNchw, kNchw}, {kNhwc, kNhwc}, {kNchw8c, kNhwc}};
  Layer(48, 40, 19, 25, 3, 1).Formats(formats).Run();
  Layer(64, 70, 17, 23, 1, 0).Formats(formats).Run();
  Layer(72, 80, 14, 15, 3, 1).Groups(2).Formats(formats).Run();
  Layer(80, 80, 30, 35, 3, 1).Groups(80).Formats(formats).Run();
  Layer(64, 3, 24, 32, 5, 2).Formats(formats).Run();
  Layer(60, 50, 4, 4, 3, 1).Batch(37).Formats(formats).Run();
  for (const PaddingMode mode : kModes) {
    Nearest(40, 36, 17, 13, 2, 3, 1).Mode(mode).Formats(formats).Run();
    Nearest(24, 20, 13, 15, 3, 5, 2).Mode(mode).Formats(formats).Run();
    Nearest(24, 3, 11, 12, 4, 7, 3).Mode(mode).Formats(formats).Run();
    Layer(32, 24, 13, 15, 3, 6).Dilation(6, 5).Mode(mode).Formats(formats).Run();
  }
  Nearest(40, 40, 13, 15, 2, 3, 1).Groups(40).Formats(formats).Run();
  Layer(40, 33, 11, 13, 3, 1).Upsample(3, 2).Formats(formats).Run();
  Shuffled(40, 12, 17, 13, 2, 3, 1).Formats(formats).Run();
  Shuffled(64, 3, 19, 17, 4, 3, 1).Formats(formats).Run();
  Shuffled(33, 5, 13, 11, 3, 3, 1).Mode(PaddingMode::kReflect).Formats(formats).Run();
  Shuffled(40, 3, 9, 11, 8, 1, 0).Order(ChannelOrder::kDcr).Formats(formats).Run();
  Shuffled(24, 8, 9, 11, 2, 3, 1).Upsample(3, 3).Formats(formats).Run();
  Layer1d(40000, 40000, 20, 9, 4).Groups(40000).Formats(formats).Run();  // too short a row to be cut
  Layer3d(40, 33, 7, 9, 10, 3, 1).Formats(formats).Run();
  Layer3d(24, 20, 5, 6, 7, 3, 1).Upsample(2, 2, 2).Formats(formats).Run();
}

TEST(Conv, BatchesOfSmallMaps) {
  for (const int64_t n : {2, 16, 17}) {
    for (const int64_t size : {1, 2, 3, 5}) {
      if (kSanitized && n == 16) continue;
      Layer(19, 17, size, size, 3, 1).Batch(n).Run();
      Nearest(16, 32, size, size, 2, 3, 1).Batch(n).Run();
      Shuffled(5, 3, size, size, 2, 3, 1).Batch(n).Run();
      Shuffled(8, 20, size, size, 2, 3, 1).Order(ChannelOrder::kDcr).Batch(n).Run();
    }
  }
  Layer(6, 6, 2, 3, 3, 1).Groups(6).Batch(17).Run();
  Layer(6, 24, 2, 3, 3, 1).Groups(3).Shuffle(2, 2).Batch(17).Run();
}

// Outputs too large for the caches may be stored past them, which has rules of alignment of its own.
TEST(Conv, OutputsLargerThanTheCaches) {
  const std::vector<FormatPair> formats = {{kNchw16c, kNchw16c}, {kNchw8c, kNchw8c}, {kNchw, kNchw}, {kNhwc, kNhwc}};
  Nearest(3, 20, 115, 121, 2, 3, 1).Formats(formats).Run();
  Shuffled(3, 5, 115, 121, 4, 1, 0).Formats(formats).Run();
  if (kSanitized) return;
  Layer(3, 33, 182, 180, 3, 1).Formats(formats).Relu().Run();
  Shuffled(6, 3, 150, 151, 4, 3, 1).Residual(Residual::kAfterActivation).Formats(formats).Run();
  Nearest(18, 18, 120, 130, 2, 3, 1).Groups(18).Mode(PaddingMode::kReflect).Formats(formats).Run();
}

// Layers of published networks with fewer channels and pixels.
TEST(Conv, RealLayers) {
  const std::vector<FormatPair> formats = {{kNchw16c, kNchw16c}, {kNchw8c, kNchw8c}, {kNchw, kNchw}, {kNhwc, kNhwc}};
  Layer(3, 64, 14, 17, 3, 1).Activate(Activation::kPRelu).Formats(formats).Run();  // SRVGG
  Layer(64, 64, 14, 17, 3, 1).Activate(Activation::kPRelu).Formats(formats).Run();
  Shuffled(64, 3, 14, 17, 4, 3, 1).Residual(Residual::kBeforeActivation).Formats(formats).Run();
  Shuffled(64, 3, 14, 17, 4, 3, 1).Residual(Residual::kAfterActivation, true).Formats(formats).Run();
  Layer(64, 128, 14, 15, 3, 0).LeakyRelu(0.125f).Formats(formats).Run();           // waifu2x
  Layer(1, 56, 12, 13, 5, 2).Activate(Activation::kPRelu).Formats(formats).Run();  // FSRCNN
  Layer(56, 12, 12, 13, 1, 0).Activate(Activation::kPRelu).Formats(formats).Run();
  Nearest(64, 64, 11, 12, 2, 3, 1).LeakyRelu(0.25f).Formats(formats).Run();                               // Real-ESRGAN
  Nearest(128, 64, 8, 9, 2, 3, 1).Formats(formats).Run();                                                 // VAE
  Nearest(64, 32, 10, 9, 2, 3, 1).Mode(PaddingMode::kReflect).Formats(formats).Run();                     // monodepth2
  Nearest(48, 3, 9, 10, 4, 3, 1).Formats(formats).Run();                                                  // ESRGAN-slim
  Shuffled(64, 64, 9, 10, 2, 3, 1).Formats(formats).Run();                                                // EDSR
  Shuffled(64, 16, 9, 10, 2, 1, 0).Residual(Residual::kAfterActivation).NoBias().Formats(formats).Run();  // NAFNet
}

// ---- What holds for every layer

TEST(Conv, NothingIsReadOrWrittenForAnEmptyBatch) {
  for (const std::string& target : SupportedTargets()) {
    ConvAttributes a;
    a.input_channels = 2;
    a.output_channels = 12;
    a.kernel = {3, 3};
    a.padding_begin = a.padding_end = {1, 1};
    a.upsample = {1, 2};
    a.shuffle = {2, 2};
    const std::vector<float> weights(2 * 12 * 9, 1.0f);
    const StatusOr<Operator> op = CreateConv(a, weights.data(), nullptr, OptionsFor(target));
    ASSERT_TRUE(op.ok()) << op.status().message();
    const StatusOr<Plan> plan = op->MakePlan(TensorDesc::Nchw(0, 2, 4, 5));
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(plan->output().n, 0);
    EXPECT_EQ(plan->output().c, 3);
    EXPECT_EQ(plan->output().size[0], 8);
    EXPECT_EQ(plan->output().size[1], 20);
    const std::vector<float> input(2 * 4 * 5, 1.0f);
    std::vector<float> output(3 * 8 * 20, -7.0f);
    const Status status = plan->Run(input.data(), output.data());
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(output, std::vector<float>(3 * 8 * 20, -7.0f));
    EXPECT_TRUE(plan->Run(nullptr, nullptr).ok()) << "an empty std::vector's data() is null";
  }
}

TEST(Conv, SameBitsForEveryThreadCountAndBatchPosition) {
  Layer(33, 35, 9, 10, 3, 1).Batch(3).RunDeterminism();
  Layer(17, 3, 9, 19, 3, 1).Batch(5).Relu().RunDeterminism();
  Layer(40, 24, 3, 3, 3, 1).Batch(17).RunDeterminism();
  Layer(12, 12, 6, 7, 3, 1).Groups(12).Batch(4).RunDeterminism();
  Nearest(33, 35, 9, 7, 2, 3, 1).Batch(3).RunDeterminism();
  Nearest(20, 17, 9, 7, 3, 5, 2).Mode(PaddingMode::kReflect).Batch(2).RunDeterminism();
  Shuffled(33, 9, 9, 7, 2, 3, 1).Batch(3).Residual(Residual::kAfterActivation).RunDeterminism();
  Shuffled(40, 3, 12, 13, 4, 3, 1).Batch(2).RunDeterminism();
}

TEST(Conv, NonFiniteInputsReachOnlyTheirOutputs) {
  Layer(17, 19, 6, 7, 3, 1).Batch(2).RunNonFinite();
  Layer(5, 3, 6, 17, 5, 2).RunNonFinite();
  Layer(16, 16, 6, 7, 1, 0).RunNonFinite();
  Layer(6, 6, 6, 7, 3, 1).Groups(6).RunNonFinite();
  Layer(12, 18, 6, 7, 3, 1).Groups(3).RunNonFinite();
  Layer(6, 4, 3, 3, 3, 1).Batch(9).RunNonFinite();
  Layer(5, 6, 7, 8, 3, 2).Dilation(2, 2).RunNonFinite();
  Shuffled(5, 6, 6, 7, 2, 3, 1).RunNonFinite();
  Shuffled(5, 3, 6, 7, 4, 3, 1).Order(ChannelOrder::kDcr).RunNonFinite();
  // Groups whose channels stay together in the output; where the shuffle mixes groups, a NaN reaches all of them.
  Layer(12, 24, 6, 7, 3, 1).Groups(3).Shuffle(2, 1).RunNonFinite();
  Layer(6, 24, 6, 7, 3, 1).Groups(6).Shuffle(2, 2).RunNonFinite();
  for (const PaddingMode mode : kModes) {
    Layer(5, 18, 6, 7, 3, 1).Mode(mode).RunNonFinite();
    for (int64_t s = 2; s <= 4; ++s) {
      for (const int64_t k : {2, 3, 5}) Nearest(5, 18, 5, 6, s, k, k / 2).Mode(mode).RunNonFinite(true);
      Nearest(6, 2, 5, 6, s, 3, 1).Mode(mode).Batch(2).RunNonFinite(true);
      Nearest(6, 6, 5, 6, s, 3, 1).Groups(6).Mode(mode).RunNonFinite();
    }
    Shuffled(5, 6, 5, 4, 2, 3, 1).Upsample(2, 2).Mode(mode).RunNonFinite(true);
  }
  // No activation makes a number of a NaN.
  Layer(5, 19, 6, 7, 3, 1).Relu().RunNonFinite();
  Nearest(5, 3, 6, 7, 2, 3, 1).LeakyRelu(0.5f).RunNonFinite(true);
  Shuffled(5, 18, 6, 7, 2, 3, 1).Clamp(-0.5f, 0.5f).RunNonFinite();
}

}  // namespace
}  // namespace polyphase::testing
