// Computes a phase convolution as one ordinary convolution per output phase: no zero is inserted, and no output is
// summed up twice.
#include "phase_conv/direct.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <limits>

#include "base/checked_math.h"
#include "base/format.h"
#include "phase_conv/algorithm.h"
#include "phase_conv/task.h"
#include "plan/addressing.h"

namespace polyphase::internal {
namespace {

using Order = WeightFormat::Order;

WeightFormat ReadFormat(const PhaseConvOperator& op, const PhaseLayer& layer) {
  if (layer.ic == 1 && layer.groups > 1) return {Order::kDepthwise, nullptr, &op.kernels.conv.depthwise};
  return {Order::kSlots, layer.joined.any() ? &layer.joined : nullptr, &op.kernels.conv.dense};
}

// ---- Cost

// See CostsOf (Granite Rapids).
constexpr double kSplitCost = 2;

// What the pixels of a tile are: neighbours in a row; neighbours in the strip of a whole map, whose rows follow one
// another, so that some are of no output; images. Images serve maps that are small compared with the kernel, because
// taps that read zeros are left out.
enum class Pixels { kRow, kMap, kBatch };

struct Costs {
  double row, map, batch;
  // Rows win at the same cost, because their stores are contiguous.
  Pixels pixels() const {
    const double least = 0.97 * row;
    if (batch < least && batch <= map) return Pixels::kBatch;
    return map < least ? Pixels::kMap : Pixels::kRow;
  }
};

// Returns whether rows can read the tensor itself: its pixels are lines, and no prologue changes them. Pixels whose
// taps reach outside in x are computed one by one, so that there must be few. Packing took 40 % of the time of
// waifu2x's last layer, and 15 % of that of depthwise layers (Granite Rapids).
bool ReadsInPlace(const PhaseProblem& problem, const PhaseView& view, const TileFormat& tile) {
  const TensorDesc& input = problem.tensors.input;
  if (input.layout != Layout::kNchwc || input.channel_block != kLineLanes || input.dtype != DataType::kF32)
    return false;
  if (tile.input != DataType::kF32 || problem.op.prologue.activation != Activation::kNone) return false;
  // The empty lanes of a block may be anything.
  const int64_t channels = view.depthwise ? view.ic : view.groups > 1 ? view.ic : kLineLanes;
  if (view.multiplier > 1 || channels % kLineLanes != 0) return false;
  for (const PhaseAxis& axis : view.axes) {
    if (axis.padded() || axis.phases->repeat > 1) return false;
  }
  const PhaseAxis& x = view.x();
  const IndexRange read = x.InputRange({0, x.out});
  return read.count() - read.Clip(x.in).count() <= DivCeil(x.out, x.phases->stride) / (view.depthwise ? 4 : 32);
}

// The panel of some rows of a map stays in L2.
constexpr double kMapPanelBytes = 128 * 1024;
int64_t MapRows(const PhaseAxis& x, int64_t strip_x, int64_t width) {
  const double row_bytes = static_cast<double>(strip_x) * static_cast<double>(std::min(x.phases->stride, x.out)) *
                           static_cast<double>(width) * sizeof(float);
  return std::max<int64_t>(1, static_cast<int64_t>(kMapPanelBytes / row_bytes));
}

// A vector of sums costs this much in the panel, and an output pixel that leaves joined phases costs this much more
// (600 layers).
constexpr double kPanelCost = 0.5, kJoinedCost = 4;

// A line of weights that comes from L3 while matrix tiles wait costs this much (30 to 40 GB/s, Granite Rapids).
constexpr double kStreamCost = 11;
constexpr int64_t kCachedWeightBytes = 1 << 20;

Costs CostsOf(const PhaseProblem& problem, const WeightLayout& layout) {
  const PhaseView view(problem, layout.format);
  const TileFormat& tile = view.depthwise ? problem.op.kernels.conv.dense : *layout.format.tile;
  const ColumnTiles& tiles = layout.tiles;
  const double lanes = tile.lanes;
  const double images = static_cast<double>(view.images);
  const double groups = static_cast<double>(view.groups);
  const PhaseAxis& x = view.x();
  const double in_rows = static_cast<double>(view.axes[kDepth].in) * static_cast<double>(view.axes[kRow].in);
  const double row_pairs =
      static_cast<double>(CountPairs(view.axes[kDepth])) * static_cast<double>(CountPairs(view.axes[kRow]));
  const double x_pairs = static_cast<double>(CountPairs(x));
  // Counts the vectors of output channels in all tiles, and the multiplications per tap and pixel in each.
  const double out_vectors = groups * static_cast<double>(tiles.padded()) / lanes;
  const double macs_per_vector =
      view.depthwise ? 1 : static_cast<double>(DivCeil(view.ic, tile.kr) * ProductsOf(tile.parts)) * tile.cost;
  // Splitting an element into parts takes so many vector operations for each of them.
  const double split = tile.input == DataType::kF32 ? 0 : tile.parts * kSplitCost / lanes;
  const double load = images * (MoveCost(problem.tensors.input, lanes) + WaitCost(problem.tensors.input) + split) *
                      static_cast<double>(view.ic) * groups;
  const double pixels = images * view.Product(&PhaseAxis::out);
  const double store = pixels * lanes * out_vectors * MoveCost(problem.tensors.output, lanes);
  double phase_bytes = static_cast<double>(tiles.width(0) * layout.slot_column_bytes());
  for (const PhaseAxis& axis : view.axes) {
    phase_bytes *= static_cast<double>(DivCeil(axis.phases->slots, axis.phases->stride));
  }
  // Each strip streams all weights through L2, which f32 tiles do not notice.
  const double weight_lines = static_cast<double>(layout.bytes()) / kLineBytes;
  const auto stream = [&](double strip_pixels) {
    if (tile.granule == 1 || layout.bytes() <= kCachedWeightBytes) return 0.0;
    const double bytes = strip_pixels * static_cast<double>(tile.lines(view.ic) * kLineBytes);
    return kStreamCost * weight_lines * std::max(1.0, bytes / LargestStripBytes(tile));
  };
  const JoinedPhases* const phases = layout.format.joined;
  const double joined = phases == nullptr ? 0 : kJoinedCost * pixels * groups * static_cast<double>(phases->all());
  const double vectors_per_call = static_cast<double>(tiles.vectors(0));
  // Returns the time of `macs` multiplications in runs of neighbouring pixels.
  const auto run = [&](double macs, int64_t neighbours) {
    // One call computes a depthwise row.
    const double tile_pixels = static_cast<double>(BalancedTile(neighbours, tile.mr));
    const double call = view.depthwise ? 0 : kCallCost / (vectors_per_call * tile_pixels) + kPanelCost;
    return images * macs * macs_per_vector * out_vectors / TileRate(neighbours, tile, tiles, phase_bytes) +
           call * pixels * out_vectors + store + joined;
  };
  // Tiles along a row compute every tap of a phase for every pixel, and pack the zeros that taps outside the input
  // read.
  const PhaseAxis& y = view.axes[kRow];
  const auto slots = [](const PhaseAxis& axis) { return static_cast<double>(axis.phases->slots); };
  const int64_t row = DivCeil(x.out, x.phases->stride);
  const int64_t strip_x = x.InputRange({0, x.out}).count(), strip_y = y.InputRange({0, y.out}).count();
  const double row_slots = static_cast<double>(row) * slots(x);
  // Tiles along the rows of a map do so in y as well, and compute the pixels between rows.
  const int64_t rows = std::min(DivCeil(y.out, y.phases->stride), MapRows(x, strip_x, tiles.width(0)));
  const int64_t map = (rows - 1) * strip_x + row;
  const double maps = static_cast<double>(DivCeil(y.out, y.phases->stride)) / static_cast<double>(rows);
  const double z_pairs = static_cast<double>(CountPairs(view.axes[kDepth]));
  const double in_z = static_cast<double>(view.axes[kDepth].in);
  const double strip_pixels = static_cast<double>(strip_y) * static_cast<double>(strip_x);
  Costs costs;
  const bool in_place = ReadsInPlace(problem, view, *layout.format.tile);
  costs.row = run(row_pairs * row_slots, row) + (in_place ? 0 : in_rows * static_cast<double>(strip_x) * load) +
              images * stream(in_rows * static_cast<double>(strip_x));
  costs.map = run(z_pairs * maps * static_cast<double>(map) * slots(y) * slots(x), map) + in_z * strip_pixels * load +
              images * stream(in_z * strip_pixels);
  // Tiles along the batch waste no tap on padding, but the lines of an image are far apart.
  const double scattered = images * 1.5 * tile.parts * static_cast<double>(view.ic) * groups;
  costs.batch = run(row_pairs * x_pairs, view.images) + in_rows * static_cast<double>(x.in) * (load + scattered) +
                stream(images * in_rows * static_cast<double>(x.in));
  // A row of a map has as many pixels in the panel as in the strip. Where some phases have no taps, the strip may have
  // fewer than there are positions.
  const int64_t positions = x.position(x.out - 1) - x.position(0) + 1;
  if (view.depthwise || strip_x < positions) costs.map = std::numeric_limits<double>::infinity();
  return costs;
}

// ---- Schedule

class DirectPart final : public PhasePart {
 public:
  DirectPart(const PhaseProblem& problem, const WeightLayout& layout, size_t threads);
  void Run(int64_t task, Arena arena, const RunContext& context) const override;

