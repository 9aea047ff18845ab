// Transposes matrices of any element type, those of 32-bit elements in whole vectors. Each target includes this file
// once.
#if defined(POLYPHASE_SRC_KERNELS_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLYPHASE_SRC_KERNELS_TRANSPOSE_INL_H_
#undef POLYPHASE_SRC_KERNELS_TRANSPOSE_INL_H_
#else
#define POLYPHASE_SRC_KERNELS_TRANSPOSE_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/checked_math.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polyphase::internal::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
void TransposeScalar(const T* HWY_RESTRICT src, int64_t src_stride, T* HWY_RESTRICT dst, int64_t dst_stride,
                     int64_t rows, int64_t columns) {
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) dst[c * dst_stride + r] = src[r * src_stride + c];
  }
}

#if HWY_TARGET != HWY_SCALAR

// Transposes rows that lie densely interleaved in dst, as in a pixel shuffle, with one interleaving store per vector of
// columns. Returns the number of columns done.
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

// Does the reverse, for columns that lie densely interleaved in src. Returns the number of rows done.
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

// Counts the 128-bit blocks of the largest vector used. Without a fixed vector length it is 1, because only fixed
// lengths have a type of so many lanes.
#if HWY_HAVE_SCALABLE || HWY_MAX_BYTES < 32
constexpr int kMostBlocks = 1;
#else
constexpr int kMostBlocks = HWY_MAX_BYTES < 64 ? 2 : 4;
#endif

template <int kBlocks>
using BlocksTag = hn::FixedTag<uint32_t, 4 * kBlocks>;

// Loads 4 elements of each of the rows 0, 4, 8, ... of `src`, one row per block.
template <int kBlocks>
HWY_INLINE hn::Vec<BlocksTag<kBlocks>> LoadRows(const uint32_t* HWY_RESTRICT src, int64_t stride) {
  if constexpr (kBlocks == 1) {
    return hn::LoadU(BlocksTag<1>(), src);
  } else {
    return hn::Combine(BlocksTag<kBlocks>(), LoadRows<kBlocks / 2>(src + 2 * kBlocks * stride, stride),
                       LoadRows<kBlocks / 2>(src, stride));
  }
}

// Transposes, for every b, the 4 x 4 matrix that the blocks number b of the four vectors form.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void TransposeInBlocks(D d, V& v0, V& v1, V& v2, V& v3) {
  const hn::Repartition<uint64_t, D> d64;
  const auto lower01 = hn::BitCast(d64, hn::InterleaveLower(d, v0, v1));
  const auto lower23 = hn::BitCast(d64, hn::InterleaveLower(d, v2, v3));
  const auto upper01 = hn::BitCast(d64, hn::InterleaveUpper(d, v0, v1));
  const auto upper23 = hn::BitCast(d64, hn::InterleaveUpper(d, v2, v3));
  v0 = hn::BitCast(d, hn::InterleaveLower(d64, lower01, lower23));
  v1 = hn::BitCast(d, hn::InterleaveUpper(d64, lower01, lower23));
  v2 = hn::BitCast(d, hn::InterleaveLower(d64, upper01, upper23));
  v3 = hn::BitCast(d, hn::InterleaveUpper(d64, upper01, upper23));
}

// Transposes 32-bit elements, 4 columns of 4 * kBlocks rows at a time: four vectors of rows become four of columns, of
// which the first kColumns are stored. The last 4 columns may be done twice. The remaining rows take smaller vectors,
// and the last ones, fewer than 4, are left out.
// NCHW layers that pack and unpack a lot take half to nine tenths of the time that 4 x 4 blocks took (Sapphire Rapids).
// Columns as the outer loop lost 3 to 12 % of that.
template <int kBlocks, int kColumns = 4>
void TransposeBlocks(const uint32_t* HWY_RESTRICT src, int64_t src_stride, uint32_t* HWY_RESTRICT dst,
                     int64_t dst_stride, int64_t rows, int64_t columns) {
  constexpr int kRows = 4 * kBlocks;
  const BlocksTag<kBlocks> d;
  const auto transpose = [&](const uint32_t* HWY_RESTRICT s, uint32_t* HWY_RESTRICT t) HWY_ATTR {
    auto v0 = LoadRows<kBlocks>(s, src_stride);
    auto v1 = LoadRows<kBlocks>(s + src_stride, src_stride);
    auto v2 = LoadRows<kBlocks>(s + 2 * src_stride, src_stride);
    auto v3 = LoadRows<kBlocks>(s + 3 * src_stride, src_stride);
    TransposeInBlocks(d, v0, v1, v2, v3);
    hn::StoreU(v0, d, t);
    if constexpr (kColumns > 1) hn::StoreU(v1, d, t + dst_stride);
    if constexpr (kColumns > 2) hn::StoreU(v2, d, t + 2 * dst_stride);
    if constexpr (kColumns > 3) hn::StoreU(v3, d, t + 3 * dst_stride);
  };
  int64_t r = 0;
  for (; r + kRows <= rows; r += kRows) {
    const uint32_t* row = src + r * src_stride;
    int64_t c = 0;
    for (; c + 4 <= columns; c += 4) transpose(row + c, dst + c * dst_stride + r);
    if (c < columns) transpose(row + columns - 4, dst + (columns - 4) * dst_stride + r);
  }
  if constexpr (kBlocks > 1) {
    TransposeBlocks<kBlocks / 2, kColumns>(src + r * src_stride, src_stride, dst + r, dst_stride, rows - r, columns);
  }
}

