// Computes a phase convolution as one ordinary convolution per output phase: no zero is inserted, and no output is
// summed up twice.
#include "phase_conv/direct.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "base/checked_math.h"
#include "base/format.h"
#include "phase_conv/algorithm.h"
#include "phase_conv/task.h"

namespace polyphase::internal {
namespace {

using Order = WeightFormat::Order;

WeightFormat ReadFormat(const PhaseConvOperator& op, const PhaseLayer& layer) {
  if (layer.ic == 1 && layer.groups > 1) return {Order::kDepthwise, nullptr, &op.kernels.conv.depthwise};
  return {Order::kSlots, layer.joined.any() ? &layer.joined : nullptr, &op.kernels.conv.dense};
}

// ---- Cost

// See CostsOf (Zen 4).
constexpr double kSplitCost = 2;

struct Costs {
  double along_x, along_n;
  // Rows win at the same cost, because their stores are contiguous.
  bool batched() const { return along_n < 0.97 * along_x; }
};

// A vector of sums costs this much in the panel, and an output pixel that leaves joined phases costs this much more
// (600 layers).
constexpr double kPanelCost = 0.5, kJoinedCost = 4;

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
  const auto load = [&](bool along_n) {
    return images * (MoveCost(problem.tensors.input, lanes, along_n) + split) * static_cast<double>(view.ic) * groups;
  };
  const auto store = [&](bool along_n) {
    return images * view.Product(&PhaseAxis::out) * lanes * out_vectors *
           MoveCost(problem.tensors.output, lanes, along_n);
  };
  double phase_bytes = static_cast<double>(tiles.width(0) * layout.slot_column_bytes());
  for (const PhaseAxis& axis : view.axes) {
    phase_bytes *= static_cast<double>(DivCeil(axis.phases->slots, axis.phases->stride));
  }
  // Tiles along x compute every tap of a phase for every pixel, and pack the zeros that taps outside the input read.
  const double x_stride = static_cast<double>(x.phases->stride);
  const double x_slots = static_cast<double>(x.out) * static_cast<double>(x.phases->slots) / x_stride;
  const int64_t row_tile = BalancedTile(DivCeil(x.out, x.phases->stride), tile.mr);
  const double strip_x = static_cast<double>(x.InputRange({0, x.out}).count());
  // Tiles along the batch waste no tap on padding.
  const int64_t image_tile = BalancedTile(view.images, tile.mr);
  const double pixels = images * view.Product(&PhaseAxis::out);
  const double vectors_per_call = static_cast<double>(tiles.vectors(0));
  const auto calls = [&](int64_t tile_pixels) {
    if (view.depthwise) return 0.0;  // one call computes a row
    return (kCallCost / (vectors_per_call * static_cast<double>(tile_pixels)) + kPanelCost) * pixels * out_vectors;
  };
  const JoinedPhases* const phases = layout.format.joined;
  const double joined = phases == nullptr ? 0 : kJoinedCost * pixels * groups * static_cast<double>(phases->all());
  return {images * row_pairs * x_slots * macs_per_vector * out_vectors / TileRate(row_tile, tiles, phase_bytes) +
              in_rows * strip_x * load(false) + store(false) + calls(row_tile) + joined,
          images * row_pairs * x_pairs * macs_per_vector * out_vectors / TileRate(image_tile, tiles, phase_bytes) +
              in_rows * static_cast<double>(x.in) * load(true) + store(true) + calls(image_tile) + joined};
}

// ---- Schedule

class DirectPart final : public PhasePart {
 public:
  DirectPart(const PhaseProblem& problem, const WeightLayout& layout, size_t threads);
  void Run(int64_t task, Arena arena, const RunContext& context) const override;

  bool IsJoined() const { return tasks_.layout.format.joined != nullptr; }
  const TileFormat& tile() const { return *tasks_.layout.format.tile; }
  const ConvTile& dense() const { return static_cast<const ConvTile&>(tile()); }  // not depthwise
  bool HasRows() const { return !tasks_.view.depthwise && dense().rows[0] != nullptr; }