  bool IsJoined() const { return tasks_.layout.format.joined != nullptr; }
  const TileFormat& tile() const { return *tasks_.layout.format.tile; }
  const ConvTile& dense() const { return static_cast<const ConvTile&>(tile()); }  // not depthwise
  int64_t panel_floats() const { return image_floats_ * (pixels_ == Pixels::kBatch ? tasks_.images.length : 1); }
  bool HasRows() const { return !tasks_.view.depthwise && dense().rows[0] != nullptr; }

  PhaseTasks tasks_;
  Pixels pixels_ = Pixels::kRow;
  bool in_place_ = false;  // tiles read the input itself
  int64_t x_chunk_ = 0;    // positions q of a row whose outputs share a panel in L1
  int64_t map_rows_ = 1;   // rows of a phase that share a panel
  // A panel has at most these pixels and columns: those of one tile or, where phases are joined, of all tiles. The
  // outputs of an image are neighbours in it.
  int64_t panel_pixels_ = 0, panel_width_ = 0;
  int64_t image_floats_ = 0;  // of the panel; odd lines, because powers of two meet in few sets of the cache
  int64_t row_phases_ = 0;    // of x, in the longest row: the steps between neighbours of one phase
};

// A phase: the outputs of one residue on one axis.
struct Phase {
  AxisPhase taps;
  int64_t bias;  // the offset whose biases the outputs have
};

// The outputs of a phase of x in a chunk of a row.
struct PhaseRun {
  Phase phase;
  int64_t position;  // of the first
  int64_t count;
};

struct Scratch {
  Scratch(const DirectPart& part, Arena& arena)
      : strip(TakeStrip(part.in_place_ ? StripShape() : part.tasks_.LargestStrip(part.tasks_.view.ic), arena)) {
    if (part.HasRows()) arena.Take<Line>("lines after the strip", {kMaxLinesAfter});
    const auto take = [&](const char* what) { return arena.Take<float>(what, {part.panel_floats()}); };
    if (part.tile().input != DataType::kF32) {
      strip.whole = arena.Take<float>("unsplit pixels", {kSplitPixels, kSplitChannels});
    }
    if (part.IsJoined()) columns = take("columns");
    panel = take("panel");
    if (part.tasks_.tensors.residual) residual = take("residual");
    runs = arena.Take<PhaseRun>("phases", {part.row_phases_});
  }

