// Computes a transposed convolution as a GEMM of pixels with all taps into a column buffer, from which each output row
// is gathered once.
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

// Every slot must be one tap, whose product with an input is added to one output.
bool Applies(const PhaseConvOperator&, const PhaseLayer& layer) {
  return std::all_of(layer.phases.begin(), layer.phases.end(), [](const AxisPhases& a) { return a.overlap_add; });
}

// Fewer output channels than lanes waste vectors, unless columns are flattened over the taps.
WeightFormat ReadFormat(const PhaseConvOperator& op, const PhaseLayer& layer) {
  const bool few = layer.oc < op.kernels.conv.dense.lanes;
  return {few ? Order::kColumns : Order::kSlots, nullptr, &op.kernels.conv.dense};
}

// The buffer holds so many columns of an input pixel at once: those of one tile of channels or, flattened, all of them.
int64_t PixelColumns(const WeightLayout& layout) {
  return layout.IsFlattened() ? layout.tiles.padded() : layout.tiles.width(0) * layout.all_slots();
}

PhaseTasks CutIntoTasks(const PhaseProblem& problem, const WeightLayout& layout, size_t threads) {
  PhaseTasks tasks(problem, layout);
  const PhaseView& view = tasks.view;
  const PhaseAxis& x = view.x();
  const int64_t channels = RoundUp(view.ic, kLineLanes);
  // Inputs whose columns fall into two boxes are computed twice, so boxes are long compared with the kernel.
  const int64_t eighth = std::min(x.in / 8 + 1, DivCeil(x.phases->dilation * (x.phases->slots - 1), x.phases->stride));
  const SpatialSizes smallest = SmallestBox(view, std::max(kTaskTiles * problem.op.kernels.conv.dense.mr, 8 * eighth));
  SplitTasks({threads, view.UsefulMacs(), static_cast<double>(std::max(PixelColumns(layout), channels)) * sizeof(float),
              smallest, !layout.IsFlattened()},
             &tasks);
  return tasks;
}

// One element of a transposition costs this, whatever the lanes: the blocks have 128-bit vectors, and the planes go
// through L2.
constexpr double kTransposeCost = 2;
// One addition of a vector of columns costs this. Of 50 random layers whose kernels overlap, 1-D to 3-D, none took the
// algorithm that was more than 1.2 times slower (Zen, AVX2).
constexpr double kAddCost = 2.5;
// A GEMM with flattened columns takes so many times as long as its multiplications (dcgan.g5; Zen, AVX2).
constexpr double kFlattenedCost = 1.2;

// The GEMM multiplies each input pixel by every tap, cropped or not; each (output, tap) pair is then one addition.
double Cost(const PhaseProblem& problem, const WeightLayout& layout) {
  const ConvTile& tile = problem.op.kernels.conv.dense;
  const PhaseTasks tasks = CutIntoTasks(problem, layout, 1);
  const PhaseView& view = tasks.view;
  const double lanes = tile.lanes;
  const double ic = static_cast<double>(view.ic);
  const double outputs = view.Product(&PhaseAxis::out);
  const double pairs = view.Pairs();
  // The input pixels of all boxes, which overlap by the kernel. There are none where no output reads an input. So many
  // boxes stand for all of a longer axis, which may have 2^60.
  constexpr int64_t kMostBoxes = 4096;
  double in_pixels = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const Ranges& boxes = tasks.boxes[axis];
    const int64_t counted = std::min(boxes.count, kMostBoxes);
    double inputs = 0;
    for (int64_t box = 0; box < counted; ++box) {
      inputs += static_cast<double>(view.axes[axis].InputRange(boxes[box]).Clip(view.axes[axis].in).count());
    }
    in_pixels *= inputs * (static_cast<double>(boxes.count) / static_cast<double>(counted));
  }
  double channels = static_cast<double>(layout.tiles.padded());
  const double columns = static_cast<double>(PixelColumns(layout) * (layout.IsFlattened() ? 1 : layout.tiles.count()));
  double transposed = 0, waste = 1;
  if (layout.IsFlattened()) {
    // Pixels are in lanes, after transpositions of the columns and of the sums.
    waste = kFlattenedCost;
    channels = static_cast<double>(view.oc);
    transposed = in_pixels * columns + outputs * channels;
  }
  const int64_t pixels = BalancedTile(std::max<int64_t>(1, static_cast<int64_t>(in_pixels)), tile.mr);
  const double rate = TileRate(pixels, tile, layout.tiles, ic * columns * static_cast<double>(layout.element_bytes));
  const double vectors_per_call = static_cast<double>(layout.tiles.vectors(0));
  const double call = kCallCost / (vectors_per_call * static_cast<double>(pixels));
  const double gemm = waste * in_pixels * columns / lanes * (ic / rate + call);
  return static_cast<double>(view.images * view.groups) *
         (gemm + kAddCost * pairs * channels / lanes + kTransposeCost * transposed +
          in_pixels * ic * (MoveCost(problem.tensors.input, lanes) + WaitCost(problem.tensors.input)) +
          outputs * channels * MoveCost(problem.tensors.output, lanes));
}

