// Moves pixels between a tensor in any layout and panels [pixel][channel], and applies the epilogue to a panel in L1.
#ifndef POLYPHASE_SRC_KERNELS_PANEL_H_
#define POLYPHASE_SRC_KERNELS_PANEL_H_

#include <cstddef>
#include <cstdint>

#include "polyphase/epilogue.h"

namespace polyphase::internal {

// Where the channels of one pixel lie: channel c is (c / block) * block_stride + c % block elements behind channel 0.
// NCHW has block 1, NHWC a block of all channels, NCHWc its channel block. Any layout is this and a pixel stride.
struct ChannelMap {
  int64_t block;
  int64_t block_stride;
};

// One run of pixels of a tensor, channels [channel, channel + channels). Strides count elements.
struct PixelRun {
  ChannelMap map;
  int64_t channel;
  int64_t channels;
  int64_t pixels;
  int64_t pixel_stride;
};

// Panel row p starts at panel + p * panel_stride and has `channels` elements. Pack also writes zeros up to
// `panel_channels`. Unpack also writes zeros into the lanes of the last channel block that are behind `zero_from`, the
// tensor's number of channels (kNoFill where the layout has no such lanes), if it reaches it.
constexpr int64_t kNoFill = -1;

using PackFn = void (*)(const PixelRun& run, const void* tensor, void* panel, int64_t panel_stride,
                        int64_t panel_channels);
using UnpackFn = void (*)(const PixelRun& run, const void* panel, int64_t panel_stride, int64_t zero_from,
                          void* tensor);
// panel[p][c] = activation(panel[p][c] + bias[c]); bias may be null, else it has `channels` floats.
using EpilogueFn = void (*)(const Epilogue& epilogue, const float* bias, float* panel, int64_t panel_stride,
                            int64_t pixels, int64_t channels);

// panel[p][c] += addend[p][c]
using AddFn = void (*)(const float* addend, int64_t addend_stride, float* panel, int64_t panel_stride, int64_t pixels,
                       int64_t channels);

// dst[c * dst_stride + r] = src[r * src_stride + c] for r < rows, c < columns; strides count elements.
using TransposeFn = void (*)(const void* src, int64_t src_stride, void* dst, int64_t dst_stride, int64_t rows,
                             int64_t columns);

// dst[i * dst_stride] = src[i * src_stride] for i < count; strides count elements.
using CopyFn = void (*)(const void* src, int64_t src_stride, void* dst, int64_t dst_stride, int64_t count);

struct PanelKernels {
  // Indexed by log2 of the element size: 1, 2, 4 bytes.
  PackFn pack[3];
  UnpackFn unpack[3];
  UnpackFn unpack_streaming;  // 4 bytes; past the caches where whole lines are written
  TransposeFn transpose[3];
  CopyFn copy[3];
  EpilogueFn epilogue;
  AddFn add;
  // Makes streamed outputs visible to other threads; once at the end of a task.
  void (*flush)();
};

PanelKernels GetPanelKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_PANEL_H_