  Strip strip;
  float* columns = nullptr;  // joined phases before they are taken apart
  float* panel = nullptr;
  float* residual = nullptr;
  PhaseRun* runs = nullptr;  // those of a chunk: the divisions took a third of the time of small depthwise maps
};

DirectPart::DirectPart(const PhaseProblem& problem, const WeightLayout& layout, size_t threads)
    : tasks_(problem, layout) {
  const TileFormat& tile = this->tile();
  const PhaseView& view = tasks_.view;
  const PhaseAxis& x = view.x();
  const double line_bytes = static_cast<double>(tile.lines(view.ic) * kLineBytes);
  pixels_ = CostsOf(problem, layout).pixels();
  in_place_ = pixels_ == Pixels::kRow && ReadsInPlace(problem, view, tile);
  tasks_.zeros[kColumn] = pixels_ != Pixels::kBatch && !in_place_;
  tasks_.zeros[kRow] = pixels_ == Pixels::kMap;
  SplitCosts costs{threads, view.UsefulMacs(), line_bytes, SmallestBox(view, kTaskTiles * tile.mr), !IsJoined()};
  if (pixels_ != Pixels::kRow) costs.smallest[kColumn] = x.out;
  if (pixels_ == Pixels::kBatch) {
    // A task takes as many whole tiles of images as keep the strip of all rows small.
    const int64_t images = BalancedTile(view.images, tile.mr);
    const double image_bytes = StripBytes(tasks_, costs, {view.axes[kDepth].out, view.axes[kRow].out, x.out});
    const auto fitting = static_cast<int64_t>(LargestStripBytes(tile) / (image_bytes * static_cast<double>(images)));
    tasks_.images = CutEvery(view.images, std::min(view.images, images * std::max<int64_t>(1, fitting)));
    costs.pixel_bytes *= static_cast<double>(tasks_.images.length);
  }
  SplitTasks(costs, &tasks_);

  panel_width_ = IsJoined() ? tasks_.layout.tiles.padded() : tasks_.layout.tiles.width(0);
  const int64_t box_x = tasks_.boxes[kColumn].length;
  const int64_t stride = row_phases_ = std::min(x.phases->stride, box_x);
  const int64_t positions = std::min(x.position(x.out - 1) - x.position(0) + 1, DivCeil(box_x, x.phases->stride) + 1);
  const double position_bytes = static_cast<double>(panel_width_) * static_cast<double>(stride) * sizeof(float);
  const int64_t fitting = std::max<int64_t>(1, static_cast<int64_t>(kPanelBytes / position_bytes));
  x_chunk_ = BalancedTile(positions, std::max<int64_t>(fitting, tile.mr));
  if (HasRows() && x_chunk_ < positions) x_chunk_ = RoundUp(x_chunk_, tile.mr);
  panel_pixels_ = std::min(x_chunk_ * stride, box_x);
  if (pixels_ == Pixels::kMap) {
    const int64_t strip_x = tasks_.StripInputs(kColumn, box_x);
    x_chunk_ = positions;
    map_rows_ =
        std::min(DivCeil(tasks_.boxes[kRow].length, view.axes[kRow].phases->stride), MapRows(x, strip_x, panel_width_));
    panel_pixels_ = map_rows_ * strip_x * stride;
  }
  image_floats_ = panel_pixels_ * panel_width_ + (pixels_ == Pixels::kBatch ? kLineLanes : 0);

  Arena arena;
  Scratch(*this, arena);
  tasks = tasks_.count();
  worker_bytes = arena.bytes();
  status = arena.Check(problem.op.name);
  form = view.depthwise ? " depthwise" : IsJoined() ? ", phases in lanes" : "";
  tiles = Format("tiles %dx%d along %s", tile.mr, tile.nr,
                 pixels_ == Pixels::kRow   ? "x"
                 : pixels_ == Pixels::kMap ? "the map"
                                           : "the batch");
  if (in_place_) tiles += " of the input in place";
}

// ---- Loop nest

class DirectTask {
 public:
  DirectTask(const DirectPart& part, const PhaseTask& task, const Scratch& scratch, const OutputStore& store,
             const RunContext& context)
      : part_(part),
        tasks_(part.tasks_),
        view_(part.tasks_.view),
        layout_(part.tasks_.layout),
        task_(task),
        scratch_(scratch),
        store_(store) {
    const int64_t blocks = view_.depthwise ? task.tiles.count() : part.tile().lines(view_.ic);
    steps_.x = task.images.count();
    const int64_t row = task.in[kColumn].count() * steps_.x;
    steps_.block = part.pixels_ == Pixels::kMap ? task.in[kRow].count() * row : row;
    steps_.y = part.pixels_ == Pixels::kMap ? row : blocks * row;
    steps_.z = task.in[kRow].count() * blocks * row;
    source_ = {reinterpret_cast<const char*>(scratch.strip.lines),
               {task.in[kDepth].begin, task.in[kRow].begin, task.in[kColumn].begin},
               {steps_.z * kLineBytes, steps_.y * kLineBytes, steps_.x * kLineBytes},
               steps_.block * kLineBytes};
    if (part.in_place_) {
      const TensorDesc& input = tasks_.tensors.input;
      const ChannelMap channels = ChannelsOf(input);
      const int64_t channel = view_.depthwise ? task.tiles.begin * kLineLanes : task.group * view_.ic;
      constexpr int64_t kElement = sizeof(float);
      source_ = {static_cast<const char*>(context.input) +
                     (PixelOffset(input, task.images.begin, 0, 0, 0) + ChannelOffset(channels, channel)) * kElement,
                 {},
                 {input.stride[kDepth] * kElement, input.stride[kRow] * kElement, input.stride[kColumn] * kElement},
                 channels.block_stride * kElement};
    }
    weights_ = part.weights.weights + task.group * layout_.group_bytes();
    bias_ = part.weights.bias + task.group * layout_.bias_columns;
    bias_floats_ = layout_.bias_floats();
    column_bytes_ = layout_.column_bytes();
    slot_column_bytes_ = layout_.slot_column_bytes();
  }

