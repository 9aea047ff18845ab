// Logical NCHW tensors, and their way into and out of the memory that a TensorDesc describes.
#ifndef POLYPHASE_TESTS_REF_TENSOR_H_
#define POLYPHASE_TESTS_REF_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "polyphase/tensor.h"

namespace polyphase::ref {

// A dense 2-D tensor in the order N, C, H, W, whatever the layout in memory is.
template <typename T>
struct Tensor {
  Tensor() = default;
  Tensor(int64_t n, int64_t c, int64_t h, int64_t w, T value = T{})
      : n(n), c(c), h(h), w(w), data(static_cast<size_t>(n * c * h * w), value) {}

  size_t Index(int64_t in, int64_t ic, int64_t iy, int64_t ix) const {
    return static_cast<size_t>(((in * c + ic) * h + iy) * w + ix);
  }
  T& operator()(int64_t in, int64_t ic, int64_t iy, int64_t ix) { return data[Index(in, ic, iy, ix)]; }
  const T& operator()(int64_t in, int64_t ic, int64_t iy, int64_t ix) const { return data[Index(in, ic, iy, ix)]; }

  int64_t n = 0, c = 0, h = 0, w = 0;
  std::vector<T> data;
};

// Channels that memory holds for `desc`: those of the last block of kNchwc included.
inline int64_t StoredChannels(const TensorDesc& desc) {
  const int64_t block = desc.channel_block;
  return desc.layout == Layout::kNchwc ? (desc.c + block - 1) / block * block : desc.c;
}

// `desc` with every stride that is 0 replaced by the dense one.
inline TensorDesc WithStrides(TensorDesc desc) {
  const auto set = [](int64_t& stride, int64_t dense) {
    if (stride == 0) stride = dense;
  };
  switch (desc.layout) {
    case Layout::kNchw:
      set(desc.stride[1], 1);
      set(desc.stride[0], desc.size[1] * desc.stride[1]);
      set(desc.stride_c, desc.size[0] * desc.stride[0]);
      set(desc.stride_n, desc.c * desc.stride_c);
      break;
    case Layout::kNhwc:
      set(desc.stride_c, 1);
      set(desc.stride[1], desc.c);
      set(desc.stride[0], desc.size[1] * desc.stride[1]);
      set(desc.stride_n, desc.size[0] * desc.stride[0]);
      break;
    case Layout::kNchwc:
      set(desc.stride[1], desc.channel_block);
      set(desc.stride[0], desc.size[1] * desc.stride[1]);
      set(desc.stride_c, desc.size[0] * desc.stride[0]);
      set(desc.stride_n, StoredChannels(desc) / desc.channel_block * desc.stride_c);
      break;
  }
  return desc;
}

// Calls visit(offset, n, c, y, x) for every element that the tensor owns in memory; offset counts elements. The tail
// lanes of kNchwc come with c >= desc.c.
template <typename Visit>
void ForEachElement(const TensorDesc& dense_or_strided, const Visit& visit) {
  const TensorDesc desc = WithStrides(dense_or_strided);
  const int64_t channels = StoredChannels(desc);
  const int64_t block = desc.layout == Layout::kNchwc ? desc.channel_block : 1;
  for (int64_t n = 0; n < desc.n; ++n) {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t y = 0; y < desc.size[0]; ++y) {
        for (int64_t x = 0; x < desc.size[1]; ++x) {
          const int64_t pixel = y * desc.stride[0] + x * desc.stride[1];
          visit(n * desc.stride_n + c / block * desc.stride_c + c % block + pixel, n, c, y, x);
        }
      }
    }
  }
}

// Elements from the first to behind the last one that the tensor owns; 0 for an empty tensor.
inline int64_t Extent(const TensorDesc& dense_or_strided) {
  const TensorDesc desc = WithStrides(dense_or_strided);
  if (desc.n == 0 || desc.c == 0 || desc.size[0] == 0 || desc.size[1] == 0) return 0;
  const int64_t block = desc.layout == Layout::kNchwc ? desc.channel_block : 1;
  const int64_t last_channel = StoredChannels(desc) - 1;
  return (desc.n - 1) * desc.stride_n + last_channel / block * desc.stride_c + last_channel % block +
         (desc.size[0] - 1) * desc.stride[0] + (desc.size[1] - 1) * desc.stride[1] + 1;
}

// Writes `tensor` to `memory` as `desc` says, and `tail` to the tail lanes. T has the size of desc.dtype.
template <typename T>
void Pack(const Tensor<T>& tensor, const TensorDesc& desc, T* memory, T tail = T{}) {
  ForEachElement(desc, [&](int64_t offset, int64_t n, int64_t c, int64_t y, int64_t x) {
    memory[offset] = c < desc.c ? tensor(n, c, y, x) : tail;
  });
}

template <typename T>
Tensor<T> Unpack(const TensorDesc& desc, const T* memory) {
  Tensor<T> tensor(desc.n, desc.c, desc.size[0], desc.size[1]);
  ForEachElement(desc, [&](int64_t offset, int64_t n, int64_t c, int64_t y, int64_t x) {
    if (c < desc.c) tensor(n, c, y, x) = memory[offset];
  });
  return tensor;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_TENSOR_H_