// ---- Schedule

class GemmPart final : public PhasePart {
 public:
  GemmPart(const PhaseProblem& problem, const WeightLayout& layout, size_t threads);
  void Run(int64_t task, Arena arena, const RunContext& context) const override;

  bool IsFlattened() const { return tasks_.layout.IsFlattened(); }
  int64_t panel_width() const { return IsFlattened() ? tasks_.view.oc : tasks_.layout.tiles.width(0); }

  PhaseTasks tasks_;
  const int64_t pixel_columns_;
  // Where columns are flattened, these are the floats from one plane of the columns to the next, those of a plane of a
  // row's sums, and the number of the latter planes.
  int64_t column_plane_ = 0, sum_plane_ = 0, sum_planes_ = 0;
};

struct Scratch {
  Scratch(const GemmPart& part, Arena& arena) {
    const PhaseTasks& tasks = part.tasks_;
    const StripShape shape = tasks.LargestStrip(tasks.view.ic);
    strip = TakeStrip(shape, arena);
    if (part.IsFlattened()) {
      columns = arena.Take<float>("columns", {part.pixel_columns_, part.column_plane_});
      sums = arena.Take<float>("sums", {part.sum_planes_, part.sum_plane_});
      row = arena.Take<float>("row of columns",
                              {RoundUp(tasks.op.kernels.conv.dense.mr, kTransposeBlock), part.pixel_columns_});
    } else {
      columns = arena.Take<float>("columns", {shape.z, shape.y, shape.x, part.pixel_columns_});
    }
    const auto take = [&](const char* what) {
      return arena.Take<float>(what, {tasks.boxes[kColumn].length, part.panel_width()});
    };
    panel = take("panel");
    if (tasks.tensors.residual) residual = take("residual");
  }

  Strip strip;
  float* columns = nullptr;  // [pixel][tap][channel]; flattened: [column][pixel]
  float* sums = nullptr;     // flattened: [output modulo stride][channel][output / stride]
  float* row = nullptr;      // flattened: columns of one tile of pixels, before they are transposed
  float* panel = nullptr;
  float* residual = nullptr;
};

GemmPart::GemmPart(const PhaseProblem& problem, const WeightLayout& layout, size_t threads)
    : tasks_(CutIntoTasks(problem, layout, threads)), pixel_columns_(PixelColumns(layout)) {
  const ConvTile& tile = problem.op.kernels.conv.dense;
  const PhaseView& view = tasks_.view;
  const PhaseAxis& x = view.x();
  if (IsFlattened()) {
    // A plane has an odd number of lines, so that neighbouring planes do not meet in one set of L1, and room past the
    // last pixel for whole blocks.
    const auto plane = [](int64_t floats) { return (DivCeil(floats + kTransposeBlock, kLineLanes) | 1) * kLineLanes; };
    const StripShape shape = tasks_.LargestStrip(view.ic);
    const int64_t box_x = tasks_.boxes[kColumn].length;
    column_plane_ = plane(shape.z * shape.y * shape.x);
    sum_plane_ = plane(DivCeil(box_x, x.phases->stride));
    sum_planes_ = std::min(x.phases->stride, box_x) * view.oc;
  }
  Arena arena;
  Scratch(*this, arena);
  tasks = tasks_.count();
  worker_bytes = arena.bytes();
  status = arena.Check(problem.op.name);
  tiles = Format("tiles %dx%d along x", tile.mr, tile.nr);
}

// ---- Loop nest

// Returns the number of input pixels of the task.
int64_t InputPixels(const PhaseTask& task) {
  return task.in[kDepth].count() * task.in[kRow].count() * task.in[kColumn].count();
}

// Computes columns[pixel][column] for the input pixels [pixel, pixel + pixels) of the task, at most those of a tile,
// and `tiles` of weights that follow one another.
void GemmRow(const PhaseTasks& tasks, const PhaseTask& task, const Strip& strip, const ColumnTiles& tiles,
             const char* weights, int64_t pixel, int64_t pixels, float* columns, int64_t pixel_columns) {
  const ConvTile& kernels = tasks.op.kernels.conv.dense;
  ConvTileArgs args{};
  args.taps_z = args.taps_y = args.taps_x = 1;
  args.bias = tasks.op.kernels.conv.no_bias;
  args.input = strip.lines + pixel;
  args.input_step_block = InputPixels(task) * kLineBytes;
  args.channels = tasks.view.ic;
  args.sums_step = pixel_columns * int64_t{sizeof(float)};
  const int64_t column_bytes = tasks.view.ic * tasks.layout.element_bytes;
  assert(pixel + pixels + (DivCeil(args.channels, kLineLanes) - 1) * InputPixels(task) <= strip.count);
  for (int64_t tile = 0; tile < tiles.count(); ++tile) {
    args.weights = weights + tiles.first(tile) * column_bytes;
    args.sums = columns + tiles.first(tile);
    kernels.run[tiles.vectors(tile) - 1][pixels - 1](args);
  }
}