  void Run(const RunContext& context) {
    if (!part_.in_place_) Pack(context);
    // The tiles that share a panel are one or, where phases are joined, all of them.
    const ColumnTiles& tiles = tasks_.layout.tiles;
    const int64_t together = part_.IsJoined() ? task_.tiles.count() : 1;
    for (int64_t tile = task_.tiles.begin; tile < task_.tiles.end; tile += together) {
      tiles_ = {tile, tile + together};
      first_channel_ = tiles.first(tile);
      width_ = tiles.first(tile + together - 1) + tiles.width(tile + together - 1) - first_channel_;
      // Rows of one phase are computed together, because they read the same weights.
      ForEachPhase(kDepth, [&](int64_t oz0) { ForEachPhase(kRow, [&](int64_t oy0) { RunRows(oz0, oy0); }); });
    }
    if (tasks_.stream) tasks_.op.kernels.panel.flush();
  }

 private:
  void Pack(const RunContext& context) const {
    const int64_t first = view_.depthwise ? task_.tiles.begin * kLineLanes : 0;
    const int64_t last = view_.depthwise ? std::min(view_.ic, task_.tiles.end * kLineLanes) : view_.ic;
    PackStrip(tasks_, task_, context, scratch_.strip, steps_, first, last - first);
  }

  // The taps of a phase at one position.
  struct Taps {
    const Phase& phase;
    int64_t position;
    IndexRange valid;

