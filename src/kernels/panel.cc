// Packing, unpacking, conversion and transposition of panels, for every target.
#include "kernels/panel.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/panel.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/convert-inl.h"
#include "kernels/simd.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// ---- Transposition

template <typename T>
void TransposeScalar(const T* HWY_RESTRICT src, int64_t src_stride, T* HWY_RESTRICT dst, int64_t dst_stride,
                     int64_t rows, int64_t columns) {
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) dst[c * dst_stride + r] = src[r * src_stride + c];
  }
}

#if HWY_TARGET != HWY_SCALAR

// Rows that lie densely interleaved in dst, as in a pixel shuffle: one interleaving store per vector of columns.
template <int kRows, typename T>
int64_t Interleave(const T* HWY_RESTRICT src, int64_t src_stride, T* HWY_RESTRICT dst, int64_t columns) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = hn::Lanes(d);
  int64_t c = 0;
  for (; c + lanes <= columns; c += lanes) {
    const auto v0 = hn::LoadU(d, src + c);
    const auto v1 = hn::LoadU(d, src + src_stride + c);
    if constexpr (kRows == 2) {
      hn::StoreInterleaved2(v0, v1, d, dst + 2 * c);
    } else {
      const auto v2 = hn::LoadU(d, src + 2 * src_stride + c);
      if constexpr (kRows == 3) {
        hn::StoreInterleaved3(v0, v1, v2, d, dst + 3 * c);
      } else {
        const auto v3 = hn::LoadU(d, src + 3 * src_stride + c);
        hn::StoreInterleaved4(v0, v1, v2, v3, d, dst + 4 * c);
      }
    }
  }
  return c;
}

// The reverse: columns that lie densely interleaved in src.
template <int kColumns, typename T>
int64_t Deinterleave(const T* HWY_RESTRICT src, T* HWY_RESTRICT dst, int64_t dst_stride, int64_t rows) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t lanes = hn::Lanes(d);
  int64_t r = 0;
  for (; r + lanes <= rows; r += lanes) {
    V v0, v1, v2, v3;
    if constexpr (kColumns == 2) hn::LoadInterleaved2(d, src + 2 * r, v0, v1);
    if constexpr (kColumns == 3) hn::LoadInterleaved3(d, src + 3 * r, v0, v1, v2);
    if constexpr (kColumns == 4) hn::LoadInterleaved4(d, src + 4 * r, v0, v1, v2, v3);
    hn::StoreU(v0, d, dst + r);
    hn::StoreU(v1, d, dst + dst_stride + r);
    if constexpr (kColumns >= 3) hn::StoreU(v2, d, dst + 2 * dst_stride + r);
    if constexpr (kColumns >= 4) hn::StoreU(v3, d, dst + 3 * dst_stride + r);
  }
  return r;
}

// 4 x 4 blocks of 32-bit elements in 128-bit registers.
void Transpose4x4Blocks(const uint32_t* HWY_RESTRICT src, int64_t src_stride, uint32_t* HWY_RESTRICT dst,
                        int64_t dst_stride, int64_t rows, int64_t columns) {
  const hn::FixedTag<uint32_t, 4> d;
  const hn::FixedTag<uint64_t, 2> d64;
  for (int64_t r = 0; r + 4 <= rows; r += 4) {
    for (int64_t c = 0; c + 4 <= columns; c += 4) {
      const uint32_t* s = src + r * src_stride + c;
      const auto r0 = hn::LoadU(d, s);
      const auto r1 = hn::LoadU(d, s + src_stride);
      const auto r2 = hn::LoadU(d, s + 2 * src_stride);
      const auto r3 = hn::LoadU(d, s + 3 * src_stride);
      const auto a = hn::BitCast(d64, hn::InterleaveLower(d, r0, r1));
      const auto b = hn::BitCast(d64, hn::InterleaveLower(d, r2, r3));
      const auto e = hn::BitCast(d64, hn::InterleaveUpper(d, r0, r1));
      const auto f = hn::BitCast(d64, hn::InterleaveUpper(d, r2, r3));
      uint32_t* t = dst + c * dst_stride + r;
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, a, b)), d, t);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, a, b)), d, t + dst_stride);
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, e, f)), d, t + 2 * dst_stride);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, e, f)), d, t + 3 * dst_stride);
    }
  }
}

#endif  // HWY_TARGET != HWY_SCALAR

template <typename T>
void TransposeT(const T* HWY_RESTRICT src, int64_t src_stride, T* HWY_RESTRICT dst, int64_t dst_stride, int64_t rows,
                int64_t columns) {
#if HWY_TARGET != HWY_SCALAR
  int64_t done = 0;
  if (rows == dst_stride && rows >= 2 && rows <= 4) {
    if (rows == 2) done = Interleave<2>(src, src_stride, dst, columns);
    if (rows == 3) done = Interleave<3>(src, src_stride, dst, columns);
    if (rows == 4) done = Interleave<4>(src, src_stride, dst, columns);
    return TransposeScalar(src + done, src_stride, dst + done * dst_stride, dst_stride, rows, columns - done);
  }
  if (columns == src_stride && columns >= 2 && columns <= 4) {
    if (columns == 2) done = Deinterleave<2>(src, dst, dst_stride, rows);
    if (columns == 3) done = Deinterleave<3>(src, dst, dst_stride, rows);
    if (columns == 4) done = Deinterleave<4>(src, dst, dst_stride, rows);
    return TransposeScalar(src + done * src_stride, src_stride, dst + done, dst_stride, rows - done, columns);
  }
  if constexpr (sizeof(T) == 4) {
    Transpose4x4Blocks(src, src_stride, dst, dst_stride, rows, columns);
    const int64_t r = rows / 4 * 4;
    const int64_t c = columns / 4 * 4;
    TransposeScalar(src + c, src_stride, dst + c * dst_stride, dst_stride, r, columns - c);
    return TransposeScalar(src + r * src_stride, src_stride, dst + r, dst_stride, rows - r, columns);
  }
#endif
  TransposeScalar(src, src_stride, dst, dst_stride, rows, columns);
}

