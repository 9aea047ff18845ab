// Packs, unpacks, converts and transposes panels, for every target.
#include "kernels/panel.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/panel.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/convert-inl.h"
#include "kernels/simd.h"
#include "kernels/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
void Transpose(const void* src, int64_t src_stride, void* dst, int64_t dst_stride, int64_t rows, int64_t columns) {
  TransposeT(static_cast<const T*>(src), src_stride, static_cast<T*>(dst), dst_stride, rows, columns);
}

// ---- Copies

// Copies fewer than 2 * kLanes elements, with one vector per bit of their number.
template <size_t kLanes, typename T>
HWY_INLINE void CopyTail(const T* HWY_RESTRICT src, T* HWY_RESTRICT dst, int64_t count) {
  const hn::CappedTag<T, kLanes> d;
  if ((count & kLanes) != 0) {
    hn::StoreU(hn::LoadU(d, src), d, dst);
    src += kLanes;
    dst += kLanes;
  }
  if constexpr (kLanes > 1) CopyTail<kLanes / 2>(src, dst, count);
}

// Copies `count` elements without a loop over single ones. Compilers turn such a loop into a memcpy call, which costs
// more per pixel than its bytes do.
template <typename T>
HWY_INLINE void CopyRow(const T* HWY_RESTRICT src, T* HWY_RESTRICT dst, int64_t count) {
  const hn::CappedTag<T, 64 / sizeof(T)> d;
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::LoadU(d, src + i), d, dst + i);
  constexpr size_t kMost = hn::MaxLanes(decltype(d)());
  if constexpr (kMost > 1) {
    if (i < count) CopyTail<kMost / 2>(src + i, dst + i, count - i);
  }
}

template <typename T>
void Copy(const void* src_bytes, int64_t src_stride, void* dst_bytes, int64_t dst_stride, int64_t count) {
  const T* HWY_RESTRICT src = static_cast<const T*>(src_bytes);
  T* HWY_RESTRICT dst = static_cast<T*>(dst_bytes);
  if (src_stride == 1 && dst_stride == 1) return CopyRow(src, dst, count);
  for (int64_t i = 0; i < count; ++i) dst[i * dst_stride] = src[i * src_stride];
}

void StreamCopy(const void* src_bytes, void* dst_bytes, int64_t bytes) {
  const hn::CappedTag<uint8_t, 64> d;
  const int64_t lanes = hn::Lanes(d);
  const auto* HWY_RESTRICT src = static_cast<const uint8_t*>(src_bytes);
  auto* HWY_RESTRICT dst = static_cast<uint8_t*>(dst_bytes);
  int64_t i = std::min(bytes, -static_cast<int64_t>(reinterpret_cast<uintptr_t>(dst)) & (lanes - 1));
  std::copy_n(src, i, dst);
  for (; i + lanes <= bytes; i += lanes) hn::Stream(hn::LoadU(d, src + i), d, dst + i);
  std::copy(src + i, src + bytes, dst + i);
}

// ---- Packing and unpacking

// Calls body(offset of the first channel in the tensor, its position in the run, length) for each stretch of channels
// that is contiguous in memory.
template <class Body>
HWY_INLINE void ForEachStretch(const PixelRun& run, const Body& body) {
  for (int64_t c = 0; c < run.channels;) {
    const int64_t channel = run.channel + c;
    const int64_t inner = channel % run.map.block;
    const int64_t length = std::min(run.map.block - inner, run.channels - c);
    body(channel / run.map.block * run.map.block_stride + inner, c, length);
    c += length;
  }
}

// Writes zeros after the channels of a run, before the channels are packed. Whole vectors are stored, the first of
// which may overlap channels, because a memset call per pixel costs more than its bytes do.
template <typename T>
HWY_INLINE void FillChannels(const PixelRun& run, T* panel, int64_t panel_stride, int64_t panel_channels) {
  const hn::CappedTag<T, 64 / sizeof(T)> d;
  const int64_t lanes = hn::Lanes(d);
  const int64_t begin = run.channels / lanes * lanes;
  for (int64_t p = 0; p < run.pixels && run.channels < panel_channels; ++p) {
    T* pixel = panel + p * panel_stride;
    int64_t c = begin;
    for (; c + lanes <= panel_channels; c += lanes) hn::StoreU(hn::Zero(d), d, pixel + c);
    for (; c < panel_channels; ++c) pixel[c] = T{0};
  }
}