    // Returns the input that the first valid tap reads.
    int64_t input(int64_t offset_step) const { return position - phase.taps.first_offset - valid.begin * offset_step; }
  };

  Phase PhaseOf(int axis, int64_t o) const {
    const int64_t residue = view_.axes[axis].residue(o);
    const int64_t biases = layout_.biases[axis];
    return {view_.axes[axis].phases->Phase(residue), biases == 1 ? 0 : residue % biases};
  }

  // Calls body(o) for the first output of each phase of the task.
  template <class Body>
  void ForEachPhase(int axis, const Body& body) {
    const IndexRange out = task_.out[axis];
    for (int64_t o = out.begin; o < std::min(out.begin + view_.axes[axis].phases->stride, out.end); ++o) {
      if (axis != kColumn) phase_[axis] = PhaseOf(axis, o);
      body(o);
    }
  }

  // A row of outputs and its positions.
  struct Row {
    int64_t oz, oy, qz, qy;
  };

  // Calls body(row, left) for the rows of the phases whose first rows are (oz0, oy0); `left` are those of the same oz.
  // It returns how many it has computed.
  template <class Body>
  void ForEachRows(int64_t oz0, int64_t oy0, const Body& body) {
    const PhaseAxis& z = view_.axes[kDepth];
    const PhaseAxis& y = view_.axes[kRow];
    const int64_t qy0 = y.position(oy0), rows_y = DivCeil(task_.out[kRow].end - oy0, y.phases->stride);
    Row row{oz0, oy0, z.position(oz0), qy0};
    for (; row.oz < task_.out[kDepth].end; row.oz += z.phases->stride, ++row.qz) {
      row.oy = oy0;
      row.qy = qy0;
      for (int64_t left = rows_y; left > 0;) {
        const int64_t rows = body(row, left);
        row.oy += rows * y.phases->stride;
        row.qy += rows;
        left -= rows;
      }
    }
  }

  Taps TapsAt(int axis, const Phase& phase, int64_t position) const {
    const bool all = tasks_.zeros[axis];
    return {phase, position, all ? IndexRange{0, phase.taps.taps} : view_.axes[axis].ValidTaps(phase.taps, position)};
  }

  // The operands of a row that do not depend on the phase of x: computing them for each took 5 % more instructions in
  // small depthwise layers (AVX2).
  struct RowOperands {
    ConvTileArgs args;
    int64_t offset = 0, slot = 0, bias;  // of the first taps
    int64_t slot_step_z, slot_step_y;
  };

  // The steps of a single tap are not used, and may be as large as int64.
  static int64_t StepOf(int64_t taps, int64_t count, int64_t bytes) { return taps > 1 ? count * bytes : 0; }

