// Runs nearest resizing that moves elements.
#include "plan/resize_move.h"

#include <algorithm>
#include <cstdint>

#include "base/checked_math.h"
#include "exec/runner.h"
#include "exec/store.h"
#include "plan/addressing.h"

namespace polyphase::internal {
namespace {

// Moves output row (z, y) of an image. T has the size of an element.
template <typename T>
void MoveRow(const ResizeMovePlan& plan, const T* input, T* output, int64_t image, int64_t oz, int64_t oy) {
  const TensorDesc& in = plan.input;
  const TensorDesc& out = plan.output;
  const ResizeAxis& x = plan.x;
  const bool row_inside = plan.z.inside.Contains(oz) && plan.y.inside.Contains(oy);
  const IndexRange inside = row_inside ? x.inside : IndexRange{0, 0};
  const int64_t in_step = in.stride[kColumn];
  const int64_t out_step = out.stride[kColumn];
  const int64_t in_row = PixelOffset(in, image, plan.z.Source(oz, 0), plan.y.Source(oy, 0), 0);
  const int64_t out_row = PixelOffset(out, image, oz, oy, 0);
  int64_t channels;
  for (int64_t c = 0; c < out.c; c += channels) {  // which lie side by side in both tensors
    channels = std::min({out.c - c, ContiguousChannels(ChannelsOf(in), c), ContiguousChannels(ChannelsOf(out), c)});
    const T* const from = input + in_row + ChannelOffset(ChannelsOf(in), c);
    T* const to = output + out_row + ChannelOffset(ChannelsOf(out), c);
    const auto extrapolate = [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) std::fill_n(to + o * out_step, channels, static_cast<T>(plan.outside));
    };
    extrapolate(0, inside.begin);
    for (int64_t o = inside.begin; o < inside.end; ++o) {
      const T* const pixel = from + x.Source(o, 0) * in_step;
      if (channels == 1) {
        to[o * out_step] = *pixel;
      } else {
        std::copy_n(pixel, channels, to + o * out_step);
      }
    }
    extrapolate(inside.end, x.out);
  }
  if (out.layout == Layout::kNchwc && out.c % out.channel_block != 0) {
    FillZeros(out, output, out_row, x.out, {out.c, RoundUp(out.c, out.channel_block)});
  }
}

template <typename T>
void MoveRows(const ResizeMovePlan& plan, const RunContext& context) {
  RunTasks(context, plan.tasks, plan.worker_bytes, [&](int64_t task, const Arena&) {
    TaskIndex index(task);
    const IndexRange rows = index.Next(plan.rows);
    const int64_t image = index.rest();
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      MoveRow(plan, static_cast<const T*>(context.input), static_cast<T*>(context.output), image, row / plan.y.out,
              row % plan.y.out);
    }
  });
}

}  // namespace

Status ResizeMovePlan::Run(const RunContext& context) const {
  switch (ElementSize(input.dtype)) {
    case 1: MoveRows<uint8_t>(*this, context); break;
    case 2: MoveRows<uint16_t>(*this, context); break;
    case 4: MoveRows<uint32_t>(*this, context); break;
    default: MoveRows<uint64_t>(*this, context); break;
  }
  return Status();
}

}  // namespace polyphase::internal