// Writes zeros into the lanes of the last channel block that lie past the tensor's channels, if the run reaches them.
template <typename T>
HWY_INLINE void FillTail(const PixelRun& run, int64_t zero_from, T* tensor) {
  const int64_t end = run.channel + run.channels;
  const int64_t used = end % run.map.block;
  if (end != zero_from || used == 0) return;
  T* tail = tensor + end / run.map.block * run.map.block_stride + used;
  for (int64_t p = 0; p < run.pixels; ++p) std::fill_n(tail + p * run.pixel_stride, run.map.block - used, T{0});
}

// Long strided runs defeat the hardware prefetcher at page boundaries. Prefetching in runs longer than L1 takes 5 to 13
// % off layers that are bound by these reads (Sapphire Rapids). 32 pixels ahead gain as much, 8 gain less. Shorter runs
// would lose 1 %.
constexpr int64_t kPrefetchedBytes = 64 * 1024;
constexpr int64_t kPrefetchedPixels = 16;

template <typename T>
void Pack(const PixelRun& run, const void* tensor, void* panel, int64_t panel_stride, int64_t panel_channels) {
  const T* HWY_RESTRICT src = static_cast<const T*>(tensor);
  T* HWY_RESTRICT dst = static_cast<T*>(panel);
  const bool planar = run.map.block == 1 && run.pixel_stride == 1;
  const T* planes = src + run.channel * run.map.block_stride;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(T) == 4) {
    if (planar && run.channels < 4 && run.pixels >= 4 && panel_channels > 0 &&
        panel_channels % (4 * kMostBlocks) == 0) {
      return TransposeFewRows(planes, run.map.block_stride, dst, panel_stride, run.channels, run.pixels,
                              panel_channels);
    }
  }
#endif
  FillChannels(run, dst, panel_stride, panel_channels);
  if (planar && run.channels == 1 && panel_stride == 1) {
    CopyRow(planes, dst, run.pixels);
  } else if (planar) {
    TransposeT(planes, run.map.block_stride, dst, panel_stride, run.channels, run.pixels);
  } else {
    // The number of pixels is tested first, because the stride of a single pixel may be as large as int64.
    const bool prefetch = run.pixels > kPrefetchedPixels &&
                          run.pixels * run.pixel_stride * static_cast<int64_t>(sizeof(T)) > kPrefetchedBytes;
    ForEachStretch(run, [&](int64_t offset, int64_t c, int64_t length) HWY_ATTR {
      for (int64_t p = 0; p < run.pixels; ++p) {
        const T* pixel = src + offset + p * run.pixel_stride;
        if (prefetch && p + kPrefetchedPixels < run.pixels) hwy::Prefetch(pixel + kPrefetchedPixels * run.pixel_stride);
        CopyRow(pixel, dst + p * panel_stride + c, length);
      }
    });
  }
}

// Does what CopyRow does, but writes whole cache lines past the caches.
template <typename T>
HWY_INLINE void StreamRow(const T* HWY_RESTRICT src, T* HWY_RESTRICT dst, int64_t count) {
  constexpr int64_t kLine = 64 / sizeof(T);
  if (count % kLine != 0 || reinterpret_cast<uintptr_t>(dst) % 64 != 0) return CopyRow(src, dst, count);
  const hn::CappedTag<T, kLine> d;
  const int64_t lanes = hn::Lanes(d);
  for (int64_t i = 0; i < count; i += lanes) hn::Stream(hn::LoadU(d, src + i), d, dst + i);
}