  RowOperands OperandsOf(const Taps& z, const Taps& y) const {
    const AxisPhases& az = *view_.axes[kDepth].phases;
    const AxisPhases& ay = *view_.axes[kRow].phases;
    const AxisPhases& ax = *view_.x().phases;
    RowOperands row;
    row.args.taps_z = z.valid.count();
    row.args.taps_y = y.valid.count();
    // Without taps the inputs need not exist.
    if (row.args.taps_z > 0 && row.args.taps_y > 0) {
      row.offset = (z.input(az.offset_step) - source_.origin[kDepth]) * source_.step[kDepth] +
                   (y.input(ay.offset_step) - source_.origin[kRow]) * source_.step[kRow];
      const int64_t slot_z = z.phase.taps.first_slot + z.valid.begin * az.slot_step;
      row.slot = (slot_z * ay.slots + y.phase.taps.first_slot + y.valid.begin * ay.slot_step) * ax.slots;
    }
    row.bias = (z.phase.bias * layout_.biases[kRow] + y.phase.bias) * layout_.biases[kColumn];
    row.args.input_step_z = -StepOf(row.args.taps_z, az.offset_step, source_.step[kDepth]);
    row.args.input_step_y = -StepOf(row.args.taps_y, ay.offset_step, source_.step[kRow]);
    row.args.input_step_block = source_.step_block;
    row.slot_step_z = StepOf(row.args.taps_z, az.slot_step, ay.slots * ax.slots);
    row.slot_step_y = StepOf(row.args.taps_y, ay.slot_step, ax.slots);
    row.args.channels = view_.ic;
    row.args.rows = 1;
    row.args.input_step_row = source_.step[kRow];
    row.args.sums_step_row = 0;
    return row;
  }

  // Completes the operands of a row for a tile of channels and the taps of a phase of x. A copy of them, which vectors
  // would read right after their elements were written, took another 8 % of the time.
  void SetTaps(int64_t tile, const Taps& x, RowOperands& row) const {
    const int64_t slot_bytes = tasks_.layout.tiles.width(tile) * slot_column_bytes_;
    const int64_t channel = tasks_.layout.tiles.first(tile);
    const AxisPhases& ax = *view_.x().phases;
    ConvTileArgs& args = row.args;
    args.taps_x = x.valid.count();
    int64_t offset = view_.depthwise ? (tile - task_.tiles.begin) * source_.step_block : 0;
    int64_t slot = 0;
    if (args.taps_z > 0 && args.taps_y > 0 && args.taps_x > 0) {
      offset += row.offset + (x.input(ax.offset_step) - source_.origin[kColumn]) * source_.step[kColumn];
      slot = row.slot + x.phase.taps.first_slot + x.valid.begin * ax.slot_step;
    }
    args.input = source_.base + offset;
    args.weights = weights_ + channel * column_bytes_ + slot * slot_bytes;
    args.bias = bias_ + (row.bias + x.phase.bias) * bias_floats_ + channel;
    args.input_step_x = -StepOf(args.taps_x, ax.offset_step, source_.step[kColumn]);
    args.weights_step_x = StepOf(args.taps_x, ax.slot_step, slot_bytes);
    args.weights_step_y = row.slot_step_y * slot_bytes;
    args.weights_step_z = row.slot_step_z * slot_bytes;
  }

  // Returns whether the sums of `pixels` pixels are in the panel.
  bool InPanel(const float* sums, int64_t pixels, int64_t step, int64_t width) const {
    return sums >= scratch_.panel && sums + (pixels - 1) * step + width <= scratch_.panel + part_.panel_floats();
  }

  // Returns whether all lines that `pixels` pixels read are in the strip.
  bool InStrip(const ConvTileArgs& args, int64_t pixels) const {
    if (part_.in_place_ || args.taps_z <= 0 || args.taps_y <= 0 || args.taps_x <= 0) return true;
    const auto* const first = static_cast<const char*>(args.input);
    const auto* const strip = scratch_.strip.lines->bytes;
    const int64_t back = (args.taps_z - 1) * args.input_step_z + (args.taps_y - 1) * args.input_step_y +
                         (args.taps_x - 1) * args.input_step_x;
    const int64_t blocks = view_.depthwise ? 1 : part_.tile().lines(args.channels);
    return first + back >= strip && first + (blocks - 1) * args.input_step_block + pixels * kLineBytes <=
                                        strip + scratch_.strip.count * kLineBytes;
  }

