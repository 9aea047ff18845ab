// What both algorithms of ConvTranspose do alike: which part of the output a task has, and packing its input rows.
#ifndef POLYPHASE_SRC_EXEC_CONV_TASK_H_
#define POLYPHASE_SRC_EXEC_CONV_TASK_H_

#include <algorithm>
#include <cstdint>

#include "exec/exec.h"
#include "exec/store.h"
#include "plan/conv_transpose.h"

namespace polyphase::internal {

struct ConvTask {
  int64_t group;
  int64_t image, images;
  IndexRange rows;  // outputs
  IndexRange tiles;
  IndexRange in_rows;  // inputs that the outputs read, clipped
  float* strip;
  float* columns;
  float* panel;
};

// Tiles innermost: the tasks that run at the same time read the same rows and different weights.
inline ConvTask MakeConvTask(const ConvTransposePlan& plan, int64_t index, float* workspace) {
  ConvTask task;
  const int64_t tile_task = index % plan.tile_tasks;
  index /= plan.tile_tasks;
  const int64_t row_task = index % plan.row_tasks;
  index /= plan.row_tasks;
  const int64_t image_task = index % plan.image_tasks;
  task.group = index / plan.image_tasks;
  task.image = image_task * plan.images_per_task;
  task.images = std::min(plan.images_per_task, plan.input.n - task.image);
  const auto part = [](int64_t i, int64_t size, int64_t end) {
    return IndexRange{i * size, std::min((i + 1) * size, end)};
  };
  task.rows = part(row_task, plan.rows_per_task, plan.y.out);
  task.tiles = part(tile_task, plan.tiles_per_task, plan.tiles.count());
  task.in_rows = plan.y.InputRange(task.rows.begin, task.rows.end).Clip(plan.y.in);
  task.strip = workspace;
  task.columns = task.strip + plan.strip_floats;
  task.panel = task.columns + plan.columns_floats;
  return task;
}

// Steps of a strip in floats: [y][block][x][image][kStripBlock], or any other order of the first three.
struct StripSteps {
  int64_t y, block, x;
};

// Packs channels [channel, channel + channels) of the group for the task's input rows and plan.strip_x.
inline void PackStrip(const ConvTransposePlan& plan, const ConvTask& task, const float* input, const StripSteps& steps,
                      int64_t channel, int64_t channels) {
  const TensorDesc& desc = plan.input;
  const PackFn pack = plan.op->kernels.panel.pack[2];
  PixelRun run{ChannelsOf(desc), 0, 0, 0, 0};
  // The part of a strip row that exists in the input.
  const IndexRange x = plan.strip_x.Clip(plan.x.in);
  for (int64_t iy = task.in_rows.begin; iy < task.in_rows.end; ++iy) {
    const float* row = input + task.image * desc.stride_n + iy * desc.stride[kRow];
    for (int64_t c = 0; c < channels; c += kStripBlock) {
      float* strip = task.strip + (iy - task.in_rows.begin) * steps.y + c / kStripBlock * steps.block;
      run.channel = task.group * plan.ic + channel + c;
      run.channels = std::min<int64_t>(kStripBlock, channels - c);
      if (plan.batched) {
        run.pixels = task.images;
        run.pixel_stride = desc.stride_n;
        for (int64_t ix = x.begin; ix < x.end; ++ix) {
          pack(run, row + ix * desc.stride[kColumn], strip + (ix - plan.strip_x.begin) * steps.x, kStripBlock,
               kStripBlock);
        }
        continue;
      }
      run.pixels = x.count();
      run.pixel_stride = desc.stride[kColumn];
      std::fill_n(strip, (x.begin - plan.strip_x.begin) * kStripBlock, 0.0f);
      strip += (x.begin - plan.strip_x.begin) * kStripBlock;
      pack(run, row + x.begin * desc.stride[kColumn], strip, kStripBlock, kStripBlock);
      std::fill_n(strip + run.pixels * kStripBlock, (plan.strip_x.end - x.end) * kStripBlock, 0.0f);
    }
  }
}

// Stores the task's panel: `pixels` pixels of one tile, from `output` on.
inline void StoreTile(const ConvTransposePlan& plan, const ConvTask& task, const RunContext& context,
                      int64_t first_channel, int64_t channels, int64_t panel_stride, int64_t pixels,
                      int64_t pixel_stride, float* output) {
  char* base = static_cast<char*>(context.output);
  StorePanel({plan.op->kernels, plan.op->epilogue.get(), plan, Conversion::kF32, plan.stream, base, nullptr, nullptr},
             {task.group * plan.oc + first_channel, channels, pixels, task.panel, panel_stride,
              output - reinterpret_cast<float*>(base), pixel_stride, 0, 0});
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_CONV_TASK_H_