template <typename T, bool kStream, bool kPanel>
void Unpack(const PixelRun& run, const void* panel, int64_t panel_stride, int64_t zero_from, void* tensor) {
  const T* HWY_RESTRICT src = static_cast<const T*>(panel);
  T* HWY_RESTRICT dst = static_cast<T*>(tensor);
  const bool whole_block = run.channels == run.map.block && run.channel % run.map.block == 0;
  if (whole_block && run.pixel_stride == run.channels && panel_stride == run.channels) {
    T* row = dst + run.channel / run.map.block * run.map.block_stride;
    const int64_t count = run.pixels * run.channels;
    return kStream ? StreamRow(src, row, count) : CopyRow(src, row, count);
  }
  if (run.map.block == 1 && run.pixel_stride == 1) {
    TransposeT<kPanel>(src, panel_stride, dst + run.channel * run.map.block_stride, run.map.block_stride, run.pixels,
                       run.channels);
    return;
  }
  ForEachStretch(run, [&](int64_t offset, int64_t c, int64_t length) HWY_ATTR {
    for (int64_t p = 0; p < run.pixels; ++p) {
      const T* from = src + p * panel_stride + c;
      T* to = dst + offset + p * run.pixel_stride;
      kStream ? StreamRow(from, to, length) : CopyRow(from, to, length);
    }
  });
  FillTail(run, zero_from, dst);
}

// ---- Conversion

template <class C>
HWY_INLINE void LoadRow(const typename C::Element* HWY_RESTRICT src, typename C::Lane* HWY_RESTRICT dst,
                        int64_t count) {
  const hn::CappedTag<typename C::Lane, 16> d;
  const hn::CappedTag<typename C::Lane, 1> d1;
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(C::Load(d, src + i), d, dst + i);
  for (; i < count; ++i) hn::StoreU(C::Load(d1, src + i), d1, dst + i);
}

template <class C>
HWY_INLINE void StoreRow(const typename C::Lane* HWY_RESTRICT src, typename C::Element* HWY_RESTRICT dst,
                         int64_t count) {
  const hn::CappedTag<typename C::Lane, 16> d;
  const hn::CappedTag<typename C::Lane, 1> d1;
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) C::Store(hn::LoadU(d, src + i), d, dst + i);
  for (; i < count; ++i) C::Store(hn::LoadU(d1, src + i), d1, dst + i);
}

// Calls body(first channel, channels, first pixel, pixels) for each piece of a planar run. A piece is transposed on its
// way through an array of kPieceChannels rows, 4 KiB.
constexpr int64_t kPieceChannels = 16, kPiecePixels = 64;
template <class Body>
HWY_INLINE void ForEachPiece(const PixelRun& run, const Body& body) {
  for (int64_t c = 0; c < run.channels; c += kPieceChannels) {
    for (int64_t p = 0; p < run.pixels; p += kPiecePixels) {
      body(c, std::min(kPieceChannels, run.channels - c), p, std::min(kPiecePixels, run.pixels - p));
    }
  }
}

template <class C>
void PackAs(const PixelRun& run, const void* tensor, void* panel, int64_t panel_stride, int64_t panel_channels) {
  using Lane = typename C::Lane;
  const auto* HWY_RESTRICT src = static_cast<const typename C::Element*>(tensor);
  Lane* HWY_RESTRICT dst = static_cast<Lane*>(panel);
  FillChannels(run, dst, panel_stride, panel_channels);
  if (run.map.block == 1 && run.pixel_stride == 1 && run.channels == 1 && panel_stride == 1) {
    LoadRow<C>(src + run.channel * run.map.block_stride, dst, run.pixels);
  } else if (run.map.block == 1 && run.pixel_stride == 1) {
    alignas(64) Lane rows[kPieceChannels * kPiecePixels];
    ForEachPiece(run, [&](int64_t c, int64_t channels, int64_t p, int64_t pixels) HWY_ATTR {
      for (int64_t r = 0; r < channels; ++r) {
        LoadRow<C>(src + (run.channel + c + r) * run.map.block_stride + p, rows + r * kPiecePixels, pixels);
      }
      TransposeT(reinterpret_cast<const uint32_t*>(rows), kPiecePixels,
                 reinterpret_cast<uint32_t*>(dst + p * panel_stride + c), panel_stride, channels, pixels);
    });
  } else {
    ForEachStretch(run, [&](int64_t offset, int64_t c, int64_t length) HWY_ATTR {
      for (int64_t p = 0; p < run.pixels; ++p) {
        LoadRow<C>(src + offset + p * run.pixel_stride, dst + p * panel_stride + c, length);
      }
    });
  }
}