// Returns a vector of kBlocks blocks that begins with `v` and continues with zeros.
template <int kBlocks>
HWY_INLINE hn::Vec<BlocksTag<kBlocks>> Extend(hn::Vec<BlocksTag<1>> v) {
  if constexpr (kBlocks == 1) {
    return v;
  } else {
    return hn::ZeroExtendVector(BlocksTag<kBlocks>(), Extend<kBlocks / 2>(v));
  }
}

// Transposes fewer than 4 rows of at least 4 columns. Each row of dst continues with zeros up to `filled` elements, a
// multiple of the largest vector.
void TransposeFewRows(const uint32_t* HWY_RESTRICT src, int64_t src_stride, uint32_t* HWY_RESTRICT dst,
                      int64_t dst_stride, int64_t rows, int64_t columns, int64_t filled) {
  const BlocksTag<1> d;
  const BlocksTag<kMostBlocks> whole;
  const auto store = [&](hn::Vec<BlocksTag<1>> v, uint32_t* t) HWY_ATTR {
    hn::StoreU(Extend<kMostBlocks>(v), whole, t);
    for (int64_t i = 4 * kMostBlocks; i < filled; i += 4 * kMostBlocks) hn::StoreU(hn::Zero(whole), whole, t + i);
  };
  for (int64_t begin = 0; begin < columns; begin += 4) {
    const int64_t c = std::min(begin, columns - 4);
    const uint32_t* s = src + c;
    auto v0 = hn::LoadU(d, s);
    auto v1 = rows > 1 ? hn::LoadU(d, s + src_stride) : hn::Zero(d);
    auto v2 = rows > 2 ? hn::LoadU(d, s + 2 * src_stride) : hn::Zero(d);
    auto v3 = hn::Zero(d);
    TransposeInBlocks(d, v0, v1, v2, v3);
    uint32_t* t = dst + c * dst_stride;
    store(v0, t);
    store(v1, t + dst_stride);
    store(v2, t + 2 * dst_stride);
    store(v3, t + 3 * dst_stride);
  }
}

#endif  // HWY_TARGET != HWY_SCALAR

// kPanel says that src is a panel, so that elements past the columns of a row may be read.
template <bool kPanel = false, typename T>
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
    if (rows >= 4 && columns >= 4) {
      // The head is transposed first so that the stores that follow do not cross cache lines, which gains 7 %
      // (Depth-Anything's rows of 148 floats).
      constexpr int64_t kVector = 4 * kMostBlocks;
      const int64_t head = -static_cast<int64_t>(reinterpret_cast<uintptr_t>(dst) / sizeof(T)) & (kVector - 1);
      if (head > 0 && dst_stride % kVector == 0 && rows >= 2 * kVector + head) {
        TransposeBlocks<std::max(1, kMostBlocks / 2)>(src, src_stride, dst, dst_stride, RoundUp(head, 4), columns);
        src += head * src_stride;
        dst += head;
        rows -= head;
      }
      TransposeBlocks<kMostBlocks>(src, src_stride, dst, dst_stride, rows, columns);
      if (rows % 4 == 0) return;
      const int64_t r = rows - 4;  // overlaps rows that are done
      return TransposeBlocks<1>(src + r * src_stride, src_stride, dst + r, dst_stride, 4, columns);
    }
    if (kPanel && rows > 4 && src_stride >= 4) {
      // Every row but the last may be read as 4 elements.
      const int64_t r = (rows - 1) / 4 * 4;
      if (columns == 1) TransposeBlocks<kMostBlocks, 1>(src, src_stride, dst, dst_stride, r, 4);
      if (columns == 2) TransposeBlocks<kMostBlocks, 2>(src, src_stride, dst, dst_stride, r, 4);
      if (columns == 3) TransposeBlocks<kMostBlocks, 3>(src, src_stride, dst, dst_stride, r, 4);
      return TransposeScalar(src + r * src_stride, src_stride, dst + r, dst_stride, rows - r, columns);
    }
  }
#endif
  TransposeScalar(src, src_stride, dst, dst_stride, rows, columns);
}

}  // namespace polyphase::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
