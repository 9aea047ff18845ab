// Transposed convolution as a GEMM of pixels with all taps into a column buffer, from which each output row is gathered once.
#include <algorithm>
#include <cstdint>

#include "base/checked_math.h"
#include "exec/conv_task.h"
#include "exec/exec.h"
#include "exec/runner.h"
#include "plan/phase_conv.h"

namespace polyphase::internal {
namespace {

// The task's input pixels.
int64_t InputPixels(const ConvTask& task) {
  return task.in[kDepth].count() * task.in[kRow].count() * task.in[kColumn].count();
}

// columns[pixel][column] for the task's input pixels [pixel, pixel + pixels), a tile's at most, and `tiles` of weights that
// lie behind one another.
void GemmRow(const PhaseConvPlan& plan, const ConvTask& task, const ColumnTiles& tiles, const float* weights,
             int64_t pixel, int64_t pixels, float* columns, int64_t pixel_columns) {
  const ConvTileKernels& kernels = plan.op->kernels.conv;
  ConvTileArgs args{};
  args.taps_z = args.taps_y = args.taps_x = 1;
  args.bias = kernels.no_bias;
  args.input = task.strip + pixel * kLineLanes;
  args.input_step_block = InputPixels(task) * kLineLanes;
  args.channels = plan.ic;
  args.weights = weights;
  args.output = columns;
  args.output_step = pixel_columns;
  for (int64_t tile = 0; tile < tiles.count(); ++tile) {
    kernels.dense[tiles.vectors(tile) - 1][pixels - 1](args);
    args.weights += plan.ic * tiles.width(tile);
    args.output += tiles.width(tile);
  }
}

// Calls body(pixel, pixels) for tiles of the task's input pixels. A few rows of the strip stay in L1 while the weights of
// all tiles pass.
template <class Body>
void ForEachPixelTile(const PhaseConvPlan& plan, const ConvTask& task, const Body& body) {
  const int64_t end = InputPixels(task);
  for (int64_t pixel = 0; pixel < end;) {
    const int64_t pixels = DivCeil(end - pixel, DivCeil(end - pixel, plan.op->kernels.conv.max_pixels));
    body(pixel, pixels);
    pixel += pixels;
  }
}

// Calls add(columns' pixel, tap, first output, outputs) for the columns that meet in one output row: those of the input
// pixels from `pixel` on go into every stride-th output of the box from the first one on.
template <class Add>
void ForEachTap(const PhaseConvPlan& plan, const ConvTask& task, int64_t oz, int64_t oy, const Add& add) {
  const Axis& z = plan.axes[kDepth];
  const Axis& y = plan.axes[kRow];
  const Axis& x = plan.x();
  const IndexRange out_x = task.out[kColumn];
  const IndexRange in_x = task.in[kColumn];
  const AxisPhase phase_z = z.phases->Phase(z.residue(oz));
  const AxisPhase phase_y = y.phases->Phase(y.residue(oy));
  const int64_t qz = z.position(oz);
  const int64_t qy = y.position(oy);
  // The taps of one row (z, y) of the kernel, on one row of inputs.
  const auto add_row = [&](int64_t iz, int64_t iy, int64_t tap_row) {
    const int64_t row =
        ((iz - task.in[kDepth].begin) * task.in[kRow].count() + iy - task.in[kRow].begin) * in_x.count();
    for (int64_t tap_x = 0; tap_x < x.phases->slots; ++tap_x) {
      // Inputs ix whose output ix * stride + shift is in the box.
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

// Calls fill(oz, oy), which fills the panel with `channels` values of a pixel, `width` apart, and stores it.
template <class Fill>
void StoreRows(const PhaseConvPlan& plan, const ConvTask& task, int64_t first_channel, int64_t channels, int64_t width,
               const Fill& fill) {
  for (int64_t oz = task.out[kDepth].begin; oz < task.out[kDepth].end; ++oz) {
    for (int64_t oy = task.out[kRow].begin; oy < task.out[kRow].end; ++oy) {
      fill(oz, oy);
      StoreTile(plan, task, task.panel, first_channel, channels, width, task.out[kColumn].count(), oz, oy,
                task.out[kColumn].begin);
    }
  }
}

// Few output channels, fewer than lanes: pixels are in lanes behind the GEMM, which puts each of its tiles into planes
// columns[tap][channel][pixel] in one transposition. With the channels in lanes all took 1.3 times as long
// (FSRCNN x2, 1 channel; Sapphire Rapids, AVX-512).
void RunPlanes(const PhaseConvPlan& plan, const ConvTask& task, const float* weights, const float* bias) {
  const PanelKernels& kernels = plan.op->kernels.panel;
  const TransposeFn transpose = kernels.transpose[2];
  const int64_t plane = plan.column_plane;
  const int64_t padded = plan.tiles.padded();
  float* sums = task.columns + padded * plane;  // [output modulo stride][channel][output / stride]
  float* row = sums + plan.sum_planes * plan.sum_plane;
  ForEachPixelTile(plan, task, [&](int64_t pixel, int64_t pixels) {
    GemmRow(plan, task, plan.tiles, weights, pixel, pixels, row, padded);
    // What is behind the last pixel is overwritten by the next tile's, or not read.
    transpose(row, padded, task.columns + pixel, plane, RoundUp(pixels, kTransposeBlock), padded);
  });
  const int64_t outputs = task.out[kColumn].count();
  const int64_t stride = std::min(plan.x().phases->stride, outputs);
  StoreRows(plan, task, 0, plan.oc, plan.oc, [&](int64_t oz, int64_t oy) {
    for (int64_t i = 0; i < stride * plan.oc; ++i) {
      std::fill_n(sums + i * plan.sum_plane, plan.sum_plane, bias[i % plan.oc]);
    }
    ForEachTap(plan, task, oz, oy, [&](int64_t pixel, int64_t tap, int64_t output, int64_t count) {
      float* sum = sums + output % stride * plan.oc * plan.sum_plane + output / stride;
      const float* columns = task.columns + tap * plan.oc * plane + pixel;
      kernels.add(columns, plane, sum, plan.sum_plane, plan.oc, count);
    });
    const int64_t together = stride * plan.oc;
    const int64_t whole = outputs / stride;
    transpose(sums, plan.sum_plane, task.panel, together, together, whole);
    const int64_t rest = (outputs - whole * stride) * plan.oc;
    transpose(sums + whole, plan.sum_plane, task.panel + whole * together, rest, rest, 1);
  });
}

// The taps of one tile of channels are the tiles of the GEMM: columns[pixel][tap][channel].
void RunTile(const PhaseConvPlan& plan, const ConvTask& task, int64_t tile, const float* weights, const float* biases) {
  const int64_t first = plan.tiles.first(tile);
  const int64_t width = plan.tiles.width(tile);
  const int64_t taps = plan.op->weights.slots(plan.form);
  const ColumnTiles columns{taps * width, plan.tiles.lanes, plan.tiles.vectors(tile)};
  ForEachPixelTile(plan, task, [&](int64_t pixel, int64_t pixels) {
    GemmRow(plan, task, columns, weights + first * taps * plan.ic, pixel, pixels, task.columns + pixel * taps * width,
            taps * width);
  });
  const int64_t outputs = task.out[kColumn].count();
  const int64_t stride = plan.x().phases->stride;
  StoreRows(plan, task, first, std::min(width, plan.oc - first), width, [&](int64_t oz, int64_t oy) {
    for (int64_t i = 0; i < outputs; ++i) std::copy_n(biases + first, width, task.panel + i * width);
    ForEachTap(plan, task, oz, oy, [&](int64_t pixel, int64_t tap, int64_t output, int64_t count) {
      plan.op->kernels.panel.add(task.columns + (pixel * taps + tap) * width, taps * width, task.panel + output * width,
                                 stride * width, count, width);
    });
  });
}

void RunTask(const PhaseConvPlan& plan, const ConvTask& task, const float* input) {
  const int64_t row = task.in[kColumn].count() * kLineLanes;
  const StripSteps steps{task.in[kRow].count() * row, row, InputPixels(task) * kLineLanes, kLineLanes};
  PackStrip(plan, task, input, steps, 0, plan.ic);
  const float* weights = plan.packed.weights + task.group * plan.weights_group_stride;
  const float* biases = plan.packed.bias + task.group * (plan.flattened() ? plan.oc : plan.tiles.padded());
  if (plan.flattened()) return RunPlanes(plan, task, weights, biases);
  for (int64_t tile = task.tiles.begin; tile < task.tiles.end; ++tile) RunTile(plan, task, tile, weights, biases);
}

}  // namespace

void RunGemmCol2im(const PhaseConvPlan& plan, const RunContext& context) {
  RunTasks(context.runtime, plan.part_tasks(), context.workers, [&](int64_t index, size_t worker) {
    RunTask(plan, MakeConvTask(plan, context, index, worker), static_cast<const float*>(context.input));
    if (plan.stream) plan.op->kernels.panel.flush();
  });
}

}  // namespace polyphase::internal
