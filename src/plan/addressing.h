// Says where the elements of a tensor lie. Offsets count elements from the first one of the tensor.
#ifndef POLYPHASE_SRC_PLAN_ADDRESSING_H_
#define POLYPHASE_SRC_PLAN_ADDRESSING_H_

#include <cstdint>

#include "base/line.h"
#include "geometry/tensor.h"
#include "kernels/panel.h"

namespace polyphase::internal {

// Says how a normalized descriptor places the channels of a pixel.
inline ChannelMap ChannelsOf(const TensorDesc& desc) {
  switch (desc.layout) {
    case Layout::kNhwc: return {desc.c, 0};
    case Layout::kNchw:
    case Layout::kNchwc: break;
  }
  return {desc.channel_block, desc.stride_c};
}

// Returns the offset of a channel from channel 0 of its pixel.
inline int64_t ChannelOffset(const ChannelMap& map, int64_t channel) {
  return channel / map.block * map.block_stride + channel % map.block;
}

// Returns the offset of a pixel's channel 0.
inline int64_t PixelOffset(const TensorDesc& desc, int64_t n, int64_t z, int64_t y, int64_t x) {
  return n * desc.stride_n + z * desc.stride[kDepth] + y * desc.stride[kRow] + x * desc.stride[kColumn];
}

// Returns how many channels, from `channel` on, lie side by side in memory.
inline int64_t ContiguousChannels(const ChannelMap& map, int64_t channel) { return map.block - channel % map.block; }

// Returns whether channels [channel, channel + kLineLanes) exist and lie side by side: kernels then read and write the
// pixels of the tensor where they are. `channel` is a multiple of kLineLanes.
inline bool IsLine(const TensorDesc& desc, int64_t channel) {
  return channel + kLineLanes <= desc.c && (desc.layout == Layout::kNhwc || desc.channel_block == kLineLanes);
}

// Returns whether the pixels of a plane follow one another, rows and slices included, at the steps of a column.
inline bool HasDensePlanes(const TensorDesc& desc) {
  return desc.stride[kRow] == desc.size[kColumn] * desc.stride[kColumn] &&
         (desc.size[kDepth] == 1 || desc.stride[kDepth] == desc.size[kRow] * desc.stride[kRow]);
}

// Returns whether the rows of each channel lie in memory without gaps.
inline bool IsPlanar(const TensorDesc& desc) {
  return desc.layout == Layout::kNchw || (desc.layout == Layout::kNhwc && desc.c == 1 && desc.stride[kColumn] == 1);
}
// Returns whether the rows of all channels do.
inline bool IsInterleaved(const TensorDesc& desc) {
  return desc.layout == Layout::kNhwc && desc.stride[kColumn] == desc.c;
}

// Unpack fills the lanes from this channel on with zeros, up to the end of their channel block.
inline int64_t ZeroFrom(const TensorDesc& desc) { return desc.layout == Layout::kNchwc ? desc.c : kNoFill; }

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_ADDRESSING_H_