  // Computes `count` pixels, whose lines follow one another, into a panel or the output, whose pixels are panel_step
  // floats apart.
  void RunTiles(RowOperands& row, const Taps& x, int64_t count, float* panel, int64_t panel_step) const {
    for (int64_t tile = tiles_.begin; tile < tiles_.end; ++tile) {
      const ColumnTiles& tiles = tasks_.layout.tiles;
      SetTaps(tile, x, row);
      ConvTileArgs& args = row.args;
      float* sums = panel + tiles.first(tile) - first_channel_;
      // The step of a single pixel is not used, and may be as large as int64.
      args.sums_step = count > 1 ? panel_step * int64_t{sizeof(float)} : 0;
      if (view_.depthwise) {
        args.sums = sums;
        args.pixels = count;
        assert(InStrip(args, count));
        tasks_.op.kernels.conv.depthwise.run(args);
        continue;
      }
      const ConvTile& kernel = part_.dense();
      const auto vectors = static_cast<size_t>(tiles.vectors(tile) - 1);
      if (kernel.rows[vectors] != nullptr) {
        args.sums = sums;
        args.pixels = count;
        assert(InStrip(args, count) && InPanel(sums, count, panel_step, tiles.width(tile)));
        kernel.rows[vectors](args);
        continue;
      }
      const auto& run = kernel.run[vectors];
      ForEachTile(count, kernel.mr, [&](int64_t, int64_t pixels) {
        args.sums = sums;
        assert(InStrip(args, pixels) && InPanel(sums, pixels, panel_step, tiles.width(tile)));
        run[pixels - 1](args);
        args.input = static_cast<const Line*>(args.input) + pixels;
        sums += pixels * panel_step;
      });
    }
  }

  // Computes `count` neighbours from the beginning of a run on. Those whose taps reach outside the input come one by
  // one, unless the strip has zeros there.
  void RunRow(RowOperands& row, const PhaseRun& run, int64_t count, float* sums, int64_t step) const {
    const AxisPhase& phase = run.phase.taps;
    IndexRange whole{0, count};
    if (!tasks_.zeros[kColumn]) {
      const PhaseAxis& x = view_.x();
      const int64_t last = run.position - phase.first_offset;  // inputs of the first and the last tap
      const int64_t first = last - (phase.taps - 1) * x.phases->offset_step;
      whole.begin = std::clamp<int64_t>(-first, 0, count);
      whole.end = std::clamp(x.in - last, whole.begin, count);
    }
    const auto one = [&](int64_t q) {
      RunTiles(row, TapsAt(kColumn, run.phase, run.position + q), 1, sums + q * step, 0);
    };
    for (int64_t q = 0; q < whole.begin; ++q) one(q);
    if (whole.count() > 0) {
      const Taps taps{run.phase, run.position + whole.begin, {0, phase.taps}};
      RunTiles(row, taps, whole.count(), sums + whole.begin * step, step);
    }
    for (int64_t q = whole.end; q < count; ++q) one(q);
  }

  // All phases of a chunk of positions meet in the panel, so that the output is written once, in order. Dense tiles
  // that store into the output themselves gain 0 to 8 % in NHWC but lose up to 10 % in NCHWc, where neighbouring lines
  // belong to different phases. Depthwise rows have too little work to hide the panel, and take 0.8 of the time without
  // it (64 to 256 channels, Zen, AVX2).
  void RunRows(int64_t oz0, int64_t oy0) {
    const PhaseAxis& x = view_.x();
    const int64_t stride = x.phases->stride;
    const int64_t stride_y = view_.axes[kRow].phases->stride;
    const int64_t strip_x = task_.in[kColumn].count();
    const int64_t row_end = task_.out[kColumn].end;
    const int64_t row_last = x.position(row_end - 1);
    for (int64_t begin = task_.out[kColumn].begin; begin < row_end;) {
      const int64_t last_position = x.position(begin) + part_.x_chunk_ - 1;
      const int64_t end = last_position >= row_last ? row_end : (last_position + 1) * stride - x.origin;
      const int64_t phases = std::min(stride, end - begin);
      for (int64_t i = 0; i < phases; ++i) {
        scratch_.runs[i] = {PhaseOf(kColumn, begin + i), x.position(begin + i), DivCeil(end - begin - i, stride)};
      }
      ForEachRows(oz0, oy0, [&](const Row& row, int64_t left) {
        const Taps y = TapsAt(kRow, phase_[kRow], row.qy);
        RowOperands operands = OperandsOf(TapsAt(kDepth, phase_[kDepth], row.qz), y);
        int64_t rows = std::min(left, part_.map_rows_);
        float* sums = scratch_.panel;
        int64_t step = width_;
        float* output = nullptr;
        if (view_.depthwise && part_.pixels_ == Pixels::kRow) {
          output = OutputPixels(tasks_, task_, store_, first_channel_, width_, row.oz, row.oy, begin);
        }
        if (output != nullptr) {
          // Rows of the same taps are computed at once.
          while (rows < left && TapsAt(kRow, phase_[kRow], row.qy + rows).valid == y.valid) ++rows;
          sums = output;
          step = end - begin > 1 ? tasks_.tensors.output.stride[kColumn] : 0;
          operands.args.rows = rows;
          operands.args.sums_step_row =
              StepOf(rows, stride_y * tasks_.tensors.output.stride[kRow], int64_t{sizeof(float)});
        }
        for (int64_t i = 0; i < phases; ++i) {
          const PhaseRun& run = scratch_.runs[i];
          if (part_.pixels_ == Pixels::kBatch) {
            for (int64_t q = 0; q < run.count; ++q) {
              RunTiles(operands, TapsAt(kColumn, run.phase, run.position + q), task_.images.count(),
                       sums + (i + q * part_.row_phases_) * step, part_.image_floats_);
            }
          } else {
            const int64_t count = output != nullptr ? run.count : (rows - 1) * strip_x + run.count;
            RunRow(operands, run, count, sums + i * step, count > 1 ? part_.row_phases_ * step : 0);
          }
        }
        for (int64_t r = 0; output == nullptr && r < rows; ++r) {
          Store(scratch_.panel + r * strip_x * part_.row_phases_ * width_, end - begin, row.oz, row.oy + r * stride_y,
                begin);
        }
        return rows;
      });
      begin = end;
    }
  }

