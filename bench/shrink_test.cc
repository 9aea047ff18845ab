// Tests of Shrunk: what it keeps, that every row of the table comes out small, and that nothing is left to be halved
// where one does not.
#include "bench/shrink.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace polyphase::bench {
namespace {

constexpr double kLimit = 2e6;
using Sizes = std::array<int64_t, 3>;

std::vector<Workload> Table() { return ReadWorkloadsFile(POLYPHASE_WORKLOADS_TSV); }

Workload RowOf(const std::string& id) {
  for (const Workload& w : Table()) {
    if (w.id == id) return w;
  }
  ADD_FAILURE() << "no row " << id;
  return {};
}

TEST(Shrunk, KeepsWhatDecidesTheCode) {
  for (const Workload& w : Table()) {
    SCOPED_TRACE(w.id);
    const Workload small = Shrunk(w, kLimit);
    EXPECT_EQ(small.id, w.id);
    EXPECT_EQ(small.op, w.op);
    EXPECT_EQ(small.mode, w.mode);
    EXPECT_EQ(small.align_corners, w.align_corners);
    EXPECT_EQ(small.epilogue, w.epilogue);
    EXPECT_EQ(small.bias, w.bias);
    EXPECT_EQ(small.rank, w.rank);
    EXPECT_EQ(small.kernel, w.kernel);
    EXPECT_EQ(small.stride, w.stride);
    EXPECT_EQ(small.padding_begin, w.padding_begin);
    EXPECT_EQ(small.padding_end, w.padding_end);
    EXPECT_EQ(small.output_padding, w.output_padding);
    EXPECT_EQ(small.dilation, w.dilation);
    EXPECT_EQ(small.factor, w.factor);
    EXPECT_EQ(small.input_channels % 16, w.input_channels % 16);
    EXPECT_EQ(small.output_channels % 16, w.output_channels % 16);
    EXPECT_EQ(small.groups == small.input_channels, w.groups == w.input_channels);
    EXPECT_EQ(small.input[w.rank - 1] % 16, w.input[w.rank - 1] % 16);
    for (int axis = 0; axis < w.rank; ++axis) {
      EXPECT_EQ(small.input[axis] % 2, w.input[axis] % 2);
      EXPECT_LE(small.input[axis], w.input[axis]);
      EXPECT_GE(OutputSize(small)[axis], 1);
    }
    EXPECT_LE(small.n, w.n);
    EXPECT_GE(small.n, std::min<int64_t>(w.n, 16));
    EXPECT_GE(small.input_channels, std::min<int64_t>(w.input_channels, 32));
    EXPECT_GE(small.input[w.rank - 1], std::min<int64_t>(w.input[w.rank - 1], 16));
  }
}

TEST(Shrunk, IsSmall) {
  size_t over = 0;
  for (const Workload& w : Table()) {
    const Workload small = Shrunk(w, kLimit);
    EXPECT_LE(Work(small), Work(w)) << w.id;
    over += Work(small) > 8 * kLimit;
    // A row within the limit is halved no further than that needs.
    if (Work(small) <= kLimit && Work(w) > kLimit) {
      EXPECT_GT(Work(small), kLimit / 8) << w.id;
    }
  }
  EXPECT_LE(over, 2u);  // FCN's: kernels of 64 and 16
}

TEST(Shrunk, SmallRowsStay) {
  const Workload w = RowOf("yolov3tiny.up");
  const Workload small = Shrunk(w, kLimit);
  EXPECT_EQ(small.n, w.n);
  EXPECT_EQ(small.input_channels, w.input_channels);
  EXPECT_EQ(small.input, w.input);
}

TEST(Shrunk, HalvesWhatIsLargest) {
  const Workload small = Shrunk(RowOf("da2.vits.r1"), kLimit);  // 48x37x37 -> 48, 4x4 s4
  EXPECT_EQ(small.input_channels, 32);
  EXPECT_EQ(small.output_channels, 32);
  EXPECT_EQ(small.input, (Sizes{5, 21, 0}));
}

TEST(Shrunk, DepthwiseLayersHaveFewerGroups) {
  const Workload small = Shrunk(RowOf("bigvgan.act_up"), kLimit);
  EXPECT_LT(small.groups, 768);
  EXPECT_EQ(small.input_channels, small.groups);
  EXPECT_EQ(small.output_channels, small.groups);
}

TEST(Shrunk, GroupsKeepTheirNumberAndTheirRemainder) {
  Workload w = RowOf("unet.up1");
  w.groups = 4;
  w.input_channels = 4 * (256 + 5);
  w.output_channels = 4 * 128;
  const Workload small = Shrunk(w, kLimit);
  EXPECT_EQ(small.groups, 4);
  EXPECT_LT(small.input_channels, w.input_channels);
  EXPECT_EQ(small.input_channels % (4 * 16), 4 * 5);
  EXPECT_EQ(small.output_channels % (4 * 16), 0);
}

TEST(Shrunk, ShufflesKeepTheirBlocks) {
  for (const char* id : {"edsr.l.x4.ps", "rife46.b3.ps"}) {
    const Workload small = Shrunk(RowOf(id), kLimit / 4);
    EXPECT_EQ(small.input_channels, small.output_channels * small.factor * small.factor);
  }
  const Workload small = Shrunk(RowOf("yolov5.focus"), kLimit);
  EXPECT_EQ(small.output_channels, small.input_channels * 4);
  EXPECT_EQ(small.input[0] % 2, 0);
  EXPECT_EQ(small.input[1] % 2, 0);
}

TEST(Shrunk, SizesFollowTheInput) {
  const Workload pooled = Shrunk(RowOf("segnet.up4"), kLimit / 4);  // 23x30 -> 45x60: one row less than twice
  EXPECT_EQ(pooled.size[0], 2 * pooled.input[0] - 1);
  EXPECT_EQ(pooled.size[1], 2 * pooled.input[1]);
  const Workload doubled = Shrunk(RowOf("segformer.c2"), kLimit);  // 64x64 -> 128x128
  EXPECT_EQ(doubled.size, (Sizes{2 * doubled.input[0], 2 * doubled.input[1], 0}));
  const Workload odd = Shrunk(RowOf("da2.vits.out"), kLimit);  // 296 -> 518
  EXPECT_NEAR(static_cast<double>(odd.size[0]) / odd.input[0], 518.0 / 296, 0.02);
}

}  // namespace
}  // namespace polyphase::bench
