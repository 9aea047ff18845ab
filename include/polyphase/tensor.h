// TensorDesc: element type, layout, logical size and strides of a tensor, whose memory stays with the caller.
#ifndef POLYPHASE_TENSOR_H_
#define POLYPHASE_TENSOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "polyphase/export.h"
#include "polyphase/polyphase_c.h"

namespace polyphase {

enum class DataType : int32_t {
  kF32 = PPH_F32,
  kF16 = PPH_F16,
  kBF16 = PPH_BF16,
  kU8 = PPH_U8,
  kI8 = PPH_I8,
  kU16 = PPH_U16,
  kI16 = PPH_I16,
  kI32 = PPH_I32,
  kF64 = PPH_F64,
  kI64 = PPH_I64,
};

// The size of an element in bytes, and 0 for a value that is not a DataType.
POLYPHASE_EXPORT size_t ElementSize(DataType dtype) noexcept;

enum class Layout : int32_t {
  kNchw = PPH_NCHW,    // memory order N, C, [D, H,] W
  kNhwc = PPH_NHWC,    // memory order N, [D, H,] W, C ("channels last")
  kNchwc = PPH_NCHWC,  // memory order N, C / block, [D, H,] W, block; the last block is filled up with zeros
};

constexpr int kMaxSpatialRank = PPH_MAX_SPATIAL_RANK;
// One value per spatial axis in the order D, H, W. The first spatial_rank values count: {W} in 1-D, {H, W} in 2-D.
using SpatialSizes = std::array<int64_t, kMaxSpatialRank>;

// Describes a tensor in memory. Strides count elements; a stride of 0 means "dense" and is derived from the sizes and
// the other strides. Strides describe views of a larger buffer, such as a crop or a channel range of a concatenation;
// the pointer that goes with the descriptor points to the view's first element.
//   kNchw:  stride[W] is 1; stride_c is the distance between channels.
//   kNhwc:  stride_c is 1; stride[W] is the distance between pixels (>= c).
//   kNchwc: stride[W] is channel_block; stride_c is the distance between channel *blocks*. In the last block, the lanes
//           after channel c - 1 are written as zeros on output and not read on input. A channel range of a larger
//           tensor begins at a multiple of the block.
struct POLYPHASE_EXPORT TensorDesc {
  DataType dtype = DataType::kF32;
  Layout layout = Layout::kNchw;
  int32_t channel_block = 1;  // 4, 8 or 16 for kNchwc, otherwise 1
  int32_t spatial_rank = 2;
  int64_t n = 0;
  int64_t c = 0;
  SpatialSizes size{};
  int64_t stride_n = 0;
  int64_t stride_c = 0;
  SpatialSizes stride{};

  // These describe dense f32 tensors, whose dtype and strides may be changed afterwards. Make is kNchw with one spatial
  // axis per size, 1 to 3 of them.
  static TensorDesc Make(int64_t n, int64_t c, std::initializer_list<int64_t> size);
  static TensorDesc Nchw(int64_t n, int64_t c, int64_t h, int64_t w);
  static TensorDesc Nhwc(int64_t n, int64_t c, int64_t h, int64_t w);
  static TensorDesc Nchwc(int32_t channel_block, int64_t n, int64_t c, int64_t h, int64_t w);

  // The same logical tensor, dense, in another layout.
  TensorDesc WithLayout(Layout new_layout, int32_t new_channel_block = 1) const;
};

}  // namespace polyphase

#endif  // POLYPHASE_TENSOR_H_
