// Workloads: the grammar of the table, and the formulas of FLOP and bytes per op.
#include "bench/workloads.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace polyphase::bench {
namespace {

// clang-format off
enum Column {
  kId, kNetwork, kOp, kN, kCin, kD, kH, kW, kCout, kKernel, kStride, kPadding, kOutputPadding, kDilation, kGroups,
  kBias, kMode, kAlignCorners, kScaleOrSize, kEpilogue, kSource, kNumColumns
};
constexpr std::string_view kColumnNames[kNumColumns] = {
  "id", "network", "op", "N", "Cin", "D", "H", "W", "Cout", "kernel", "stride", "padding", "output_padding", "dilation",
  "groups", "bias", "mode", "align_corners", "scale_or_size", "epilogue", "source"};
// clang-format on

// Says what an op needs besides id, op, N, Cin, W and Cout, and what it may have.
struct OpRule {
  std::string_view op;
  int rank;  // 0: any
  std::vector<Column> columns;
  std::vector<Column> optional;
  enum { kFactor, kSize, kEither, kNeither } scale_or_size;
};

const OpRule* FindRule(std::string_view op) {
  static const std::vector<Column> kTransposed = {kKernel,   kStride, kPadding, kOutputPadding,
                                                  kDilation, kGroups, kBias};
  static const std::vector<Column> kConvolution = {kKernel, kStride, kPadding, kDilation, kGroups, kBias};
  static const std::vector<OpRule> kRules = {
      {"conv_transpose1d", 1, kTransposed, {}, OpRule::kNeither},
      {"conv_transpose2d", 2, kTransposed, {}, OpRule::kNeither},
      {"conv_transpose3d", 3, kTransposed, {}, OpRule::kNeither},
      {"resize", 0, {kMode}, {kAlignCorners}, OpRule::kEither},
      {"resize_add", 0, {kMode}, {kAlignCorners}, OpRule::kEither},
      {"pixel_shuffle", 2, {}, {kMode}, OpRule::kFactor},
      {"pixel_unshuffle", 2, {}, {kMode}, OpRule::kFactor},
      {"convex_upsample", 2, {}, {}, OpRule::kFactor},
      {"max_unpool", 2, {kKernel, kStride, kPadding}, {}, OpRule::kSize},
      {"nearest_conv3x3", 2, kConvolution, {kMode}, OpRule::kFactor},
      {"conv_pixel_shuffle", 2, kConvolution, {kMode}, OpRule::kFactor},
  };
  const auto rule = std::find_if(kRules.begin(), kRules.end(), [op](const OpRule& r) { return r.op == op; });
  return rule == kRules.end() ? nullptr : &*rule;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

// One line of the table, with the checks and messages that every column shares.
class Row {
 public:
  Row(std::string_view line, std::string where) : fields_(Split(line, '\t')), where_(std::move(where)) {
    if (fields_.size() != kNumColumns) {
      throw std::runtime_error(where_ + ": " + std::to_string(fields_.size()) + " columns, must be " +
                               std::to_string(kNumColumns));
    }
  }

  std::string_view operator[](Column column) const { return fields_[column]; }
  bool Has(Column column) const { return fields_[column] != "-"; }
  std::string Text(Column column) const { return Has(column) ? std::string(fields_[column]) : std::string(); }

  [[noreturn]] void Fail(Column column, const std::string& rule) const {
    throw std::runtime_error(where_ + ": column '" + std::string(kColumnNames[column]) + "' is '" +
                             std::string(fields_[column]) + "', " + rule);
  }

  int64_t Number(Column column, int64_t lowest) const { return Number(column, fields_[column], lowest); }

  // Parses a whole number of at most 2^31 - 1, so that sums and products of two of them cannot overflow.
  int64_t Number(Column column, std::string_view text, int64_t lowest) const {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < lowest ||
        value > std::numeric_limits<int32_t>::max()) {
      Fail(column, "must be made of whole numbers from " + std::to_string(lowest) + " to 2147483647");
    }
    return value;
  }

  // Parses "AxB", with one number per spatial axis.
  std::array<int64_t, 3> PerAxis(Column column, int rank, int64_t lowest) const {
    std::array<int64_t, 3> values{};
    const std::vector<std::string_view> parts = SplitPerAxis(column, rank);
    for (int axis = 0; axis < rank; ++axis) values[axis] = Number(column, parts[axis], lowest);
    return values;
  }

  // Does what PerAxis does, but each number may be a pair "begin:end".
  void Padding(int rank, std::array<int64_t, 3>& begin, std::array<int64_t, 3>& end) const {
    const std::vector<std::string_view> parts = SplitPerAxis(kPadding, rank);
    for (int axis = 0; axis < rank; ++axis) {
      const std::vector<std::string_view> pair = Split(parts[axis], ':');
      if (pair.size() > 2) Fail(kPadding, "must have one 'n' or 'begin:end' per axis");
      begin[axis] = Number(kPadding, pair.front(), 0);
      end[axis] = Number(kPadding, pair.back(), 0);
    }
  }

  bool Flag(Column column) const {
    if (fields_[column] != "0" && fields_[column] != "1") Fail(column, "must be 0 or 1");
    return fields_[column] == "1";
  }

 private:
  std::vector<std::string_view> SplitPerAxis(Column column, int rank) const {
    std::vector<std::string_view> parts = Split(fields_[column], 'x');
    if (parts.size() != static_cast<size_t>(rank)) {
      Fail(column, "must have one number for each of the " + std::to_string(rank) + " spatial axes");
    }
    return parts;
  }

  std::vector<std::string_view> fields_;
  std::string where_;
};

Workload Parse(const Row& row) {
  Workload w;
  if (!row.Has(kId) || row[kId].empty()) row.Fail(kId, "must be a name");
  w.id = row[kId];
  w.network = row.Text(kNetwork);
  w.op = row[kOp];
  const OpRule* const rule = FindRule(w.op);
  if (rule == nullptr) row.Fail(kOp, "which is no known op");

  w.n = row.Number(kN, 1);
  w.input_channels = row.Number(kCin, 1);
  w.output_channels = row.Number(kCout, 1);
  if (row.Has(kD) && !row.Has(kH)) row.Fail(kH, "must be given where 'D' is");
  for (const Column axis : {kD, kH, kW}) {
    if (axis == kW || row.Has(axis)) w.input[w.rank++] = row.Number(axis, 1);
  }
  if (rule->rank != 0 && w.rank != rule->rank) {
    row.Fail(kOp, "which has " + std::to_string(rule->rank) + " spatial axes, not " + std::to_string(w.rank));
  }
  for (const Column column : rule->columns) {
    if (!row.Has(column)) row.Fail(column, "must be given for op '" + w.op + "'");
  }
  for (int i = kKernel; i <= kAlignCorners; ++i) {
    const auto has = [&](const std::vector<Column>& columns) {
      return std::find(columns.begin(), columns.end(), Column(i)) != columns.end();
    };
    if (row.Has(Column(i)) && !has(rule->columns) && !has(rule->optional)) {
      row.Fail(Column(i), "must be '-' for op '" + w.op + "'");
    }
  }

  if (row.Has(kKernel)) w.kernel = row.PerAxis(kKernel, w.rank, 1);
  if (row.Has(kStride)) w.stride = row.PerAxis(kStride, w.rank, 1);
  if (row.Has(kPadding)) row.Padding(w.rank, w.padding_begin, w.padding_end);
  if (row.Has(kOutputPadding)) w.output_padding = row.PerAxis(kOutputPadding, w.rank, 0);
  if (row.Has(kDilation)) w.dilation = row.PerAxis(kDilation, w.rank, 1);
  if (row.Has(kGroups)) w.groups = row.Number(kGroups, 1);
  if (row.Has(kBias)) w.bias = row.Flag(kBias);
  w.mode = row.Text(kMode);
  if (row.Has(kAlignCorners)) w.align_corners = row.Flag(kAlignCorners);
  if (row[kScaleOrSize].substr(0, 1) == "x") {
    w.factor = row.Number(kScaleOrSize, row[kScaleOrSize].substr(1), 1);
  } else if (row.Has(kScaleOrSize)) {
    w.size = row.PerAxis(kScaleOrSize, w.rank, 1);
  }
  w.epilogue = row.Text(kEpilogue);
  w.source = row.Text(kSource);

  const bool has_size = w.size[0] != 0;
  if ((rule->scale_or_size == OpRule::kFactor && w.factor == 0) ||
      (rule->scale_or_size == OpRule::kSize && !has_size) ||
      (rule->scale_or_size == OpRule::kEither && w.factor == 0 && !has_size) ||
      (rule->scale_or_size == OpRule::kNeither && row.Has(kScaleOrSize))) {
    static constexpr const char* kForms[] = {"a factor 'xR'", "a size", "a factor 'xR' or a size", "'-'"};
    row.Fail(kScaleOrSize, std::string("must be ") + kForms[rule->scale_or_size] + " for op '" + w.op + "'");
  }
  if (w.input_channels % w.groups != 0 || w.output_channels % w.groups != 0) {
    row.Fail(kGroups, "must divide Cin and Cout");
  }
  const int64_t block = w.factor * w.factor;
  if (w.op == "pixel_shuffle" && w.input_channels != w.output_channels * block) {
    row.Fail(kCout, "must be Cin / (R * R)");
  }
  if (w.op == "pixel_unshuffle") {
    if (w.output_channels != w.input_channels * block) row.Fail(kCout, "must be Cin * R * R");
    if (w.input[0] % w.factor != 0 || w.input[1] % w.factor != 0) row.Fail(kScaleOrSize, "must divide H and W");
  }
  if ((rule->scale_or_size == OpRule::kEither || rule->scale_or_size == OpRule::kSize || w.op == "convex_upsample") &&
      w.input_channels != w.output_channels) {
    row.Fail(kCout, "must be Cin for op '" + w.op + "'");
  }
  if (IsConv(w)) {
    if (!w.mode.empty() && w.mode != "nearest" && w.mode != "reflect") {
      row.Fail(kMode, "must be nearest, reflect or '-' for op '" + w.op + "'");
    }
    for (int axis = 0; axis < w.rank; ++axis) {
      if (w.stride[axis] != 1) row.Fail(kStride, "must be 1 for op '" + w.op + "'");
      if (w.padding_begin[axis] + w.padding_end[axis] != w.dilation[axis] * (w.kernel[axis] - 1)) {
        row.Fail(kPadding, "must keep the map's size: dilation * (kernel - 1) at begin and end together");
      }
    }
  }
  const std::array<int64_t, 3> output = OutputSize(w);
  if (std::any_of(output.begin(), output.begin() + w.rank, [](int64_t size) { return size < 1; })) {
    row.Fail(kPadding, "which leaves no output");
  }
  return w;
}

double Product(const std::array<int64_t, 3>& values, int rank) {
  double product = 1;
  for (int axis = 0; axis < rank; ++axis) product *= static_cast<double>(values[axis]);
  return product;
}

// Counts the pairs of an input and a kernel element that meet an output on this axis, and not those that the padding
// crops.
double Taps(const Workload& w, int axis, int64_t output) {
  double taps = 0;
  for (int64_t k = 0; k < w.kernel[axis]; ++k) {
    const int64_t offset = w.padding_begin[axis] - k * w.dilation[axis];  // 0 <= i * stride - offset < output
    const int64_t first = offset <= 0 ? 0 : (offset + w.stride[axis] - 1) / w.stride[axis];
    const int64_t top = output - 1 + offset;
    if (top < 0) continue;
    const int64_t last = std::min(w.input[axis] - 1, top / w.stride[axis]);
    if (last >= first) taps += static_cast<double>(last - first + 1);
  }
  return taps;
}

// Returns the FLOP per output value of a resize. An antialiased one is counted with the taps of its plain mode.
double ResizeFlop(const Workload& w, const std::array<int64_t, 3>& output) {
  if (w.mode == "nearest") return 0;
  if (w.mode == "linear") return 4;
  if (w.mode == "bilinear" || w.mode == "bilinear_antialias") return 8;
  if (w.mode == "trilinear") return 16;
  if (w.mode == "bicubic") {
    return std::min(32.0, 8 + 8 * static_cast<double>(w.input[0]) / static_cast<double>(output[0]));
  }
  throw std::runtime_error("workload '" + w.id + "': mode '" + w.mode + "' has no cost formula");
}

}  // namespace

