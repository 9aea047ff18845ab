// Logical tensors of up to three spatial axes, and their way into and out of the memory that a TensorDesc describes.
#ifndef POLYPHASE_TESTS_REF_TENSOR_H_
#define POLYPHASE_TESTS_REF_TENSOR_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "polyphase/tensor.h"

namespace polyphase::ref {

// D, H, W. Axes that the tensor lacks are 1.
using Size3 = std::array<int64_t, 3>;

inline Size3 ToSize3(const SpatialSizes& size, int32_t spatial_rank) {
  Size3 result{1, 1, 1};
  for (int axis = 0; axis < spatial_rank; ++axis) result[static_cast<size_t>(3 - spatial_rank + axis)] = size[axis];
  return result;
}

inline SpatialSizes FromSize3(const Size3& size, int32_t spatial_rank) {
  SpatialSizes result{};
  for (int axis = 0; axis < spatial_rank; ++axis) result[axis] = size[static_cast<size_t>(3 - spatial_rank + axis)];
  return result;
}

// A dense tensor in the order N, C, D, H, W, whatever its layout in memory is.
template <typename T>
struct Tensor {
  Tensor() = default;
  Tensor(int64_t n, int64_t c, const Size3& size, T value = T{})
      : n(n), c(c), d(size[0]), h(size[1]), w(size[2]), data(static_cast<size_t>(n * c * d * h * w), value) {}
  Tensor(int64_t n, int64_t c, int64_t h, int64_t w, T value = T{}) : Tensor(n, c, Size3{1, h, w}, value) {}

  Size3 size() const { return {d, h, w}; }
  int64_t plane() const { return d * h * w; }
  size_t Index(int64_t in, int64_t ic, int64_t iz, int64_t iy, int64_t ix) const {
    return static_cast<size_t>((((in * c + ic) * d + iz) * h + iy) * w + ix);
  }
  T& operator()(int64_t in, int64_t ic, int64_t iz, int64_t iy, int64_t ix) { return data[Index(in, ic, iz, iy, ix)]; }
  const T& operator()(int64_t in, int64_t ic, int64_t iz, int64_t iy, int64_t ix) const {
    return data[Index(in, ic, iz, iy, ix)];
  }
  // These two are for tensors with d = 1.
  size_t Index(int64_t in, int64_t ic, int64_t iy, int64_t ix) const { return Index(in, ic, 0, iy, ix); }
  T& operator()(int64_t in, int64_t ic, int64_t iy, int64_t ix) { return data[Index(in, ic, iy, ix)]; }
  const T& operator()(int64_t in, int64_t ic, int64_t iy, int64_t ix) const { return data[Index(in, ic, iy, ix)]; }

  int64_t n = 0, c = 0, d = 0, h = 0, w = 0;
  std::vector<T> data;
};

// Returns the channels that memory holds for `desc`, those of the last block of kNchwc included.
inline int64_t StoredChannels(const TensorDesc& desc) {
  const int64_t block = desc.channel_block;
  return desc.layout == Layout::kNchwc ? (desc.c + block - 1) / block * block : desc.c;
}

// Returns `desc` with every stride that is 0 replaced by the dense one.
inline TensorDesc WithStrides(TensorDesc desc) {
  int64_t dense = 1;
  const auto level = [&](int64_t size, int64_t& stride) {
    if (stride == 0) stride = dense;
    dense = size * stride;
  };
  const auto spatial = [&] {
    for (int axis = desc.spatial_rank - 1; axis >= 0; --axis) level(desc.size[axis], desc.stride[axis]);
  };
  switch (desc.layout) {
    case Layout::kNchw:
      spatial();
      level(desc.c, desc.stride_c);
      break;
    case Layout::kNhwc:
      level(desc.c, desc.stride_c);
      spatial();
      break;
    case Layout::kNchwc:
      dense = desc.channel_block;
      spatial();
      level(StoredChannels(desc) / desc.channel_block, desc.stride_c);
      break;
  }
  level(desc.n, desc.stride_n);
  return desc;
}

// Calls visit(offset, n, c, z, y, x) for every element that the tensor owns in memory; offset counts elements. The tail
// lanes of kNchwc come with c >= desc.c.
template <typename Visit>
void ForEachElement(const TensorDesc& dense_or_strided, const Visit& visit) {
  const TensorDesc desc = WithStrides(dense_or_strided);
  const int64_t channels = StoredChannels(desc);
  const int64_t block = desc.layout == Layout::kNchwc ? desc.channel_block : 1;
  const Size3 size = ToSize3(desc.size, desc.spatial_rank);
  const Size3 stride = ToSize3(desc.stride, desc.spatial_rank);
  for (int64_t n = 0; n < desc.n; ++n) {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t z = 0; z < size[0]; ++z) {
        for (int64_t y = 0; y < size[1]; ++y) {
          for (int64_t x = 0; x < size[2]; ++x) {
            const int64_t pixel = z * stride[0] + y * stride[1] + x * stride[2];
            visit(n * desc.stride_n + c / block * desc.stride_c + c % block + pixel, n, c, z, y, x);
          }
        }
      }
    }
  }
}

// Returns the number of elements from the first to the last one that the tensor owns; 0 for an empty tensor.
inline int64_t Extent(const TensorDesc& dense_or_strided) {
  const TensorDesc desc = WithStrides(dense_or_strided);
  const auto end = desc.size.begin() + desc.spatial_rank;
  if (desc.n == 0 || desc.c == 0 || std::find(desc.size.begin(), end, 0) != end) return 0;
  const int64_t block = desc.layout == Layout::kNchwc ? desc.channel_block : 1;
  const int64_t last_channel = StoredChannels(desc) - 1;
  int64_t last = (desc.n - 1) * desc.stride_n + last_channel / block * desc.stride_c + last_channel % block;
  for (int axis = 0; axis < desc.spatial_rank; ++axis) last += (desc.size[axis] - 1) * desc.stride[axis];
  return last + 1;
}

// Writes `tensor` to `memory` as `desc` says, and `tail` to the tail lanes. T has the size of desc.dtype.
template <typename T>
void Pack(const Tensor<T>& tensor, const TensorDesc& desc, T* memory, T tail = T{}) {
  ForEachElement(desc, [&](int64_t offset, int64_t n, int64_t c, int64_t z, int64_t y, int64_t x) {
    memory[offset] = c < desc.c ? tensor(n, c, z, y, x) : tail;
  });
}

template <typename T>
Tensor<T> Unpack(const TensorDesc& desc, const T* memory) {
  Tensor<T> tensor(desc.n, desc.c, ToSize3(desc.size, desc.spatial_rank));
  ForEachElement(desc, [&](int64_t offset, int64_t n, int64_t c, int64_t z, int64_t y, int64_t x) {
    if (c < desc.c) tensor(n, c, z, y, x) = memory[offset];
  });
  return tensor;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_TENSOR_H_