template <typename T>
void Transpose(const void* src, int64_t src_stride, void* dst, int64_t dst_stride, int64_t rows, int64_t columns) {
  TransposeT(static_cast<const T*>(src), src_stride, static_cast<T*>(dst), dst_stride, rows, columns);
}

// ---- Copies

// `count` elements; vectors where there are enough of them, since a memcpy call per pixel costs more than its bytes.
template <typename T>
HWY_INLINE void CopyRow(const T* HWY_RESTRICT src, T* HWY_RESTRICT dst, int64_t count) {
  const hn::CappedTag<T, 64 / sizeof(T)> d;
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::LoadU(d, src + i), d, dst + i);
  for (; i < count; ++i) dst[i] = src[i];
}

template <typename T>
void Copy(const void* src_bytes, int64_t src_stride, void* dst_bytes, int64_t dst_stride, int64_t count) {
  const T* HWY_RESTRICT src = static_cast<const T*>(src_bytes);
  T* HWY_RESTRICT dst = static_cast<T*>(dst_bytes);
  if (src_stride == 1 && dst_stride == 1) return CopyRow(src, dst, count);
  for (int64_t i = 0; i < count; ++i) dst[i * dst_stride] = src[i * src_stride];
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

// Zeros behind the channels of a run.
template <typename T>
HWY_INLINE void FillChannels(const PixelRun& run, T* panel, int64_t panel_stride, int64_t panel_channels) {
  for (int64_t p = 0; p < run.pixels && run.channels < panel_channels; ++p) {
    std::fill_n(panel + p * panel_stride + run.channels, panel_channels - run.channels, T{0});
  }
}

// Zeros in the lanes of the last channel block behind the tensor's channels, if the run reaches them.
template <typename T>
HWY_INLINE void FillTail(const PixelRun& run, int64_t zero_from, T* tensor) {
  const int64_t end = run.channel + run.channels;
  const int64_t used = end % run.map.block;
  if (end != zero_from || used == 0) return;
  T* tail = tensor + end / run.map.block * run.map.block_stride + used;
  for (int64_t p = 0; p < run.pixels; ++p) std::fill_n(tail + p * run.pixel_stride, run.map.block - used, T{0});
}

template <typename T>
void Pack(const PixelRun& run, const void* tensor, void* panel, int64_t panel_stride, int64_t panel_channels) {
  const T* HWY_RESTRICT src = static_cast<const T*>(tensor);
  T* HWY_RESTRICT dst = static_cast<T*>(panel);
  if (run.map.block == 1 && run.pixel_stride == 1 && run.channels == 1 && panel_stride == 1) {
    CopyRow(src + run.channel * run.map.block_stride, dst, run.pixels);
  } else if (run.map.block == 1 && run.pixel_stride == 1) {
    TransposeT(src + run.channel * run.map.block_stride, run.map.block_stride, dst, panel_stride, run.channels,
               run.pixels);
  } else {
    ForEachStretch(run, [&](int64_t offset, int64_t c, int64_t length) HWY_ATTR {
      for (int64_t p = 0; p < run.pixels; ++p) {
        CopyRow(src + offset + p * run.pixel_stride, dst + p * panel_stride + c, length);
      }
    });
  }
  FillChannels(run, dst, panel_stride, panel_channels);
}

// As CopyRow, but whole lines of memory go past the caches.
template <typename T>
HWY_INLINE void StreamRow(const T* HWY_RESTRICT src, T* HWY_RESTRICT dst, int64_t count) {
  constexpr int64_t kLine = 64 / sizeof(T);
  if (count % kLine != 0 || reinterpret_cast<uintptr_t>(dst) % 64 != 0) return CopyRow(src, dst, count);
  const hn::CappedTag<T, kLine> d;
  const int64_t lanes = hn::Lanes(d);
  for (int64_t i = 0; i < count; i += lanes) hn::Stream(hn::LoadU(d, src + i), d, dst + i);
}

template <typename T, bool kStream>
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
    TransposeT(src, panel_stride, dst + run.channel * run.map.block_stride, run.map.block_stride, run.pixels,
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

// Calls body(first channel, channels, first pixel, pixels) for the pieces of a planar run that are transposed on their
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
  FillChannels(run, dst, panel_stride, panel_channels);
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
      TransposeT(reinterpret_cast<const uint32_t*>(src + p * panel_stride + c), panel_stride,
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
      {&Unpack<uint8_t, false>, &Unpack<uint16_t, false>, &Unpack<uint32_t, false>, &Unpack<uint64_t, false>},
      {&Transpose<uint8_t>, &Transpose<uint16_t>, &Transpose<uint32_t>, &Transpose<uint64_t>},
      {&Copy<uint8_t>, &Copy<uint16_t>, &Copy<uint32_t>, &Copy<uint64_t>},
      {&Pack<uint32_t>, &PackAs<F16>, &PackAs<BF16>, &PackAs<U8<false>>, &PackAs<U8<true>>, &PackAs<U8Integer>},
      {&Unpack<uint32_t, false>, &UnpackAs<F16>, &UnpackAs<BF16>, &UnpackAs<U8<false>>, &UnpackAs<U8<true>>,
       &UnpackAs<U8Integer>},
      &Unpack<uint32_t, true>,
      &Add,
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
