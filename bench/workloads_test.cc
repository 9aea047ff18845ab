// Tests of the workload table's reader (every rule has its message) and of the cost formulas (worked by hand).
#include "bench/workloads.h"

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#ifndef POLYPHASE_WORKLOADS_TSV
#define POLYPHASE_WORKLOADS_TSV "bench/workloads.tsv"  // when run from the top of the checkout
#endif

namespace polyphase::bench {
namespace {

constexpr char kHeader[] =
    "id network op N Cin D H W Cout kernel stride padding output_padding dilation groups bias mode align_corners "
    "scale_or_size epilogue source";

// Reads a table of the given lines, in which blanks separate the columns.
std::vector<Workload> Read(const std::vector<std::string>& lines) {
  std::string text;
  for (std::string line : lines) {
    for (char& c : line) c = c == ' ' ? '\t' : c;
    text += line + "\n";
  }
  std::istringstream table(text);
  return ReadWorkloads(table, "table.tsv");
}

Workload ReadOne(const std::string& row) { return Read({kHeader, row}).at(0); }

std::string ErrorOf(const std::vector<std::string>& lines) {
  try {
    Read(lines);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

std::string ErrorOfRow(const std::string& row) { return ErrorOf({kHeader, row}); }

TEST(Workloads, ReadsEveryColumn) {
  const Workload w =
      ReadOne("a.b net conv_transpose3d 2 12 3 4 5 8 1x2x3 4x5x6 0:1x2x3:0 1x2x3 1x2x1 4 1 - - - relu o/r:p");
  EXPECT_EQ(w.id, "a.b");
  EXPECT_EQ(w.network, "net");
  EXPECT_EQ(w.op, "conv_transpose3d");
  EXPECT_EQ(w.rank, 3);
  EXPECT_EQ(w.n, 2);
  EXPECT_EQ(w.input_channels, 12);
  EXPECT_EQ(w.output_channels, 8);
  using Sizes = std::array<int64_t, 3>;
  EXPECT_EQ(w.input, (Sizes{3, 4, 5}));
  EXPECT_EQ(w.kernel, (Sizes{1, 2, 3}));
  EXPECT_EQ(w.stride, (Sizes{4, 5, 6}));
  EXPECT_EQ(w.padding_begin, (Sizes{0, 2, 3}));
  EXPECT_EQ(w.padding_end, (Sizes{1, 2, 0}));
  EXPECT_EQ(w.output_padding, (Sizes{1, 2, 3}));
  EXPECT_EQ(w.dilation, (Sizes{1, 2, 1}));
  EXPECT_EQ(w.groups, 4);
  EXPECT_TRUE(w.bias);
  EXPECT_EQ(w.mode, "");
  EXPECT_EQ(w.epilogue, "relu");
  EXPECT_EQ(w.source, "o/r:p");
  EXPECT_EQ(OutputSize(w), (Sizes{2 * 4 + 1 - 0 - 1 + 1, 3 * 5 + 3 - 4 + 2, 4 * 6 + 3 - 3 + 3}));

  const Workload resize = ReadOne("r - resize 1 3 - 4 6 3 - - - - - - - bilinear 1 5x9 - -");
  EXPECT_EQ(resize.rank, 2);
  EXPECT_EQ(resize.mode, "bilinear");
  EXPECT_TRUE(resize.align_corners);
  EXPECT_EQ(resize.factor, 0);
  EXPECT_EQ(OutputSize(resize), (Sizes{5, 9, 0}));
  EXPECT_EQ(OutputSize(ReadOne("r - resize 1 3 - 4 6 3 - - - - - - - nearest - x3 - -")), (Sizes{12, 18, 0}));
  EXPECT_EQ(OutputSize(ReadOne("r - pixel_unshuffle 1 3 - 4 6 12 - - - - - - - - - x2 - -")), (Sizes{2, 3, 0}));
}

TEST(Workloads, ErrorsNameLineColumnValueAndRule) {
  const std::string good = "a - resize 1 3 - 4 6 3 - - - - - - - nearest - x2 - -";
  EXPECT_EQ(ErrorOf({kHeader, good}), "no error");
  EXPECT_EQ(ErrorOf({kHeader + std::string("\r"), good + "\r", ""}), "no error");
  EXPECT_EQ(ErrorOf({}), "table.tsv: has no rows");
  EXPECT_EQ(ErrorOf({kHeader}), "table.tsv: has no rows");
  EXPECT_EQ(ErrorOf({kHeader, good, "b - resize"}), "table.tsv:3: 3 columns, must be 21");
  EXPECT_EQ(ErrorOf({kHeader, good, good}), "table.tsv:3: column 'id' is 'a', which an earlier row has already");
  EXPECT_EQ(ErrorOf({good, good}), "table.tsv:1: column 'id' is 'a', must be 'id' in the line of column names");
  EXPECT_EQ(ErrorOfRow("- - resize 1 3 - 4 6 3 - - - - - - - nearest - x2 - -"),
            "table.tsv:2: column 'id' is '-', must be a name");
  EXPECT_EQ(ErrorOfRow("a - deconv 1 3 - 4 6 3 - - - - - - - nearest - x2 - -"),
            "table.tsv:2: column 'op' is 'deconv', which is no known op");
  EXPECT_EQ(ErrorOfRow("a - conv_transpose2d 1 3 - - 6 3 2 2 0 0 1 1 1 - - - - -"),
            "table.tsv:2: column 'op' is 'conv_transpose2d', which has 2 spatial axes, not 1");
  EXPECT_EQ(ErrorOfRow("a - resize 1 3 5 - 6 3 - - - - - - - nearest - x2 - -"),
            "table.tsv:2: column 'H' is '-', must be given where 'D' is");
  for (const char* n : {"0", "-1", "1.5", "x", "2147483648", "99999999999999999999"}) {
    EXPECT_EQ(
        ErrorOfRow("a - resize " + std::string(n) + " 3 - 4 6 3 - - - - - - - nearest - x2 - -"),
        "table.tsv:2: column 'N' is '" + std::string(n) + "', must be made of whole numbers from 1 to 2147483647");
  }
  EXPECT_EQ(ErrorOfRow("a - conv_transpose2d 1 3 - 4 6 3 2x2 2 0x0 0x0 1x1 1 1 - - - - -"),
            "table.tsv:2: column 'stride' is '2', must have one number for each of the 2 spatial axes");
  EXPECT_EQ(ErrorOfRow("a - conv_transpose2d 1 3 - 4 6 3 2x2 2x2 0x0:1:2 0x0 1x1 1 1 - - - - -"),
            "table.tsv:2: column 'padding' is '0x0:1:2', must have one 'n' or 'begin:end' per axis");
  EXPECT_EQ(ErrorOfRow("a - conv_transpose2d 1 3 - 4 6 3 2x2 2x2 0x0 0x0 1x1 1 - - - - - -"),
            "table.tsv:2: column 'bias' is '-', must be given for op 'conv_transpose2d'");
  EXPECT_EQ(ErrorOfRow("a - conv_transpose2d 1 3 - 4 6 3 2x2 2x2 0x0 0x0 1x1 1 yes - - - - -"),
            "table.tsv:2: column 'bias' is 'yes', must be 0 or 1");
  EXPECT_EQ(ErrorOfRow("a - conv_transpose2d 1 3 - 4 6 4 2x2 2x2 0x0 0x0 1x1 2 1 - - - - -"),
            "table.tsv:2: column 'groups' is '2', must divide Cin and Cout");
  EXPECT_EQ(ErrorOfRow("a - conv_transpose2d 1 3 - 1 1 3 2x2 2x2 1x1 0x0 1x1 1 1 - - - - -"),
            "table.tsv:2: column 'padding' is '1x1', which leaves no output");
  EXPECT_EQ(ErrorOfRow("a - resize 1 3 - 4 6 3 - - - - - - - nearest - - - -"),
            "table.tsv:2: column 'scale_or_size' is '-', must be a factor 'xR' or a size for op 'resize'");
  EXPECT_EQ(ErrorOfRow("a - pixel_shuffle 1 4 - 4 6 1 - - - - - - - - - 8x12 - -"),
            "table.tsv:2: column 'scale_or_size' is '8x12', must be a factor 'xR' for op 'pixel_shuffle'");
  EXPECT_EQ(ErrorOfRow("a - pixel_shuffle 1 4 - 4 6 2 - - - - - - - - - x2 - -"),
            "table.tsv:2: column 'Cout' is '2', must be Cin / (R * R)");
  EXPECT_EQ(ErrorOfRow("a - pixel_unshuffle 1 1 - 4 6 2 - - - - - - - - - x2 - -"),
            "table.tsv:2: column 'Cout' is '2', must be Cin * R * R");
  EXPECT_EQ(ErrorOfRow("a - pixel_unshuffle 1 1 - 4 5 4 - - - - - - - - - x2 - -"),
            "table.tsv:2: column 'scale_or_size' is 'x2', must divide H and W");
  EXPECT_EQ(ErrorOfRow("a - resize 1 3 - 4 6 2 - - - - - - - nearest - x2 - -"),
            "table.tsv:2: column 'Cout' is '2', must be Cin for op 'resize'");
  EXPECT_EQ(ErrorOfRow("a - conv_transpose2d 1 3 - 4 6 3 2x2 2x2 0x0 0x0 1x1 1 1 bilinear - - - -"),
            "table.tsv:2: column 'mode' is 'bilinear', must be '-' for op 'conv_transpose2d'");
  EXPECT_EQ(ErrorOfRow("a - resize 1 3 - 4 6 3 3x3 - - - - - - nearest - x2 - -"),
            "table.tsv:2: column 'kernel' is '3x3', must be '-' for op 'resize'");
  EXPECT_EQ(ErrorOfRow("a - conv_pixel_shuffle 1 3 - 4 6 3 3x3 2x2 1x1 - 1x1 1 1 - - x2 - -"),
            "table.tsv:2: column 'stride' is '2x2', must be 1 for op 'conv_pixel_shuffle'");
  EXPECT_EQ(
      ErrorOfRow("a - conv_pixel_shuffle 1 3 - 4 6 3 3x3 1x1 0x0 - 1x1 1 1 - - x2 - -"),
      "table.tsv:2: column 'padding' is '0x0', must keep the map's size: dilation * (kernel - 1) at begin and end "
      "together");
  EXPECT_EQ(ErrorOfRow("a - nearest_conv3x3 1 3 - 4 6 3 3x3 1x1 1x1 - 1x1 1 1 linear - x2 - -"),
            "table.tsv:2: column 'mode' is 'linear', must be nearest, reflect or '-' for op 'nearest_conv3x3'");
  EXPECT_THROW(ReadWorkloadsFile("/nonexistent/table.tsv"), std::runtime_error);
}

// Counts pairs as the definition says, one by one, to check the closed form.
double CountedPairs(int64_t in, int64_t out, int64_t k, int64_t s, int64_t p, int64_t d) {
  double pairs = 0;
  for (int64_t i = 0; i < in; ++i) {
    for (int64_t t = 0; t < k; ++t) pairs += i * s - p + t * d >= 0 && i * s - p + t * d < out;
  }
  return pairs;
}

TEST(Workloads, ConvTransposeFlopCountsOnlyPairsThatMeetAnOutput) {
  Workload w = ReadOne("a - conv_transpose1d 1 1 - - 5 1 1 1 0 0 1 1 0 - - - - -");
  int cases = 0;
  for (w.kernel[0] = 1; w.kernel[0] <= 4; ++w.kernel[0]) {
    for (w.stride[0] = 1; w.stride[0] <= 4; ++w.stride[0]) {
      for (w.dilation[0] = 1; w.dilation[0] <= 3; ++w.dilation[0]) {
        for (w.padding_begin[0] = 0; w.padding_begin[0] <= 6; ++w.padding_begin[0]) {
          for (w.padding_end[0] = 0; w.padding_end[0] <= 6; ++w.padding_end[0]) {
            const int64_t out = OutputSize(w)[0];
            if (out < 1) continue;
            ++cases;
            ASSERT_EQ(CostOf(w).flop,
                      2 * CountedPairs(5, out, w.kernel[0], w.stride[0], w.padding_begin[0], w.dilation[0]))
                << "k " << w.kernel[0] << " s " << w.stride[0] << " d " << w.dilation[0] << " p " << w.padding_begin[0]
                << ":" << w.padding_end[0];
          }
        }
      }
    }
  }
  EXPECT_GT(cases, 1000);
}

TEST(Workloads, CostFormulas) {
  // 4x4 s2 p1 on 8x8: of 8 * 4 pairs per axis, the padding crops one at each end. Depthwise with bias.
  Cost cost = CostOf(ReadOne("a - conv_transpose2d 3 6 - 8 8 6 4x4 2x2 1x1 0x0 1x1 6 1 - - - - -"));
  EXPECT_EQ(cost.flop, 2.0 * 3 * 6 * 1 * 30 * 30);
  EXPECT_EQ(cost.bytes, 4.0 * (3 * 6 * 8 * 8 + 6 * 1 * 4 * 4 + 6 + 3 * 6 * 16 * 16));
  // Dense, 2x2 s2: no overlap, no crop, no bias.
  cost = CostOf(ReadOne("a - conv_transpose2d 1 5 - 8 7 3 2x2 2x2 0x0 0x0 1x1 1 0 - - - - -"));
  EXPECT_EQ(cost.flop, 2.0 * 5 * 3 * 16 * 14);
  EXPECT_EQ(cost.bytes, 4.0 * (5 * 8 * 7 + 5 * 3 * 2 * 2 + 3 * 16 * 14));

  const double in = 2 * 3 * 4 * 6, out = 2 * 3 * 8 * 12;
  const auto resize = [](const std::string& op, const std::string& mode) {
    return CostOf(ReadOne("a - " + op + " 2 3 - 4 6 3 - - - - - - - " + mode + " 0 x2 - -"));
  };
  EXPECT_EQ(resize("resize", "nearest").flop, 0);
  EXPECT_EQ(resize("resize", "bilinear").flop, 8 * out);
  EXPECT_EQ(resize("resize", "bicubic").flop, (8 + 8 * 4.0 / 8) * out);
  EXPECT_EQ(resize("resize", "bicubic").bytes, 4 * (in + out));
  EXPECT_EQ(resize("resize_add", "bilinear").flop, 9 * out);
  EXPECT_EQ(resize("resize_add", "bilinear").bytes, 4 * (in + 2 * out));
  EXPECT_THROW(resize("resize", "lanczos"), std::runtime_error);
  // Shrinking by 5, two passes would do more than the direct sum of 16 taps.
  EXPECT_EQ(CostOf(ReadOne("a - resize 1 1 - 10 10 1 - - - - - - - bicubic 0 2x2 - -")).flop, 32.0 * 4);
  EXPECT_EQ(CostOf(ReadOne("a - resize 1 1 2 3 4 1 - - - - - - - trilinear 0 x2 - -")).flop, 16.0 * 24 * 8);

  cost = CostOf(ReadOne("a - pixel_shuffle 1 18 - 4 6 2 - - - - - - - - - x3 - -"));
  EXPECT_EQ(cost.flop, 0);
  EXPECT_EQ(cost.bytes, 4.0 * 2 * 18 * 4 * 6);
  cost = CostOf(ReadOne("a - max_unpool 1 2 - 4 6 2 2x2 2x2 0x0 - - - - - - 9x13 - -"));
  EXPECT_EQ(cost.flop, 0);
  EXPECT_EQ(cost.bytes, 4.0 * (2 * (2 * 4 * 6) + 2 * 9 * 13));
  cost = CostOf(ReadOne("a - convex_upsample 2 3 - 4 6 3 - - - - - - - - - x5 - -"));
  EXPECT_EQ(cost.flop, 18.0 * 2 * 3 * 20 * 30);
  EXPECT_EQ(cost.bytes, 4.0 * 2 * (3 * 4 * 6 + 9 * 25 * 4 * 6 + 3 * 20 * 30));
  cost = CostOf(ReadOne("a - nearest_conv3x3 1 5 - 4 6 7 3x3 1x1 1x1 - 1x1 1 1 nearest - x2 - -"));
  EXPECT_EQ(cost.flop, 2.0 * 5 * 7 * 9 * 4 * 4 * 6);
  EXPECT_EQ(cost.bytes, 4.0 * (5 * 4 * 6 + 9 * 5 * 7 + 7 * 4 * 4 * 6));
  cost = CostOf(ReadOne("a - conv_pixel_shuffle 1 5 - 4 6 7 3x3 1x1 1x1 - 1x1 1 1 - - x2 - -"));
  EXPECT_EQ(cost.flop, 2.0 * 5 * 7 * 4 * 9 * 4 * 6);
  EXPECT_EQ(cost.bytes, 4.0 * (5 * 4 * 6 + 9 * 5 * 7 * 4 + 7 * 4 * 4 * 6));
}

// The suite's own table: rows whose GFLOP and MB were worked out independently, rounded to 0.001 and 0.01.
TEST(Workloads, GrownRowsHaveSoManyTimesTheOutputs) {
  const std::vector<Workload> rows = Read({kHeader, "a n conv_transpose1d 2 8 - - 50 4 4 2 1 0 1 1 1 - - - - s",
                                           "b n resize 1 3 - 10 20 3 - - - - - - - bilinear 0 15x25 - s",
                                           "c n resize 1 3 4 10 20 3 - - - - - - - trilinear 0 x2 - s",
                                           "d n max_unpool 1 8 - 6 7 8 2x2 2x2 0x0 - - - - - - 12x15 - s"});
  for (const Workload& row : rows) {
    EXPECT_EQ(OutputCount(Grown(row, 1)), OutputCount(row)) << row.id;
    EXPECT_EQ(OutputCount(Grown(row, 4)), OutputCount(row) * 4) << row.id;
    EXPECT_EQ(OutputCount(Grown(row, 16)), OutputCount(row) * 16) << row.id;
  }
  EXPECT_EQ(OutputCount(rows[0]), 2 * 4 * 100);
  using Sizes = std::array<int64_t, 3>;
  EXPECT_EQ(Grown(rows[0], 4).input, (Sizes{200, 0, 0}));
  EXPECT_EQ(Grown(rows[1], 4).input, (Sizes{20, 40, 0}));
  EXPECT_EQ(Grown(rows[1], 4).size, (Sizes{30, 50, 0}));
  EXPECT_EQ(Grown(rows[2], 16).input, (Sizes{4, 40, 80}));
}

TEST(Workloads, TableOfTheSuite) {
  const std::vector<Workload> workloads = ReadWorkloadsFile(POLYPHASE_WORKLOADS_TSV);
  EXPECT_GE(workloads.size(), 202u);
  const auto cost = [&workloads](const std::string& id) {
    for (const Workload& w : workloads) {
      if (w.id == id) return CostOf(w);
    }
    throw std::runtime_error("no row '" + id + "'");
  };
  for (const Workload& w : workloads) EXPECT_GT(CostOf(w).bytes, 0) << w.id;
  EXPECT_NEAR(cost("dcgan.g3").flop, 3.775e9, 5e5);
  EXPECT_NEAR(cost("dcgan.g3").bytes, 14.68e6, 5e3);
  EXPECT_NEAR(cost("centernet.dla.ida2").flop, 0.008e9, 5e5);
  EXPECT_NEAR(cost("unet.up4").flop, 4.295e9, 5e5);
  EXPECT_NEAR(cost("unet.up4").bytes, 100.79e6, 5e3);
  EXPECT_NEAR(cost("sd.vae.up3").flop, 77.309e9, 5e5);
  EXPECT_NEAR(cost("sd.vae.up3").bytes, 51.38e6, 5e3);
  EXPECT_NEAR(cost("encodec.u1").flop, 0.393e9, 5e5);
  EXPECT_NEAR(cost("resunet3d.up1").flop, 2.672e9, 5e5);
  EXPECT_NEAR(cost("segresnet.up2").bytes, 285.21e6, 5e3);
  EXPECT_NEAR(cost("espcn.x3").flop, 1.194e9, 5e5);
}

}  // namespace
}  // namespace polyphase::bench
