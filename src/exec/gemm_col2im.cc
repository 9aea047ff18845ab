// ConvTranspose as a GEMM of pixels with all taps into a column buffer, from which each output row is gathered once.
#include <algorithm>
#include <cstdint>

#include "base/checked_math.h"
#include "exec/conv_task.h"
#include "exec/exec.h"
#include "exec/runner.h"
#include "plan/conv_transpose.h"

namespace polyphase::internal {
namespace {

// columns[pixel][column] for all pixels of the task's input rows and `tiles` weight tiles that lie behind one another.
void Gemm(const ConvTransposePlan& plan, const ConvTask& task, const ColumnTiles& tiles, const float* weights,
          int64_t pixel_columns) {
  const ConvTileKernels& kernels = plan.op->kernels.conv;
  const int64_t all_pixels = task.in_rows.count() * plan.x.in;
  ConvTileArgs args{};
  args.taps_y = args.taps_x = 1;
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

// One output row of `width` channels into the panel: the sum of the columns [tap][width] that meet there.
void Col2imRow(const ConvTransposePlan& plan, const ConvTask& task, int64_t oy, int64_t pixel_columns, int64_t width) {
  const AddFn add = plan.op->kernels.panel.add;
  const Axis& x = plan.x;
  const AxisTaps& taps_x = *x.taps;
  const AxisPhase phase = plan.y.taps->Phase(plan.y.residue(oy));
  const int64_t qy = plan.y.position(oy);
  const IndexRange ty = plan.y.ValidTaps(phase, qy);
  std::fill_n(task.panel, x.out * width, 0.0f);
  for (int64_t m = ty.begin; m < ty.end; ++m) {
    const int64_t iy = qy - phase.first_offset - m * plan.y.taps->offset_step;
    const int64_t tap_y = phase.first_tap + m * plan.y.taps->tap_step;
    for (int64_t tap_x = 0; tap_x < taps_x.kernel; ++tap_x) {
      // Inputs ix with 0 <= ix * stride + shift < out.
      const int64_t shift = tap_x * taps_x.dilation - taps_x.padding_begin;
      const int64_t begin = std::max<int64_t>(0, DivCeil(-shift, taps_x.stride));
      const int64_t end = std::min(x.in, DivFloor(x.out - 1 - shift, taps_x.stride) + 1);
      if (begin >= end) continue;
      const float* columns = task.columns + ((iy - task.in_rows.begin) * x.in + begin) * pixel_columns +
                             (tap_y * taps_x.kernel + tap_x) * width;
      add(columns, pixel_columns, task.panel + (begin * taps_x.stride + shift) * width, taps_x.stride * width,
          end - begin, width);
    }
  }
}

void RunTask(const ConvTransposePlan& plan, const ConvTask& task, const RunContext& context) {
  const auto* input = static_cast<const float*>(context.input);
  auto* output = static_cast<float*>(context.output);
  const StripSteps steps{plan.x.in * kStripBlock, task.in_rows.count() * plan.x.in * kStripBlock, kStripBlock};
  PackStrip(plan, task, input, steps, 0, plan.ic);
  const int64_t taps = plan.op->weights.taps();
  const float* weights = plan.weights + task.group * plan.weights_group_stride;
  float* image = output + task.image * plan.output.stride_n;
  const auto store_rows = [&](int64_t first_channel, int64_t channels, int64_t pixel_columns, int64_t width) {
    for (int64_t oy = task.rows.begin; oy < task.rows.end; ++oy) {
      Col2imRow(plan, task, oy, pixel_columns, width);
      StoreTile(plan, task, context, first_channel, channels, width, plan.x.out, plan.output.stride[kColumn],
                image + oy * plan.output.stride[kRow]);
    }
  };
  if (plan.flattened) {
    Gemm(plan, task, plan.tiles, weights, plan.tiles.padded());
    return store_rows(0, plan.oc, plan.tiles.padded(), plan.oc);
  }
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

void RunGemmCol2im(const ConvTransposePlan& plan, const RunContext& context) {
  RunTasks(context.runtime, plan.tasks(), context.workers, [&](int64_t index, size_t worker) {
    float* workspace = static_cast<float*>(context.workspace) + static_cast<int64_t>(worker) * plan.worker_floats();
    RunTask(plan, MakeConvTask(plan, index, workspace), context);
    if (plan.stream) plan.op->kernels.panel.flush();
  });
}

}  // namespace polyphase::internal