// Calls add(columns' pixel, tap, first output, outputs) for the columns that meet in one output row: those of the input
// pixels from `pixel` on go into every stride-th output of the box from the first one on.
template <class Add>
void ForEachTap(const PhaseTasks& tasks, const PhaseTask& task, int64_t oz, int64_t oy, const Add& add) {
  const PhaseAxis& z = tasks.view.axes[kDepth];
  const PhaseAxis& y = tasks.view.axes[kRow];
  const PhaseAxis& x = tasks.view.x();
  const IndexRange out_x = task.out[kColumn];
  const IndexRange in_x = task.in[kColumn];
  const AxisPhase phase_z = z.phases->Phase(z.residue(oz));
  const AxisPhase phase_y = y.phases->Phase(y.residue(oy));
  const int64_t qz = z.position(oz);
  const int64_t qy = y.position(oy);
  // Adds the taps of one row (z, y) of the kernel, on one row of inputs.
  const auto add_row = [&](int64_t iz, int64_t iy, int64_t tap_row) {
    const int64_t row =
        ((iz - task.in[kDepth].begin) * task.in[kRow].count() + iy - task.in[kRow].begin) * in_x.count();
    for (int64_t tap_x = 0; tap_x < x.phases->slots; ++tap_x) {
      // The output ix * stride + shift of each input ix in [begin, end) is in the box.
      const int64_t shift = tap_x * x.phases->dilation - x.origin;
      const int64_t begin = std::max(in_x.begin, DivCeil(out_x.begin - shift, x.phases->stride));
      const int64_t end = std::min(in_x.end, DivFloor(out_x.end - 1 - shift, x.phases->stride) + 1);
      if (begin >= end) continue;
      add(row + begin - in_x.begin, tap_row * x.phases->slots + tap_x, begin * x.phases->stride + shift - out_x.begin,
          end - begin);
    }
  };
  const IndexRange tz = z.ValidTaps(phase_z, qz);
  const IndexRange ty = y.ValidTaps(phase_y, qy);
  for (int64_t mz = tz.begin; mz < tz.end; ++mz) {
    for (int64_t my = ty.begin; my < ty.end; ++my) {
      const int64_t tap_z = phase_z.first_slot + mz * z.phases->slot_step;
      const int64_t tap_y = phase_y.first_slot + my * y.phases->slot_step;
      add_row(qz - phase_z.first_offset - mz * z.phases->offset_step,
              qy - phase_y.first_offset - my * y.phases->offset_step, tap_z * y.phases->slots + tap_y);
    }
  }
}

// Calls fill(oz, oy), which fills the panel with `channels` values per pixel, `width` apart, and stores the panel.
template <class Fill>
void StoreRows(const PhaseTasks& tasks, const PhaseTask& task, const OutputStore& store, float* panel,
               int64_t first_channel, int64_t channels, int64_t width, const Fill& fill) {
  for (int64_t oz = task.out[kDepth].begin; oz < task.out[kDepth].end; ++oz) {
    for (int64_t oy = task.out[kRow].begin; oy < task.out[kRow].end; ++oy) {
      fill(oz, oy);
      StoreTile(tasks, task, store, panel, first_channel, channels, width, task.out[kColumn].count(), oz, oy,
                task.out[kColumn].begin);
    }
  }
}

