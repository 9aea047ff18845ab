// PixelShuffle and Convert: moves elements, bit for bit.
#include "plan/rearrange.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "exec/exec.h"
#include "exec/runner.h"

namespace polyphase::internal {
namespace {

struct Rows {
  int64_t image, begin, end;  // rows of the deep tensor
};

// Every row is one call for each stretch of channels that lies together on one side: that side is a panel as it is.
void ConvertRows(const RearrangePlan& plan, const char* input, char* output, const Rows& rows) {
  const PanelKernels& kernels = plan.op->kernels.panel;
  const TensorDesc& in = plan.input;
  const TensorDesc& out = plan.output;
  const int element_log2 = plan.element_log2;
  const bool pack = out.layout != Layout::kNchw;
  const TensorDesc& panel = pack ? out : in;
  const int64_t block = panel.layout == Layout::kNhwc ? panel.c : panel.channel_block;
  for (int64_t c = 0; c < in.c; c += block) {
    const int64_t channels = std::min(block, in.c - c);
    const int64_t panel_channel = c / block * panel.stride_c;
    for (int64_t y = rows.begin; y < rows.end; ++y) {
      const int64_t in_row = rows.image * in.stride_n + y * in.stride[0];
      const int64_t out_row = rows.image * out.stride_n + y * out.stride[0];
      if (pack) {
        kernels.pack[element_log2]({ChannelsOf(in), c, channels, in.size[1], in.stride[1]},
                                   input + (in_row << element_log2),
                                   output + ((out_row + panel_channel) << element_log2), out.stride[1], block);
      } else {
        kernels.unpack[element_log2]({ChannelsOf(out), c, channels, out.size[1], out.stride[1]},
                                     input + ((in_row + panel_channel) << element_log2), in.stride[1], kNoFill,
                                     output + (out_row << element_log2));
      }
    }
  }
}

int64_t ChannelOffset(const TensorDesc& desc, int64_t c) {
  const ChannelMap map = ChannelsOf(desc);
  return c / map.block * map.block_stride + c % map.block;
}

// Row (c, h * r + i) of the shallow tensor holds r rows h of the deep one, interleaved.
void ShuffleRows(const RearrangePlan& plan, const char* input, char* output, const Rows& rows) {
  const PanelKernels& kernels = plan.op->kernels.panel;
  const TensorDesc& deep = plan.deep();
  const TensorDesc& shallow = plan.shallow();
  const int element_log2 = plan.element_log2;
  const int64_t r = plan.factor;
  const int64_t width = deep.size[1];
  for (int64_t c = 0; c < shallow.c; ++c) {
    for (int64_t h = rows.begin; h < rows.end; ++h) {
      for (int64_t i = 0; i < r; ++i) {
        const int64_t shallow_row =
            rows.image * shallow.stride_n + ChannelOffset(shallow, c) + (h * r + i) * shallow.stride[0];
        const int64_t first = c * plan.channel_step + i * r * plan.offset_step;
        const int64_t deep_row = rows.image * deep.stride_n + h * deep.stride[0];
        if (plan.interleave) {
          const int64_t step = plan.offset_step * deep.stride_c;
          const int64_t deep_first = deep_row + first * deep.stride_c;
          const TransposeFn transpose = kernels.transpose[element_log2];
          if (plan.to_space) {
            transpose(input + (deep_first << element_log2), step, output + (shallow_row << element_log2), r, r, width);
          } else {
            transpose(input + (shallow_row << element_log2), r, output + (deep_first << element_log2), step, width, r);
          }
          continue;
        }
        for (int64_t j = 0; j < r; ++j) {
          const int64_t from = deep_row + ChannelOffset(deep, first + j * plan.offset_step);
          const int64_t to = shallow_row + j * shallow.stride[1];
          const CopyFn copy = kernels.copy[element_log2];
          if (plan.to_space) {
            copy(input + (from << element_log2), deep.stride[1], output + (to << element_log2), r * shallow.stride[1],
                 width);
          } else {
            copy(input + (to << element_log2), r * shallow.stride[1], output + (from << element_log2), deep.stride[1],
                 width);
          }
        }
      }
    }
  }
}

// The empty lanes of the last channel block, which ShuffleRows does not reach.
void FillTail(const RearrangePlan& plan, char* output, const Rows& rows) {
  const TensorDesc& out = plan.output;
  const int64_t used = out.c % out.channel_block;
  if (used == 0) return;
  const int64_t r = plan.to_space ? plan.factor : 1;
  for (int64_t y = rows.begin * r; y < rows.end * r; ++y) {
    const int64_t row = rows.image * out.stride_n + ChannelOffset(out, out.c) + y * out.stride[0];
    for (int64_t x = 0; x < out.size[1]; ++x) {
      std::memset(output + ((row + x * out.stride[1]) << plan.element_log2), 0,
                  static_cast<size_t>(out.channel_block - used) << plan.element_log2);
    }
  }
}

}  // namespace

void RunRearrange(const RearrangePlan& plan, const RunContext& context) {
  const char* input = static_cast<const char*>(context.input);
  char* output = static_cast<char*>(context.output);
  RunTasks(context.runtime, plan.tasks(), context.workers, [&](int64_t index, size_t) {
    const int64_t begin = index % plan.row_tasks * plan.rows_per_task;
    const Rows rows{index / plan.row_tasks, begin, std::min(begin + plan.rows_per_task, plan.deep().size[0])};
    if (!plan.op->shuffle) return ConvertRows(plan, input, output, rows);
    ShuffleRows(plan, input, output, rows);
    if (plan.output.layout == Layout::kNchwc) FillTail(plan, output, rows);
  });
}

}  // namespace polyphase::internal
