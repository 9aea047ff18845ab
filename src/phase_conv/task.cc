// Cuts a part into tasks, packs their strips and stores their panels.
#include "phase_conv/task.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/checked_math.h"
#include "geometry/epilogue.h"
#include "plan/addressing.h"
#include "plan/conversion.h"
#include "plan/streaming.h"

namespace polyphase::internal {
namespace {

// Packs one channel block of a depthwise layer. Each channel of the strip comes from the input channel that it repeats.
void PackRepeated(const PhaseTasks& tasks, PackFn pack, PixelRun run, int64_t channel, const char* pixels, float* strip,
                  int64_t step) {
  run.channels = 1;
  for (int64_t lane = 0; lane < kLineLanes; ++lane) {
    if (channel + lane >= tasks.view.ic) {
      for (int64_t p = 0; p < run.pixels; ++p) strip[p * step + lane] = 0.0f;
      continue;
    }
    run.channel = (channel + lane) / tasks.view.multiplier;
    pack(run, pixels, strip + lane, step, 1);
  }
}

// The first channel of a panel, in the tensor.
int64_t OutputChannel(const PhaseTasks& tasks, const PhaseTask& task, int64_t first_channel) {
  return task.group * tasks.group_channels + first_channel;
}

// Counts elements of a tensor of the output's size up to channel 0 of output (oz, oy, ox) of the part.
int64_t OutputOffset(const PhaseTasks& tasks, const PhaseTask& task, const TensorDesc& desc, int64_t oz, int64_t oy,
                     int64_t ox) {
  return PixelOffset(desc, task.images.begin, tasks.part[kDepth].begin + oz, tasks.part[kRow].begin + oy,
                     tasks.part[kColumn].begin + ox);
}

}  // namespace

Strip TakeStrip(const StripShape& shape, Arena& arena) {
  Line* const lines = arena.Take<Line>("strip", {shape.z, shape.y, shape.blocks, shape.x, shape.images});
  return {lines, lines == nullptr ? 0 : shape.z * shape.y * shape.blocks * shape.x * shape.images};
}

PhaseTasks::PhaseTasks(const PhaseProblem& problem, const WeightLayout& weight_layout)
    : op(problem.op),
      tensors(problem.tensors),
      view(problem, weight_layout.format),
      layout(weight_layout),
      part(problem.part),
      group_channels(problem.tensors.output.c / view.groups),
      stream(problem.tensors.output.dtype == DataType::kF32 && ShouldStream(problem.tensors.output)),
      images(CutEvery(view.images, 1)) {
  // Strips and panels have no other types yet.
  [[maybe_unused]] const TileFormat& tile = *layout.format.tile;
  assert((tile.input == DataType::kF32 || tile.input == DataType::kBF16) && tile.sums == DataType::kF32);
}

int64_t PhaseTasks::count() const {
  return view.groups * images.count * boxes[kDepth].count * boxes[kRow].count * boxes[kColumn].count * tiles.count;
}

// Tiles are innermost, so that the tasks that run at the same time read the same inputs and different weights.
PhaseTask PhaseTasks::operator[](int64_t index) const {
  TaskIndex next(index);
  PhaseTask task;
  task.tiles = tiles[next.Next(tiles.count)];
  for (int axis = kMaxSpatialRank - 1; axis >= 0; --axis) {
    const PhaseAxis& a = view.axes[axis];
    const IndexRange box = boxes[axis][next.Next(boxes[axis].count)];
    task.out[axis] = {std::max<int64_t>(0, box.begin - lead[axis]), box.end - lead[axis]};
    task.in[axis] = a.InputRange(task.out[axis]);
    if (!a.padded() && !zeros[axis]) task.in[axis] = task.in[axis].Clip(a.in);
  }
  task.images = images[next.Next(images.count)];
  task.group = next.rest();
  return task;
}

int64_t PhaseTasks::StripInputs(int axis, int64_t outputs) const {
  const PhaseAxis& a = view.axes[axis];
  const bool outside = a.padded() || zeros[axis];
  const int64_t all = outside ? a.InputRange({0, a.out}).count() : a.in;
  return std::min(a.MaxInputs(std::min(outputs, a.out)), all);
}

StripShape PhaseTasks::LargestStrip(int64_t channels) const {
  return {StripInputs(kDepth, boxes[kDepth].length), StripInputs(kRow, boxes[kRow].length),
          layout.format.tile->lines(channels), StripInputs(kColumn, boxes[kColumn].length), images.length};
}

double StripBytes(const PhaseTasks& tasks, const SplitCosts& costs, const SpatialSizes& box) {
  double pixels = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    pixels *= static_cast<double>(tasks.StripInputs(axis, box[axis]));
  }
  return pixels * costs.pixel_bytes;
}

