// What the algorithms of the dense ops do alike: which part of the output a task has, packing its inputs, storing.
#ifndef POLYPHASE_SRC_EXEC_CONV_TASK_H_
#define POLYPHASE_SRC_EXEC_CONV_TASK_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "exec/exec.h"
#include "exec/store.h"
#include "plan/phase_conv.h"

namespace polyphase::internal {

struct ConvTask {
  int64_t group;
  int64_t image, images;
  std::array<IndexRange, kMaxSpatialRank> out;  // the box
  // Inputs of the strip: those that the outputs read, clipped where the strip has nothing that is outside.
  std::array<IndexRange, kMaxSpatialRank> in;
  IndexRange tiles;
  float* strip;
  float* columns;
  float* panel;
  OutputStore store;
};

// Tiles innermost: the tasks that run at the same time read the same inputs and different weights.
inline ConvTask MakeConvTask(const PhaseConvPlan& plan, const RunContext& context, int64_t index, size_t worker) {
  const auto part = [](int64_t i, int64_t size, int64_t end) {
    return IndexRange{i * size, std::min((i + 1) * size, end)};
  };
  const auto next = [&index](int64_t count) {
    const int64_t i = index % count;
    index /= count;
    return i;
  };
  float* strip = static_cast<float*>(context.workspace) + static_cast<int64_t>(worker) * plan.worker_floats();
  float* columns = strip + plan.strip_floats;
  float* panel = columns + plan.columns_floats;
  ConvTask task{
      0,
      0,
      0,
      {},
      {},
      part(next(plan.tile_tasks), plan.tiles_per_task, plan.tiles.count()),
      strip,
      columns,
      panel,
      {plan.op->kernels, plan.op->epilogue.get(), plan, Conversion::kF32, plan.stream,
       static_cast<char*>(context.output), static_cast<const char*>(context.residual), panel + plan.panel_floats}};
  for (int axis = kMaxSpatialRank - 1; axis >= 0; --axis) {
    task.out[axis] = part(next(plan.box_tasks[axis]), plan.box[axis], plan.axes[axis].out);
    task.in[axis] = plan.axes[axis].InputRange(task.out[axis]);
    const bool zeros = axis == kColumn && plan.algorithm == Algorithm::kSubpixel && !plan.batched;
    if (!zeros && !plan.axes[axis].padded()) task.in[axis] = task.in[axis].Clip(plan.axes[axis].in);
  }
  task.image = next(plan.image_tasks) * plan.images_per_task;
  task.images = std::min(plan.images_per_task, plan.input.n - task.image);
  task.group = index;
  return task;
}

// Steps of a strip in floats: [z][y][block][x][image][kLineLanes], or any other order of the first four. A row, all of
// x of a block, is contiguous.
struct StripSteps {
  int64_t z, y, block, x;
};

// Packs channels [channel, channel + kLineLanes) of a depthwise layer, each channel of the strip from the input channel
// that it is made of.
inline void PackRepeated(const PhaseConvPlan& plan, PixelRun run, int64_t channel, const float* pixels, float* strip) {
  const PackFn pack = plan.op->kernels.panel.pack[2];
  run.channels = 1;
  for (int64_t lane = 0; lane < kLineLanes; ++lane) {
    if (channel + lane >= plan.ic) {
      for (int64_t p = 0; p < run.pixels; ++p) strip[p * kLineLanes + lane] = 0.0f;
      continue;
    }
    run.channel = (channel + lane) / plan.multiplier;
    pack(run, pixels, strip + lane, kLineLanes, 1);
  }
}

// Packs channels [channel, channel + channels) of the group for the task's inputs, through the prologue.
inline void PackStrip(const PhaseConvPlan& plan, const ConvTask& task, const float* input, const StripSteps& steps,
                      int64_t channel, int64_t channels) {
  const TensorDesc& desc = plan.input;
  const Kernels& kernels = plan.op->kernels;
  const Prologue& prologue = plan.op->prologue;
  PixelRun run{ChannelsOf(desc), 0, 0, 0, 0};
  const Axis& axis_x = plan.x();
  const IndexRange strip_x = task.in[kColumn];
  // The part of a strip row that is a run of input pixels.
  IndexRange inside = strip_x.Clip(axis_x.in);
  if (plan.batched || axis_x.phases->repeat > 1 || inside.count() == 0) inside = {strip_x.end, strip_x.end};
  const int64_t row_floats = strip_x.count() * steps.x;
  const auto pack = [&](const float* pixels, float* strip, int64_t first) {
    if (plan.multiplier > 1) return PackRepeated(plan, run, first, pixels, strip);
    run.channel = task.group * plan.ic + first;
    run.channels = std::min<int64_t>(kLineLanes, channel + channels - first);
    kernels.panel.pack[2](run, pixels, strip, kLineLanes, kLineLanes);
  };
  const auto pack_one_by_one = [&](const float* row, float* strip_row, const IndexRange& xs, int64_t first) {
    run.pixels = task.images;
    run.pixel_stride = desc.stride_n;
    for (int64_t ix = xs.begin; ix < xs.end; ++ix) {
      float* pixel = strip_row + (ix - strip_x.begin) * steps.x;
      if (axis_x.padded() || (ix >= 0 && ix < axis_x.in)) {
        pack(row + axis_x.Source(ix) * desc.stride[kColumn], pixel, first);
      } else {
        std::fill_n(pixel, steps.x, 0.0f);
      }
    }
  };
  for (int64_t iz = task.in[kDepth].begin; iz < task.in[kDepth].end; ++iz) {
    for (int64_t iy = task.in[kRow].begin; iy < task.in[kRow].end; ++iy) {
      const float* row =
          input + PixelOffset(desc, task.image, plan.axes[kDepth].Source(iz), plan.axes[kRow].Source(iy), 0);
      float* strip_row = task.strip + (iz - task.in[kDepth].begin) * steps.z + (iy - task.in[kRow].begin) * steps.y;
      for (int64_t c = 0; c < channels; c += kLineLanes, strip_row += steps.block) {
        pack_one_by_one(row, strip_row, {strip_x.begin, inside.begin}, channel + c);
        if (inside.count() > 0) {
          run.pixels = inside.count();
          run.pixel_stride = desc.stride[kColumn];
          pack(row + inside.begin * run.pixel_stride, strip_row + (inside.begin - strip_x.begin) * steps.x,
               channel + c);
        }
        pack_one_by_one(row, strip_row, {inside.end, strip_x.end}, channel + c);
        if (prologue.activation != Activation::kNone) {
          kernels.epilogue.activate(prologue.activation, {prologue.negative_slope, 0, 0}, strip_row, row_floats);
        }
      }
    }
  }
}

// Stores a panel, rows of which are panel_stride floats apart: `pixels` pixels from output (oz, oy, ox) of the part on,
// neighbours in x or, `batched`, in the batch; channels from first_channel of the task's group on.
inline void StoreTile(const PhaseConvPlan& plan, const ConvTask& task, float* panel, int64_t first_channel,
                      int64_t channels, int64_t panel_stride, int64_t pixels, int64_t oz, int64_t oy, int64_t ox) {
  const auto stride = [&](const TensorDesc& desc) { return plan.batched ? desc.stride_n : desc.stride[kColumn]; };
  const SpatialSizes& begin = plan.part_begin;
  const auto offset = [&](const TensorDesc& desc) {
    return PixelOffset(desc, task.image, begin[kDepth] + oz, begin[kRow] + oy, begin[kColumn] + ox);
  };
  const TensorDesc& residual = plan.residual ? *plan.residual : plan.output;
  StorePanel(task.store, {task.group * plan.tensor_oc() + first_channel, channels, pixels, panel, panel_stride,
                          offset(plan.output), stride(plan.output), offset(residual), stride(residual)});
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_CONV_TASK_H_
