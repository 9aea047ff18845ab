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

// columns[pixel][column] for all of the task's input pixels and `tiles` weight tiles that lie behind one another.
void Gemm(const PhaseConvPlan& plan, const ConvTask& task, const ColumnTiles& tiles, const float* weights,
          int64_t pixel_columns) {
  const ConvTileKernels& kernels = plan.op->kernels.conv;
  const int64_t all_pixels = InputPixels(task);
  ConvTileArgs args{};
  args.taps_z = args.taps_y = args.taps_x = 1;
  args.bias = plan.op->kernels.conv.no_bias;
  args.input_step_block = all_pixels * kStripBlock;
  args.channels = plan.ic;
  args.output_step = pixel_columns;
  // Pixels outside: a few rows of the strip stay in L1 while the weights of all tiles pass.
  for (int64_t pixel = 0; pixel < all_pixels;) {
    const int64_t left = all_pixels - pixel;
    const int64_t pixels = DivCeil(left, DivCeil(left, kernels.max_pixels));
    args.input = task.strip + pixel * kStripBlock;
    args.weights = weights;
    args.output = task.columns + pixel * pixel_columns;
    for (int64_t tile = 0; tile < tiles.count(); ++tile) {
      kernels.dense[tiles.vectors(tile) - 1][pixels - 1](args);
      args.weights += plan.ic * tiles.width(tile);
      args.output += tiles.width(tile);
    }
    pixel += pixels;
  }
}

// One output row of `width` channels into the panel: the bias and the columns [tap][width] that meet there.
void Col2imRow(const PhaseConvPlan& plan, const ConvTask& task, const float* bias, int64_t oz, int64_t oy,
               int64_t pixel_columns, int64_t width) {
  const AddFn add = plan.op->kernels.panel.add;
  const Axis& z = plan.axes[kDepth];
  const Axis& y = plan.axes[kRow];
  const Axis& x = plan.x();
  const IndexRange out_x = task.out[kColumn];
  const IndexRange in_x = task.in[kColumn];
  const AxisPhase phase_z = z.phases->Phase(z.residue(oz));
  const AxisPhase phase_y = y.phases->Phase(y.residue(oy));
  const int64_t qz = z.position(oz);
  const int64_t qy = y.position(oy);
  for (int64_t i = 0; i < out_x.count(); ++i) std::copy_n(bias, width, task.panel + i * width);
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
      const float* columns =
          task.columns + (row + begin - in_x.begin) * pixel_columns + (tap_row * x.phases->slots + tap_x) * width;
      add(columns, pixel_columns, task.panel + (begin * x.phases->stride + shift - out_x.begin) * width,
          x.phases->stride * width, end - begin, width);
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

void RunTask(const PhaseConvPlan& plan, const ConvTask& task, const float* input) {
  const int64_t row = task.in[kColumn].count() * kStripBlock;
  const StripSteps steps{task.in[kRow].count() * row, row, InputPixels(task) * kStripBlock, kStripBlock};
  PackStrip(plan, task, input, steps, 0, plan.ic);
  const float* weights = plan.packed.weights + task.group * plan.weights_group_stride;
  const float* biases = plan.packed.bias + task.group * (plan.flattened() ? plan.oc : plan.tiles.padded());
  const auto store_rows = [&](int64_t first_channel, int64_t channels, int64_t pixel_columns, int64_t width) {
    for (int64_t oz = task.out[kDepth].begin; oz < task.out[kDepth].end; ++oz) {
      for (int64_t oy = task.out[kRow].begin; oy < task.out[kRow].end; ++oy) {
        Col2imRow(plan, task, biases + first_channel, oz, oy, pixel_columns, width);
        StoreTile(plan, task, task.panel, first_channel, channels, width, task.out[kColumn].count(), oz, oy,
                  task.out[kColumn].begin);
      }
    }
  };
  if (plan.flattened()) {
    Gemm(plan, task, plan.tiles, weights, plan.tiles.padded());
    return store_rows(0, plan.oc, plan.tiles.padded(), plan.oc);
  }
  const int64_t taps = plan.op->weights.slots(plan.form);
  for (int64_t tile = task.tiles.begin; tile < task.tiles.end; ++tile) {
    const int64_t first = plan.tiles.first(tile);
    const int64_t width = plan.tiles.width(tile);
    // The taps of this tile of channels are the tiles of the GEMM.
    const ColumnTiles columns{taps * width, plan.tiles.lanes, plan.tiles.vectors(tile)};
    Gemm(plan, task, columns, weights + first * taps * plan.ic, taps * width);
    store_rows(first, std::min(width, plan.oc - first), taps * width, width);
  }
}

}  // namespace

void RunGemmCol2im(const PhaseConvPlan& plan, const RunContext& context) {
  RunTasks(context.runtime, plan.part_tasks(), context.workers, [&](int64_t index, size_t worker) {
    RunTask(plan, MakeConvTask(plan, context, index, worker), static_cast<const float*>(context.input));
    if (plan.stream) plan.op->kernels.panel.flush();
  });
}

}  // namespace polyphase::internal