std::vector<Workload> ReadWorkloads(std::istream& table, const std::string& name) {
  std::vector<Workload> workloads;
  std::set<std::string> ids;
  std::string line;
  for (int number = 1; std::getline(table, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();  // as some editors and spreadsheets end lines
    if (line.empty() && number > 1) continue;
    const Row row(line, name + ":" + std::to_string(number));
    if (number == 1) {
      for (int column = 0; column < kNumColumns; ++column) {
        if (row[Column(column)] != kColumnNames[column]) {
          row.Fail(Column(column), "must be '" + std::string(kColumnNames[column]) + "' in the line of column names");
        }
      }
      continue;
    }
    workloads.push_back(Parse(row));
    if (!ids.insert(workloads.back().id).second) row.Fail(kId, "which an earlier row has already");
  }
  if (table.bad()) throw std::runtime_error(name + ": cannot be read");
  if (workloads.empty()) throw std::runtime_error(name + ": has no rows");
  return workloads;
}

std::vector<Workload> ReadWorkloadsFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot be opened (name the table with --workloads)");
  return ReadWorkloads(file, path);
}

bool IsConv(const Workload& w) { return w.op == "nearest_conv3x3" || w.op == "conv_pixel_shuffle"; }

int64_t MaskCount(const Workload& w) {
  return w.op == "convex_upsample" ? w.n * 9 * w.factor * w.factor * w.input[0] * w.input[1] : 0;
}