  // Stores the panels of the images, whose pixels begin with (oz, oy, ox) of the axes of the view.
  void Store(float* panel, int64_t pixels, int64_t oz, int64_t oy, int64_t ox) const {
    if (task_.images.count() == 1) return StoreImage(task_, panel, pixels, oz, oy, ox);
    PhaseTask image = task_;
    for (image.images.end = image.images.begin + 1; image.images.end <= task_.images.end;
         ++image.images.begin, ++image.images.end, panel += part_.image_floats_) {
      StoreImage(image, panel, pixels, oz, oy, ox);
    }
  }

  void StoreImage(const PhaseTask& image, float* panel, int64_t pixels, int64_t oz, int64_t oy, int64_t ox) const {
    if (part_.IsJoined()) {
      StoreJoined(tasks_, image, store_, panel, scratch_.columns, width_, pixels, oz, oy, ox);
      return;
    }
    const int64_t channels = std::min(width_, view_.oc - first_channel_);
    StoreTile(tasks_, image, store_, panel, first_channel_, channels, width_, pixels, oz, oy, ox);
  }

  const DirectPart& part_;
  const PhaseTasks& tasks_;
  const PhaseView& view_;
  const WeightLayout& layout_;
  const PhaseTask& task_;
  const Scratch& scratch_;
  const OutputStore& store_;
  StripSteps steps_;
  // What tiles read, the strip or the tensor: bytes from the input at `origin`.
  struct {
    const char* base;
    SpatialSizes origin, step;
    int64_t step_block;
  } source_;
  // Constants of the task's group: computing them per tile took 2 % more instructions in layers of few channels.
  const char* weights_;
  const float* bias_;
  int64_t bias_floats_, column_bytes_, slot_column_bytes_;
  // The tiles whose channels are in the panel, and the phase at work.
  IndexRange tiles_{};
  int64_t first_channel_ = 0, width_ = 0;
  Phase phase_[kColumn];  // of z and y
};

void DirectPart::Run(int64_t task, Arena arena, const RunContext& context) const {
  const PhaseTask box = tasks_[task];
  const Scratch scratch(*this, arena);
  const TileScope scope(tile());
  DirectTask(*this, box, scratch, MakeStore(tasks_, context, scratch.residual), context).Run(context);
}

}  // namespace

double DirectCost(const PhaseProblem& problem, const WeightLayout& layout) {
  const Costs costs = CostsOf(problem, layout);
  return std::min({costs.row, costs.map, costs.batch});
}

std::unique_ptr<PhasePart> ScheduleDirect(const PhaseProblem& problem, const WeightLayout& layout, size_t threads) {
  return std::make_unique<DirectPart>(problem, layout, threads);
}

const PhaseAlgorithm kDirect = {
    Algorithm::kSubpixel, "subpixel", "nothing",      [](const PhaseConvOperator&, const PhaseLayer&) { return true; },
    ReadFormat,           DirectCost, ScheduleDirect,
};

}  // namespace polyphase::internal
