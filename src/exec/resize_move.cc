// Runs nearest resizing that moves elements.
#include "plan/resize_move.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/checked_math.h"
#include "exec/runner.h"
#include "exec/store.h"
#include "plan/addressing.h"

namespace polyphase::internal {
namespace {

// Copies two overlapping words of the size of T, which together are `bytes` bytes.
template <typename T>
void CopyEnds(const char* from, char* to, int64_t bytes) {
  std::memcpy(to, from, sizeof(T));
  std::memcpy(to + bytes - sizeof(T), from + bytes - sizeof(T), sizeof(T));
}

// Copies a pixel of `bytes` bytes. memcpy is a call where the compiler does not know the size.
template <typename Bytes>
void CopyPixel(const char* from, char* to, Bytes bytes) {
  if (bytes >= kByteLanes) {
    int64_t i = 0;
    for (; i + kByteLanes <= bytes; i += kByteLanes) std::memcpy(to + i, from + i, kByteLanes);
    if (i < bytes) std::memcpy(to + bytes - kByteLanes, from + bytes - kByteLanes, kByteLanes);
  } else if (bytes >= 8) {
    CopyEnds<uint64_t>(from, to, bytes);
  } else if (bytes >= 4) {
    CopyEnds<uint32_t>(from, to, bytes);
  } else if (bytes >= 2) {
    CopyEnds<uint16_t>(from, to, bytes);
  } else {
    *to = *from;
  }
}

// Moves outputs [begin, end) of a row; strides count bytes.
template <typename Bytes>
void MovePixels(const int32_t* sources, IndexRange outputs, const char* from, int64_t from_stride, char* to,
                int64_t to_stride, Bytes bytes) {
  for (int64_t o = outputs.begin; o < outputs.end; ++o) {
    CopyPixel(from + sources[o] * from_stride, to + o * to_stride, bytes);
  }
}

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
    const auto* const from_bytes = reinterpret_cast<const char*>(from);
    auto* const to_bytes = reinterpret_cast<char*>(to);
    if (!plan.blocks.empty()) {
      plan.op.kernels.resize_bytes.permute({reinterpret_cast<const uint8_t*>(from), reinterpret_cast<uint8_t*>(to),
                                            plan.blocks.data(), static_cast<int64_t>(plan.blocks.size())});
    } else {
      constexpr int64_t kBytes = sizeof(T);
      const auto move = [&](auto bytes) {
        MovePixels(x.first.data(), inside, from_bytes, in_step * kBytes, to_bytes, out_step * kBytes, bytes);
      };
      channels == 1 ? move(std::integral_constant<int64_t, kBytes>()) : move(channels * kBytes);
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