// Cuts first until the strip is small enough, then until all threads have enough to do. Each cut goes in the direction
// that repeats fewer bytes: more boxes read the weights once more, more tile tasks pack the input once more. Boxes are
// cut along z before y before x, because whole rows are read and stored best, unless that packs a fifth more.
void SplitTasks(const SplitCosts& costs, PhaseTasks* tasks) {
  SpatialSizes whole;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) whole[axis] = tasks->view.axes[axis].out + tasks->lead[axis];
  SpatialSizes box = whole;
  const auto halve = [&] {
    int best = -1;
    int64_t best_half = 0;
    double least = 0;
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      if (box[axis] <= costs.smallest[axis]) continue;
      const int64_t half = RoundUp(DivCeil(box[axis], 2), costs.smallest[axis]);
      SpatialSizes halved = box;
      halved[axis] = half;
      const double packed = 2 * StripBytes(*tasks, costs, halved) / StripBytes(*tasks, costs, box);
      if (best >= 0 && packed >= least) continue;
      best = axis;
      best_half = half;
      least = packed;
      if (packed <= 1.2) break;
    }
    if (best >= 0) box[best] = best_half;
    return best >= 0;
  };
  while (StripBytes(*tasks, costs, box) > LargestStripBytes(*tasks->layout.format.tile) && halve()) {
  }
  const int64_t tile_count = tasks->layout.tiles.count();
  int64_t tiles_per_task = tile_count;
  const double wanted = WantedTasks(costs.threads, costs.useful_macs / kTaskMacs);
  const bool tiles_first = StripBytes(*tasks, costs, whole) <= static_cast<double>(tasks->layout.bytes());
  for (;;) {
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) tasks->boxes[axis] = CutEvery(whole[axis], box[axis]);
    tasks->tiles = CutEvery(tile_count, tiles_per_task);
    if (static_cast<double>(tasks->count()) >= wanted) return;
    const bool tiles = costs.split_tiles && tiles_per_task > 1;
    if (!(tiles && tiles_first) && halve()) continue;
    if (!tiles) return;
    tiles_per_task = DivCeil(tiles_per_task, 2);
  }
}

SpatialSizes SmallestBox(const PhaseView& view, int64_t x_positions) {
  SpatialSizes box;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    box[axis] = std::min(view.axes[axis].phases->stride, view.axes[axis].out);
  }
  const PhaseAxis& x = view.x();
  box[kColumn] = x.out / x.phases->stride <= x_positions ? x.out : x.phases->stride * x_positions;
  return box;
}

// The multiplications of a tile must fill the latency of the FMA units (4 cycles, 2 units) and the time in which its
// lines of weights arrive. A line takes about 4 cycles from L2, and 7 where the operands of a tile do not stay there
// (tiles of 4 pixels reach 0.6 of the peak; tiles of 6 and 8 then reach 0.45 and 0.55; Sapphire Rapids, AVX-512).
double TileRate(int64_t pixels, const TileFormat& tile, const ColumnTiles& tiles, double weight_bytes) {
  if (tile.granule > 1) {
    // Cycles of a tile for a line of channels and a vector of columns. Lines of L2 come in time, unless a tile of one
    // vector loads three for two products.
    const double computed = static_cast<double>(RoundUp(std::min<int64_t>(pixels, tile.mr), tile.granule));
    const double cycles = computed * ProductsOf(tile.parts) * tile.cost / 2;
    const double wait = tiles.vectors(0) == 1 ? 0.2 * cycles : 0;
    const double line_cycles = weight_bytes <= LargestStripBytes(tile) * 2 / 3 ? 0 : 6;
    const double load = line_cycles * static_cast<double>(tile.granule * tile.parts);
    const double used = static_cast<double>(pixels) / static_cast<double>(RoundUp(pixels, tile.granule));
    return used * cycles / (cycles + wait + load);
  }
  const double vectors = static_cast<double>(tiles.vectors(0));
  const double line_cycles = weight_bytes <= kPanelBytes ? 0 : weight_bytes <= kStripBytes ? 4 : 7;
  const double cycles = static_cast<double>(BalancedTile(pixels, tile.mr)) * vectors / 2;
  return cycles / std::max({cycles, 4.0, line_cycles * vectors * static_cast<double>(tiles.lanes) / kLineLanes});
}

// An element costs about two vector operations per vector, and four where it is transposed.
double MoveCost(const TensorDesc& desc, double lanes) { return (desc.layout == Layout::kNchw ? 4.0 : 2.0) / lanes; }

