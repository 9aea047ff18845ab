// TensorDesc: element type, layout, logical size and strides of a tensor; the memory itself stays with the caller.
#ifndef POLYPHASE_TENSOR_H_
#define POLYPHASE_TENSOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "polyphase/export.h"

namespace polyphase {

enum class DataType : int32_t {
  kF32 = 0,
  kF16 = 1,
  kBF16 = 2,
  kU8 = 3,
  kI8 = 4,
  kU16 = 5,
  kI16 = 6,
  kI32 = 7,
  kF64 = 8,
  kI64 = 9
};

// Bytes of one element; 0 for a value that is not a DataType.
POLYPHASE_EXPORT size_t ElementSize(DataType dtype) noexcept;

enum class Layout : int32_t {
  kNchw = 0,   // memory order N, C, [D, H,] W
  kNhwc = 1,   // memory order N, [D, H,] W, C ("channels last")
  kNchwc = 2,  // memory order N, C / block, [D, H,] W, block; the last block is filled up with zeros
};

constexpr int kMaxSpatialRank = 3;
// One value per spatial axis in the order D, H, W; the first `spatial_rank` entries count (1-D: {W}, 2-D: {H, W}).
using SpatialSizes = std::array<int64_t, kMaxSpatialRank>;

// Describes a tensor in memory. Strides count elements; a stride of 0 means "dense", derived from the sizes and the
// other strides, so that a view of a larger buffer (a crop, a channel range of a concatenation) is a matter of strides
// and of the pointer that goes with the descriptor.
//   kNchw:  stride[W] is 1; stride_c is the distance of two channels.
//   kNhwc:  stride_c is 1; stride[W] is the distance of two pixels (>= c).
//   kNchwc: stride[W] is channel_block; stride_c is the distance of two channel *blocks*. On output the lanes behind
//           channel c - 1 of the last block are written as zeros; on input they are not read.
//           A range of the channels of a larger tensor begins at a multiple of its block.
struct POLYPHASE_EXPORT TensorDesc {
  DataType dtype = DataType::kF32;
  Layout layout = Layout::kNchw;
  int32_t channel_block = 1;  // kNchwc: 4, 8 or 16; otherwise 1
  int32_t spatial_rank = 2;
  int64_t n = 0;
  int64_t c = 0;
  SpatialSizes size{};
  int64_t stride_n = 0;
  int64_t stride_c = 0;
  SpatialSizes stride{};

  // Dense f32 tensors; change `dtype` and strides afterwards where needed. Make: kNchw of as many spatial axes, 1 to 3,
  // as sizes are given.
  static TensorDesc Make(int64_t n, int64_t c, std::initializer_list<int64_t> size);
  static TensorDesc Nchw(int64_t n, int64_t c, int64_t h, int64_t w);
  static TensorDesc Nhwc(int64_t n, int64_t c, int64_t h, int64_t w);
  static TensorDesc Nchwc(int32_t channel_block, int64_t n, int64_t c, int64_t h, int64_t w);

  // The same logical tensor, dense, in another layout.
  TensorDesc WithLayout(Layout new_layout, int32_t new_channel_block = 1) const;
};

}  // namespace polyphase

#endif  // POLYPHASE_TENSOR_H_