// Serves fewer output channels than lanes: after the GEMM, pixels are in lanes. One transposition moves each of its
// tiles into planes [tap][channel][pixel]. With channels in lanes everything took 1.3 times as long (FSRCNN x2, 1
// channel; Sapphire Rapids, AVX-512).
void RunPlanes(const GemmPart& part, const PhaseTask& task, const Scratch& scratch, const OutputStore& store) {
  const PhaseTasks& tasks = part.tasks_;
  const PanelKernels& kernels = tasks.op.kernels.panel;
  const TransposeFn transpose = kernels.transpose[kLog2F32];
  const int64_t plane = part.column_plane_;
  const int64_t sum_plane = part.sum_plane_;
  const int64_t padded = part.pixel_columns_;
  const int64_t oc = tasks.view.oc;
  const WeightLayout& layout = tasks.layout;
  const char* const weights = part.weights.weights + task.group * layout.group_bytes();
  const float* const bias = part.weights.bias + task.group * layout.bias_columns;
  ForEachTile(InputPixels(task), layout.format.tile->mr, [&](int64_t pixel, int64_t pixels) {
    GemmRow(tasks, task, scratch.strip, tasks.layout.tiles, weights, pixel, pixels, scratch.row, padded);
    // Columns past the last pixel are overwritten by those of the next tile, or not read.
    const int64_t whole = RoundUp(pixels, kTransposeBlock);
    assert(pixel + whole <= plane);
    transpose(scratch.row, padded, scratch.columns + pixel, plane, whole, padded);
  });
  const int64_t outputs = task.out[kColumn].count();
  const int64_t stride = std::min(tasks.view.x().phases->stride, outputs);
  StoreRows(tasks, task, store, scratch.panel, 0, oc, oc, [&](int64_t oz, int64_t oy) {
    for (int64_t i = 0; i < stride * oc; ++i) std::fill_n(scratch.sums + i * sum_plane, sum_plane, bias[i % oc]);
    ForEachTap(tasks, task, oz, oy, [&](int64_t pixel, int64_t tap, int64_t output, int64_t count) {
      float* sum = scratch.sums + output % stride * oc * sum_plane + output / stride;
      kernels.add(scratch.columns + tap * oc * plane + pixel, plane, sum, sum_plane, oc, count);
    });
    const int64_t together = stride * oc;
    const int64_t whole = outputs / stride;
    transpose(scratch.sums, sum_plane, scratch.panel, together, together, whole);
    const int64_t rest = (outputs - whole * stride) * oc;
    transpose(scratch.sums + whole, sum_plane, scratch.panel + whole * together, rest, rest, 1);
  });
}

// The taps of one tile of channels are the tiles of the GEMM: columns[pixel][tap][channel].
void RunTile(const GemmPart& part, const PhaseTask& task, const Scratch& scratch, const OutputStore& store,
             int64_t tile) {
  const PhaseTasks& tasks = part.tasks_;
  const WeightLayout& layout = tasks.layout;
  const AddFn add = tasks.op.kernels.panel.add;
  const int64_t first = tasks.layout.tiles.first(tile);
  const int64_t width = tasks.layout.tiles.width(tile);
  const int64_t taps = layout.all_slots();
  const ColumnTiles tap_tiles(taps * width, tasks.layout.tiles.lanes, width);
  const char* const weights = part.weights.weights + task.group * layout.group_bytes() + first * layout.column_bytes();
  const float* const bias = part.weights.bias + task.group * layout.bias_columns + first;
  // A few rows of the strip stay in L1 while the weights of all taps pass.
  ForEachTile(InputPixels(task), layout.format.tile->mr, [&](int64_t pixel, int64_t pixels) {
    GemmRow(tasks, task, scratch.strip, tap_tiles, weights, pixel, pixels, scratch.columns + pixel * taps * width,
            taps * width);
  });
  const int64_t outputs = task.out[kColumn].count();
  const int64_t stride = tasks.view.x().phases->stride;
  const int64_t channels = std::min(width, tasks.view.oc - first);
  StoreRows(tasks, task, store, scratch.panel, first, channels, width, [&](int64_t oz, int64_t oy) {
    for (int64_t i = 0; i < outputs; ++i) std::copy_n(bias, width, scratch.panel + i * width);
    ForEachTap(tasks, task, oz, oy, [&](int64_t pixel, int64_t tap, int64_t output, int64_t count) {
      add(scratch.columns + (pixel * taps + tap) * width, taps * width, scratch.panel + output * width, stride * width,
          count, width);
    });
  });
}

void GemmPart::Run(int64_t index, Arena arena, const RunContext& context) const {
  const PhaseTask task = tasks_[index];
  const Scratch scratch(*this, arena);
  const OutputStore store = MakeStore(tasks_, context, scratch.residual);
  const int64_t row = task.in[kColumn].count();
  PackStrip(tasks_, task, context, scratch.strip, {task.in[kRow].count() * row, row, InputPixels(task), 1}, 0,
            tasks_.view.ic);
  if (IsFlattened()) {
    RunPlanes(*this, task, scratch, store);
  } else {
    for (int64_t tile = task.tiles.begin; tile < task.tiles.end; ++tile) RunTile(*this, task, scratch, store, tile);
  }
  if (tasks_.stream) tasks_.op.kernels.panel.flush();
}

}  // namespace

const PhaseAlgorithm kGemmCol2im = {
    Algorithm::kGemmCol2im, "gemm_col2im", "a transposed convolution", Applies, ReadFormat, Cost, MakePart<GemmPart>,
};

}  // namespace polyphase::internal