  PhaseTasks tasks_;
  int64_t x_chunk_ = 0;  // positions q of a row whose outputs share a panel in L1
  // A panel has at most these pixels and columns: those of one tile or, where phases are joined, of all tiles.
  int64_t panel_pixels_ = 0, panel_width_ = 0;
  int64_t row_phases_ = 0;  // of x, in the longest row
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
      : strip(TakeStrip(part.tasks_.LargestStrip(part.tasks_.view.ic), arena)) {
    if (part.HasRows()) arena.Take<Line>("lines after the strip", {kMaxLinesAfter});
    const auto take = [&](const char* what) {
      return arena.Take<float>(what, {part.panel_pixels_, part.panel_width_});
    };
    if (part.tile().input != DataType::kF32) {
      strip.whole = arena.Take<float>("unsplit pixels", {kSplitPixels, kSplitChannels});
    }
    if (part.IsJoined()) columns = take("columns");
    panel = take("panel");
    if (part.tasks_.tensors.residual) residual = take("residual");
    if (!part.tasks_.batched) runs = arena.Take<PhaseRun>("phases", {part.row_phases_});
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
  tasks_.batched = CostsOf(problem, layout).batched();
  tasks_.zeros_in_x = !tasks_.batched;
  SplitCosts costs{threads, view.UsefulMacs(), line_bytes, SmallestBox(view, kTaskTiles * tile.mr), !IsJoined()};
  if (tasks_.batched) {
    costs.smallest[kColumn] = x.out;
    // A task takes as many whole tiles of images as keep the strip of all rows small.
    const int64_t images = BalancedTile(view.images, tile.mr);
    const double image_bytes = StripBytes(tasks_, costs, {view.axes[kDepth].out, view.axes[kRow].out, x.out});
    const int64_t fitting = static_cast<int64_t>(LargestStripBytes(tile) / (image_bytes * static_cast<double>(images)));
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
  panel_pixels_ = tasks_.batched ? tasks_.images.length : std::min(x_chunk_ * stride, box_x);

  Arena arena;
  Scratch(*this, arena);
  tasks = tasks_.count();
  worker_bytes = arena.bytes();
  status = arena.Check(problem.op.name);
  form = view.depthwise ? " depthwise" : IsJoined() ? ", phases in lanes" : "";
  tiles = Format("tiles %dx%d along %s", tile.mr, tile.nr, tasks_.batched ? "the batch" : "x");
}

// ---- Loop nest

class DirectTask {
 public:
  DirectTask(const DirectPart& part, const PhaseTask& task, const Scratch& scratch, const OutputStore& store)
      : part_(part),
        tasks_(part.tasks_),
        view_(part.tasks_.view),
        layout_(part.tasks_.layout),
        task_(task),
        scratch_(scratch),
        store_(store) {
    const int64_t pixel = tasks_.batched ? task.images.count() : 1;
    const int64_t blocks = view_.depthwise ? task.tiles.count() : part.tile().lines(view_.ic);
    steps_.x = pixel;
    steps_.block = task.in[kColumn].count() * pixel;
    steps_.y = blocks * steps_.block;
    steps_.z = task.in[kRow].count() * steps_.y;
    weights_ = part.weights.weights + task.group * layout_.group_bytes();
    bias_ = part.weights.bias + task.group * layout_.bias_columns;
    bias_floats_ = layout_.bias_floats();
    column_bytes_ = layout_.column_bytes();
    slot_column_bytes_ = layout_.slot_column_bytes();
  }

  void Run(const RunContext& context) {
    const int64_t first = view_.depthwise ? task_.tiles.begin * kLineLanes : 0;
    const int64_t last = view_.depthwise ? std::min(view_.ic, task_.tiles.end * kLineLanes) : view_.ic;
    PackStrip(tasks_, task_, context, scratch_.strip, steps_, first, last - first);
    // The tiles that share a panel are one or, where phases are joined, all of them.
    const ColumnTiles& tiles = tasks_.layout.tiles;
    const int64_t together = part_.IsJoined() ? task_.tiles.count() : 1;
    for (int64_t tile = task_.tiles.begin; tile < task_.tiles.end; tile += together) {
      tiles_ = {tile, tile + together};
      first_channel_ = tiles.first(tile);
      width_ = tiles.first(tile + together - 1) + tiles.width(tile + together - 1) - first_channel_;
      // Rows of one phase are computed together, because they read the same weights.
      ForEachPhase(kDepth, [&](int64_t oz0) {
        ForEachPhase(kRow, [&](int64_t oy0) { tasks_.batched ? RunBatchedRows(oz0, oy0) : RunRows(oz0, oy0); });
      });
    }
    if (tasks_.stream) tasks_.op.kernels.panel.flush();
  }

 private:
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

  // Calls body(oz, oy) for the rows of the phases whose first rows are (oz0, oy0).
  template <class Body>
  void ForEachRow(int64_t oz0, int64_t oy0, const Body& body) {
    for (int64_t oz = oz0; oz < task_.out[kDepth].end; oz += view_.axes[kDepth].phases->stride) {
      for (int64_t oy = oy0; oy < task_.out[kRow].end; oy += view_.axes[kRow].phases->stride) body(oz, oy);
    }
  }

  Taps RowTaps(int axis, int64_t o) const {
    const int64_t position = view_.axes[axis].position(o);
    return {phase_[axis], position, view_.axes[axis].ValidTaps(phase_[axis].taps, position)};
  }

  // Returns the operands of a tile of channels for the taps of a phase on each axis.
  ConvTileArgs TapArgs(int64_t tile, const Taps& z, const Taps& y, const Taps& x) const {
    const int64_t slot_bytes = tasks_.layout.tiles.width(tile) * slot_column_bytes_;
    const int64_t channel = tasks_.layout.tiles.first(tile);
    const AxisPhases& az = *view_.axes[kDepth].phases;
    const AxisPhases& ay = *view_.axes[kRow].phases;
    const AxisPhases& ax = *view_.x().phases;
    ConvTileArgs args;
    args.taps_z = z.valid.count();
    args.taps_y = y.valid.count();
    args.taps_x = x.valid.count();
    int64_t line = view_.depthwise ? (tile - task_.tiles.begin) * steps_.block : 0;
    int64_t slot = 0;
    // Without taps the pointers are not used, and the inputs need not exist.
    if (args.taps_z > 0 && args.taps_y > 0 && args.taps_x > 0) {
      const auto add = [&](int axis, const AxisPhases& a, const Taps& taps, int64_t step) {
        line += (taps.input(a.offset_step) - task_.in[axis].begin) * step;
        slot = slot * a.slots + taps.phase.taps.first_slot + taps.valid.begin * a.slot_step;
      };
      add(kDepth, az, z, steps_.z);
      add(kRow, ay, y, steps_.y);
      add(kColumn, ax, x, steps_.x);
    }
    args.input = scratch_.strip.lines + line;
    args.weights = weights_ + channel * column_bytes_ + slot * slot_bytes;
    const int64_t bias = (z.phase.bias * layout_.biases[kRow] + y.phase.bias) * layout_.biases[kColumn] + x.phase.bias;
    args.bias = bias_ + bias * bias_floats_ + channel;
    // The steps of a single tap are not used, and may be as large as int64.
    const auto step = [](int64_t taps, int64_t count, int64_t bytes) { return taps > 1 ? count * bytes : 0; };
    args.input_step_z = -step(args.taps_z, az.offset_step, steps_.z * kLineBytes);
    args.input_step_y = -step(args.taps_y, ay.offset_step, steps_.y * kLineBytes);
    args.input_step_x = -step(args.taps_x, ax.offset_step, steps_.x * kLineBytes);
    args.input_step_block = steps_.block * kLineBytes;
    args.weights_step_x = step(args.taps_x, ax.slot_step, slot_bytes);
    args.weights_step_y = step(args.taps_y, ay.slot_step, ax.slots * slot_bytes);
    args.weights_step_z = step(args.taps_z, az.slot_step, ay.slots * ax.slots * slot_bytes);
    args.channels = view_.ic;
    return args;
  }

  // Returns whether the sums of `pixels` pixels are in the panel.
  bool InPanel(const float* sums, int64_t pixels, int64_t step, int64_t width) const {
    return sums >= scratch_.panel &&
           sums + (pixels - 1) * step + width <= scratch_.panel + part_.panel_pixels_ * part_.panel_width_;
  }

  // Returns whether all lines that `pixels` pixels read are in the strip.
  bool InStrip(const ConvTileArgs& args, int64_t pixels) const {
    if (args.taps_z <= 0 || args.taps_y <= 0 || args.taps_x <= 0) return true;
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
  void RunTiles(const Taps& z, const Taps& y, const Taps& x, int64_t count, float* panel, int64_t panel_step) const {
    for (int64_t tile = tiles_.begin; tile < tiles_.end; ++tile) {
      const ColumnTiles& tiles = tasks_.layout.tiles;
      ConvTileArgs args = TapArgs(tile, z, y, x);
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

  // Runs tiles along x. All phases of a chunk of positions meet in the panel, so that the output is written once, in
  // order. Dense tiles that store into the output themselves gain 0 to 8 % in NHWC but lose up to 10 % in NCHWc, where
  // neighbouring lines belong to different phases. Depthwise rows have too little work to hide the panel, and take 0.8
  // of the time without it (64 to 256 channels, Zen, AVX2).
  void RunRows(int64_t oz0, int64_t oy0) {
    const PhaseAxis& x = view_.x();
    const int64_t stride = x.phases->stride;
    const int64_t row_end = task_.out[kColumn].end;
    const int64_t row_last = x.position(row_end - 1);
    for (int64_t begin = task_.out[kColumn].begin; begin < row_end;) {
      const int64_t last_position = x.position(begin) + part_.x_chunk_ - 1;
      const int64_t end = last_position >= row_last ? row_end : (last_position + 1) * stride - x.origin;
      const int64_t phases = std::min(stride, end - begin);
      for (int64_t i = 0; i < phases; ++i) {
        scratch_.runs[i] = {PhaseOf(kColumn, begin + i), x.position(begin + i), DivCeil(end - begin - i, stride)};
      }
      ForEachRow(oz0, oy0, [&](int64_t oz, int64_t oy) {
        const Taps z = RowTaps(kDepth, oz);
        const Taps y = RowTaps(kRow, oy);
        float* output = nullptr;
        if (view_.depthwise) output = OutputPixels(tasks_, task_, store_, first_channel_, width_, oz, oy, begin);
        float* const sums = output != nullptr ? output : scratch_.panel;
        int64_t step = width_;
        if (output != nullptr) step = end - begin > 1 ? tasks_.tensors.output.stride[kColumn] : 0;
        for (int64_t i = 0; i < phases; ++i) {
          const PhaseRun& run = scratch_.runs[i];
          RunTiles(z, y, {run.phase, run.position, {0, run.phase.taps.taps}}, run.count, sums + i * step,
                   run.count > 1 ? stride * step : 0);
        }
        if (output == nullptr) Store(end - begin, oz, oy, begin);
      });
      begin = end;
    }
  }

  // Runs tiles along the batch, position by position, with the positions of one phase together.
  void RunBatchedRows(int64_t oz0, int64_t oy0) {
    const PhaseAxis& x = view_.x();
    ForEachPhase(kColumn, [&](int64_t ox0) {
      const Phase phase = PhaseOf(kColumn, ox0);
      ForEachRow(oz0, oy0, [&](int64_t oz, int64_t oy) {
        const Taps z = RowTaps(kDepth, oz);
        const Taps y = RowTaps(kRow, oy);
        for (int64_t ox = ox0; ox < task_.out[kColumn].end; ox += x.phases->stride) {
          const int64_t position = x.position(ox);
          RunTiles(z, y, {phase, position, x.ValidTaps(phase.taps, position)}, task_.images.count(), scratch_.panel,
                   width_);
          Store(task_.images.count(), oz, oy, ox);
        }
      });
    });
  }

  // Stores the panel, whose pixels begin with (oz, oy, ox) of the axes of the view.
  void Store(int64_t pixels, int64_t oz, int64_t oy, int64_t ox) const {
    if (part_.IsJoined()) {
      StoreJoined(tasks_, task_, store_, scratch_.panel, scratch_.columns, width_, pixels, oz, oy, ox);
      return;
    }
    const int64_t channels = std::min(width_, view_.oc - first_channel_);
    StoreTile(tasks_, task_, store_, scratch_.panel, first_channel_, channels, width_, pixels, oz, oy, ox);
  }

  const DirectPart& part_;
  const PhaseTasks& tasks_;
  const PhaseView& view_;
  const WeightLayout& layout_;
  const PhaseTask& task_;
  const Scratch& scratch_;
  const OutputStore& store_;
  StripSteps steps_;
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
  DirectTask(*this, box, scratch, MakeStore(tasks_, context, scratch.residual)).Run(context);
}

}  // namespace

double DirectCost(const PhaseProblem& problem, const WeightLayout& layout) {
  const Costs costs = CostsOf(problem, layout);
  return std::min(costs.along_x, costs.along_n);
}

std::unique_ptr<PhasePart> ScheduleDirect(const PhaseProblem& problem, const WeightLayout& layout, size_t threads) {
  return std::make_unique<DirectPart>(problem, layout, threads);
}

const PhaseAlgorithm kDirect = {
    Algorithm::kSubpixel, "subpixel", "nothing",      [](const PhaseConvOperator&, const PhaseLayer&) { return true; },
    ReadFormat,           DirectCost, ScheduleDirect,
};

}  // namespace polyphase::internal