template <class C>
void UnpackAs(const PixelRun& run, const void* panel, int64_t panel_stride, int64_t zero_from, void* tensor) {
  using Lane = typename C::Lane;
  const Lane* HWY_RESTRICT src = static_cast<const Lane*>(panel);
  auto* HWY_RESTRICT dst = static_cast<typename C::Element*>(tensor);
  if (run.map.block == 1 && run.pixel_stride == 1 && run.channels == 1 && panel_stride == 1) {
    return StoreRow<C>(src, dst + run.channel * run.map.block_stride, run.pixels);
  }
  if (run.map.block == 1 && run.pixel_stride == 1) {
    alignas(64) Lane rows[kPieceChannels * kPiecePixels];
    ForEachPiece(run, [&](int64_t c, int64_t channels, int64_t p, int64_t pixels) HWY_ATTR {
      TransposeT<true>(reinterpret_cast<const uint32_t*>(src + p * panel_stride + c), panel_stride,
                       reinterpret_cast<uint32_t*>(rows), kPiecePixels, pixels, channels);
      for (int64_t r = 0; r < channels; ++r) {
        StoreRow<C>(rows + r * kPiecePixels, dst + (run.channel + c + r) * run.map.block_stride + p, pixels);
      }
    });
    return;
  }
  ForEachStretch(run, [&](int64_t offset, int64_t c, int64_t length) HWY_ATTR {
    for (int64_t p = 0; p < run.pixels; ++p) {
      StoreRow<C>(src + p * panel_stride + c, dst + offset + p * run.pixel_stride, length);
    }
  });
  FillTail(run, zero_from, dst);
}

// ---- Sums
void Add(const float* HWY_RESTRICT addend, int64_t addend_stride, float* HWY_RESTRICT panel, int64_t panel_stride,
         int64_t pixels, int64_t channels) {
  const hn::CappedTag<float, 16> d;
  const int64_t lanes = hn::Lanes(d);
  for (int64_t p = 0; p < pixels; ++p, addend += addend_stride, panel += panel_stride) {
    int64_t c = 0;
    for (; c + lanes <= channels; c += lanes) {
      hn::StoreU(hn::Add(hn::LoadU(d, panel + c), hn::LoadU(d, addend + c)), d, panel + c);
    }
    for (; c < channels; ++c) panel[c] += addend[c];
  }
}

PanelKernels MakePanelKernels() {
  return PanelKernels{
      {&Pack<uint8_t>, &Pack<uint16_t>, &Pack<uint32_t>, &Pack<uint64_t>},
      {&Unpack<uint8_t, false, false>, &Unpack<uint16_t, false, false>, &Unpack<uint32_t, false, false>,
       &Unpack<uint64_t, false, false>},
      {&Transpose<uint8_t>, &Transpose<uint16_t>, &Transpose<uint32_t>, &Transpose<uint64_t>},
      {&Copy<uint8_t>, &Copy<uint16_t>, &Copy<uint32_t>, &Copy<uint64_t>},
      {&Pack<uint32_t>, &PackAs<F16>, &PackAs<BF16>, &PackAs<U8<false>>, &PackAs<U8<true>>, &PackAs<U8Integer>},
      {&Unpack<uint32_t, false, true>, &UnpackAs<F16>, &UnpackAs<BF16>, &UnpackAs<U8<false>>, &UnpackAs<U8<true>>,
       &UnpackAs<U8Integer>},
      &Unpack<uint32_t, true, true>,
      &Add,
      &StreamCopy,
      &hwy::FlushStream};
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polyphase::internal {
HWY_EXPORT(MakePanelKernels);
PanelKernels GetPanelKernels(int64_t target) { return POLYPHASE_DISPATCH(MakePanelKernels, target)(); }
}  // namespace polyphase::internal
#endif  // HWY_ONCE
