// Workloads: reads the table of real upsampling layers and computes the least that each of them costs.
#ifndef POLYPHASE_BENCH_WORKLOADS_H_
#define POLYPHASE_BENCH_WORKLOADS_H_

#include <array>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

namespace polyphase::bench {

// One row of workloads.tsv. Arrays hold one value per spatial axis in the order D, H, W (2-D: {H, W}); entries from
// `rank` on are unused. Fields of columns that are "-" keep the values below.
struct Workload {
  std::string id;
  std::string network;
  std::string op;
  int rank = 0;  // spatial axes: 1 (W), 2 (H W) or 3 (D H W)
  int64_t n = 0;
  int64_t input_channels = 0;
  int64_t output_channels = 0;  // of the op's own output; conv_pixel_shuffle: after the shuffle
  std::array<int64_t, 3> input{};
  std::array<int64_t, 3> kernel{1, 1, 1};
  std::array<int64_t, 3> stride{1, 1, 1};
  std::array<int64_t, 3> padding_begin{};
  std::array<int64_t, 3> padding_end{};
  std::array<int64_t, 3> output_padding{};
  std::array<int64_t, 3> dilation{1, 1, 1};
  int64_t groups = 1;
  bool bias = false;
  // The interpolation of a resize ("bilinear", ...), the channel order of a pixel shuffle ("block-major"), or the
  // padding of a convolution: "reflect", or zeros for "nearest" (its upsampling) and "-". Empty for "-".
  std::string mode;
  bool align_corners = false;
  int64_t factor = 0;             // column scale_or_size: "x2" gives 2; 0 when it is a size or "-"
  std::array<int64_t, 3> size{};  // column scale_or_size: "13x20" gives {13, 20}; 0 when it is a factor or "-"
  std::string epilogue;           // a remark that nothing depends on: what follows the op; empty for "-"
  std::string source;             // where the geometry comes from: owner/repository:path
};

// Reads a table: tab-separated, a line of column names, then a row per line. `name` stands for the table in messages.
// Throws std::runtime_error with one line that names the table, the line, the column, the value and the rule it breaks.
std::vector<Workload> ReadWorkloads(std::istream& table, const std::string& name);
std::vector<Workload> ReadWorkloadsFile(const std::string& path);

// Returns the row with maps of `factor` times the size, a power of 4: only W grows in a 1-D row, else H and W grow by
// the root.
Workload Grown(const Workload& workload, int64_t factor);

// Returns whether the op is a stride-1 convolution with an upsampling before it or a shuffle after it.
bool IsConv(const Workload& workload);

// Returns the number of values of the mask of a convex_upsample, and 0 for other ops.
int64_t MaskCount(const Workload& workload);
// Returns the spatial sizes of the op's output.
std::array<int64_t, 3> OutputSize(const Workload& workload);
// Returns the number of values of the output, of all images and channels.
double OutputCount(const Workload& workload);

// The cost of a row, whoever computes it. `flop` is twice the multiply-adds of the direct, unfused op that involve
// neither an inserted zero nor a cropped output (0 where data is only moved). Everybody splits a cubic resize into two
// passes, so it is counted that way where that is less. `bytes` counts every f32 tensor once, and indices as int32.
struct Cost {
  double flop = 0;
  double bytes = 0;
};
Cost CostOf(const Workload& workload);

}  // namespace polyphase::bench

#endif  // POLYPHASE_BENCH_WORKLOADS_H_