// Packing takes 7 % of the time of layers with 25 units of work for each element (Zen 4), and 40 % of those with 5
// (Granite Rapids).
double WaitCost(const TensorDesc& desc) {
  constexpr int64_t kCachedBytes = 1 << 20;
  return ExtentElements(desc) * static_cast<int64_t>(ElementSize(desc.dtype)) <= kCachedBytes ? 0 : 1.5;
}

void PackStrip(const PhaseTasks& tasks, const PhaseTask& task, const RunContext& context, const Strip& strip,
               const StripSteps& steps, int64_t channel, int64_t channels) {
  const TensorDesc& desc = tasks.tensors.input;
  const Kernels& kernels = tasks.op.kernels;
  const TileFormat& tile = *tasks.layout.format.tile;
  const bool splits = tile.input == DataType::kBF16;
  const int64_t line_channels = tile.line_channels();
  const auto activate = [&](float* values, int64_t count) {
    const Prologue& prologue = tasks.op.prologue;
    if (prologue.activation == Activation::kNone) return;
    kernels.epilogue.activate(prologue.activation, {prologue.negative_slope, 0, 0}, values, count);
  };
  const auto* const input = static_cast<const char*>(context.input);
  const int element_log2 = Log2Size(ElementSize(desc.dtype));
  const PackFn pack_as = kernels.panel.pack_as[static_cast<int>(FloatConversion(desc.dtype))];
  PixelRun run{ChannelsOf(desc), 0, 0, 0, 0};
  const PhaseAxis& axis_z = tasks.view.axes[kDepth];
  const PhaseAxis& axis_y = tasks.view.axes[kRow];
  const PhaseAxis& axis_x = tasks.view.x();
  const IndexRange strip_x = task.in[kColumn];
  // `inside` is the part of a strip row that is a run of input pixels. Images are packed one by one, or else the pixels
  // of NCHW would come from a line of memory each: layers of 64 images took twice as long.
  IndexRange inside = strip_x.Clip(axis_x.in);
  if (axis_x.phases->repeat > 1 || inside.count() <= 1) inside = {strip_x.end, strip_x.end};
  // Packs a run, whose lines are `step` lines apart.
  const auto pack = [&](const char* pixels, Line* lines, int64_t step, int64_t first) {
    float* const packed = reinterpret_cast<float*>(lines);
    if (tasks.view.multiplier > 1) return PackRepeated(tasks, pack_as, run, first, pixels, packed, step * kLineLanes);
    run.channel = task.group * tasks.view.ic + first;
    run.channels = std::min(line_channels, channel + channels - first);
    if (!splits) return pack_as(run, pixels, packed, step * kLineLanes, kLineLanes);
    ForEachTile(run.pixels, kSplitPixels, [&](int64_t begin, int64_t count) {
      PixelRun some = run;
      some.pixels = count;
      pack_as(some, pixels + (begin * run.pixel_stride << element_log2), strip.whole, line_channels, line_channels);
      activate(strip.whole, count * line_channels);
      kernels.matrix.split[tile.parts - 1](strip.whole, count, lines + begin * step, step, steps.block);
    });
  };
  const auto pack_one_by_one = [&](const char* row, Line* strip_row, const IndexRange& xs, int64_t first) {
    run.pixels = task.images.count();
    run.pixel_stride = desc.stride_n;
    for (int64_t ix = xs.begin; ix < xs.end; ++ix) {
      Line* const pixel = strip_row + (ix - strip_x.begin) * steps.x;
      if (axis_x.IsZero(ix)) {
        for (int part = 0; part < tile.parts; ++part) {
          std::memset(pixel + part * steps.block, 0, static_cast<size_t>(steps.x * kLineBytes));
        }
      } else {
        pack(row + (axis_x.Source(ix) * desc.stride[kColumn] << element_log2), pixel, 1, first);
      }
    }
  };
  // Packs a line of channels of a row.
  const auto pack_row = [&](int64_t iz, int64_t iy, int64_t block) {
    const int64_t line = (iz - task.in[kDepth].begin) * steps.z + (iy - task.in[kRow].begin) * steps.y +
                         block * tile.parts * steps.block;
    assert(line >= 0 && line + (tile.parts - 1) * steps.block + strip_x.count() * steps.x <= strip.count);
    Line* const strip_row = strip.lines + line;
    if (axis_z.IsZero(iz) || axis_y.IsZero(iy)) {
      for (int part = 0; part < tile.parts; ++part) {
        std::memset(strip_row + part * steps.block, 0, static_cast<size_t>(strip_x.count() * steps.x * kLineBytes));
      }
      return;
    }
    const char* const row =
        input + (PixelOffset(desc, task.images.begin, axis_z.Source(iz), axis_y.Source(iy), 0) << element_log2);
    const int64_t first = channel + block * line_channels;
    pack_one_by_one(row, strip_row, {strip_x.begin, inside.begin}, first);
    if (inside.count() > 0) {
      run.pixels = inside.count();
      run.pixel_stride = desc.stride[kColumn];
      for (int64_t image = 0; image < steps.x; ++image) {
        pack(row + ((inside.begin * run.pixel_stride + image * desc.stride_n) << element_log2),
             strip_row + (inside.begin - strip_x.begin) * steps.x + image, steps.x, first);
      }
    }
    pack_one_by_one(row, strip_row, {inside.end, strip_x.end}, first);
    if (!splits) activate(reinterpret_cast<float*>(strip_row), strip_x.count() * steps.x * kLineLanes);
  };
  // With the channels outside, packing took the same share of the time (512 channels of 144x144).
  for (int64_t iz = task.in[kDepth].begin; iz < task.in[kDepth].end; ++iz) {
    for (int64_t iy = task.in[kRow].begin; iy < task.in[kRow].end; ++iy) {
      for (int64_t block = 0; block < DivCeil(channels, line_channels); ++block) pack_row(iz, iy, block);
    }
  }
}