std::array<int64_t, 3> OutputSize(const Workload& w) {
  if (w.size[0] != 0) return w.size;
  std::array<int64_t, 3> output{};
  for (int axis = 0; axis < w.rank; ++axis) {
    if (w.op == "pixel_unshuffle") {
      output[axis] = w.input[axis] / w.factor;
    } else if (w.factor != 0) {
      output[axis] = w.input[axis] * w.factor;
    } else {
      output[axis] = (w.input[axis] - 1) * w.stride[axis] + w.dilation[axis] * (w.kernel[axis] - 1) + 1 -
                     w.padding_begin[axis] - w.padding_end[axis] + w.output_padding[axis];
    }
  }
  return output;
}

double OutputCount(const Workload& w) {
  return static_cast<double>(w.n) * w.output_channels * Product(OutputSize(w), w.rank);
}

Workload Grown(const Workload& workload, int64_t factor) {
  Workload grown = workload;
  int64_t side = 1;
  while (side * side < factor) side *= 2;
  for (int axis = std::max(workload.rank - 2, 0); axis < workload.rank; ++axis) {
    const int64_t times = workload.rank == 1 ? factor : side;
    grown.input[axis] *= times;
    grown.size[axis] *= times;
  }
  return grown;
}

Cost CostOf(const Workload& w) {
  const std::array<int64_t, 3> output = OutputSize(w);
  const double input_values = static_cast<double>(w.n) * w.input_channels * Product(w.input, w.rank);
  const double output_values = OutputCount(w);
  const double weights =
      static_cast<double>(w.input_channels) * (w.output_channels / w.groups) * Product(w.kernel, w.rank);
  Cost cost;
  double values = input_values + output_values;
  if (w.op.rfind("conv_transpose", 0) == 0) {
    cost.flop = 2 * static_cast<double>(w.n) * w.input_channels * (w.output_channels / w.groups);
    for (int axis = 0; axis < w.rank; ++axis) cost.flop *= Taps(w, axis, output[axis]);
    values += weights + (w.bias ? w.output_channels : 0);
  } else if (IsConv(w)) {
    // The convolution of a shuffle makes every output value too, from the small map.
    cost.flop = 2 * output_values * (w.input_channels / w.groups) * Product(w.kernel, w.rank);
    values += w.op == "nearest_conv3x3" ? weights : weights * w.factor * w.factor;
  } else if (w.op == "resize") {
    cost.flop = output_values * ResizeFlop(w, output);
  } else if (w.op == "resize_add") {
    cost.flop = output_values * (ResizeFlop(w, output) + 1);
    values += output_values;
  } else if (w.op == "max_unpool") {
    values += input_values;
  } else if (w.op == "convex_upsample") {
    cost.flop = 2 * 9 * output_values;  // of the sums; the exponentials are not counted
    values += static_cast<double>(MaskCount(w));
  }
  cost.bytes = 4 * values;
  return cost;
}

}  // namespace polyphase::bench
