// Moves pixels between a tensor in any layout and panels [pixel][channel], either unchanged or converted to the 32-bit
// lanes in which kernels compute.
#ifndef POLYPHASE_SRC_KERNELS_PANEL_H_
#define POLYPHASE_SRC_KERNELS_PANEL_H_

#include <cstddef>
#include <cstdint>

namespace polyphase::internal {

// Says where the channels of one pixel lie: channel c is (c / block) * block_stride + c % block elements after channel
// 0. NCHW has blocks of 1, NHWC has one block of all channels, and NCHWc has its channel block. Any layout is a
// ChannelMap and a pixel stride.
struct ChannelMap {
  int64_t block;
  int64_t block_stride;
};

// A run of pixels of a tensor, with the channels [channel, channel + channels). Strides count elements.
struct PixelRun {
  ChannelMap map;
  int64_t channel;
  int64_t channels;
  int64_t pixels;
  int64_t pixel_stride;
};

// Panel row p starts at panel + p * panel_stride and has `channels` elements. Pack also writes zeros up to
// `panel_channels`. Unpack also writes zeros into the lanes of the last channel block from `zero_from` on, if the run
// reaches that channel. `zero_from` is the tensor's number of channels, or kNoFill where the layout has no such lanes.
constexpr int64_t kNoFill = -1;

using PackFn = void (*)(const PixelRun& run, const void* tensor, void* panel, int64_t panel_stride,
                        int64_t panel_channels);
using UnpackFn = void (*)(const PixelRun& run, const void* panel, int64_t panel_stride, int64_t zero_from,
                          void* tensor);
// panel[p][c] += addend[p][c]
using AddFn = void (*)(const float* addend, int64_t addend_stride, float* panel, int64_t panel_stride, int64_t pixels,
                       int64_t channels);

// dst[c * dst_stride + r] = src[r * src_stride + c] for r < rows, c < columns; strides count elements.
// Multiples of kTransposeBlock rows and columns need no tail.
constexpr int64_t kTransposeBlock = 4;
using TransposeFn = void (*)(const void* src, int64_t src_stride, void* dst, int64_t dst_stride, int64_t rows,
                             int64_t columns);

// dst[i * dst_stride] = src[i * src_stride] for i < count; strides count elements.
using CopyFn = void (*)(const void* src, int64_t src_stride, void* dst, int64_t dst_stride, int64_t count);

// Says what an element becomes in a panel of 32-bit lanes, and how it is rounded back.
enum class Conversion : int {
  kF32 = 0,
  kF16 = 1,          // to and from f32, ties to even
  kBF16 = 2,         // likewise
  kU8 = 3,           // likewise, saturating
  kU8Truncated = 4,  // to f32, and back towards zero, saturating
  kU8Integer = 5,    // to int32, and back saturating
};
constexpr int kConversions = 6;

// Returns log2 of an element size of 1, 2, 4 or 8 bytes, by which kernels that move elements unchanged are indexed.
constexpr int Log2Size(size_t bytes) { return bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3; }
constexpr int kLog2F32 = Log2Size(sizeof(float));

struct PanelKernels {
  // These are indexed by Log2Size.
  PackFn pack[4];
  UnpackFn unpack[4];
  TransposeFn transpose[4];
  CopyFn copy[4];
  // These are indexed by Conversion. They take panels in the workspace alone, because unpacking may read past the
  // channels of a row; `unpack` also takes the user's tensors. unpack_streaming is kF32's and writes whole cache lines
  // past the caches.
  PackFn pack_as[kConversions];
  UnpackFn unpack_as[kConversions];
  UnpackFn unpack_streaming;
  AddFn add;
  // Copies bytes past the caches, but for parts of a vector at both ends.
  void (*stream_copy)(const void* src, void* dst, int64_t bytes);
  // Makes streamed outputs visible to other threads. Each task calls it once, at its end.
  void (*flush)();
};

PanelKernels GetPanelKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_PANEL_H_