OutputStore MakeStore(const PhaseTasks& tasks, const RunContext& context, float* residual_panel) {
  const TensorDesc& output = tasks.tensors.output;
  return {tasks.op.kernels,
          tasks.op.epilogue.get(),
          tasks.tensors,
          FloatConversion(output.dtype),
          FloatConversion(tasks.tensors.residual ? tasks.tensors.residual->dtype : output.dtype),
          tasks.stream,
          static_cast<char*>(context.output),
          static_cast<const char*>(context.residual),
          residual_panel};
}

void StoreTile(const PhaseTasks& tasks, const PhaseTask& task, const OutputStore& store, float* panel,
               int64_t first_channel, int64_t channels, int64_t panel_stride, int64_t pixels, int64_t oz, int64_t oy,
               int64_t ox) {
  const TensorDesc& output = tasks.tensors.output;
  const TensorDesc& residual = tasks.tensors.residual ? *tasks.tensors.residual : output;
  StorePanel(store, {OutputChannel(tasks, task, first_channel), channels, pixels, panel, panel_stride,
                     OutputOffset(tasks, task, output, oz, oy, ox), output.stride[kColumn],
                     OutputOffset(tasks, task, residual, oz, oy, ox), residual.stride[kColumn]});
}

void StoreJoined(const PhaseTasks& tasks, const PhaseTask& task, const OutputStore& store, float* panel, float* columns,
                 int64_t panel_stride, int64_t pixels, int64_t qz, int64_t qy, int64_t qx) {
  const int64_t phases = tasks.view.join[kColumn];
  const int64_t oc = tasks.group_channels;
  const int64_t run = phases * oc;
  const int64_t ox = qx * phases - tasks.view.skip[kColumn];
  const int64_t begin = std::max<int64_t>(0, -ox);
  const int64_t size_x = tasks.part[kColumn].count();
  tasks.ForEachJoinedRow(qz, qy, [&](int64_t phase, int64_t oz, int64_t oy) {
    float* const pixel = panel + phase * run;
    // The phases of x are put together first, so that a row leaves in one piece: that is cheaper than storing every
    // phase with a stride.
    float* row = pixel;
    if (run != panel_stride) {
      row = columns;
      tasks.op.kernels.panel.pack[kLog2F32]({{run, 0}, 0, run, pixels, panel_stride}, pixel, row, run, run);
    }
    const int64_t end = std::min(pixels * phases, size_x - ox);
    if (begin < end) StoreTile(tasks, task, store, row + begin * oc, 0, oc, oc, end - begin, oz, oy, ox + begin);
  });
}

float* OutputPixels(const PhaseTasks& tasks, const PhaseTask& task, const OutputStore& store, int64_t first_channel,
                    int64_t width, int64_t oz, int64_t oy, int64_t ox) {
  const TensorDesc& output = tasks.tensors.output;
  const ChannelMap map = ChannelsOf(output);
  const int64_t channel = OutputChannel(tasks, task, first_channel);
  if (store.conversion != Conversion::kF32 || !IsTrivial(store.epilogue) || store.Streams() ||
      width > ContiguousChannels(map, channel)) {
    return nullptr;
  }
  return reinterpret_cast<float*>(store.output) + OutputOffset(tasks, task, output, oz, oy, ox) +
         ChannelOffset(map, channel);
}

}  // namespace polyphase::internal
