// Computes depth to space and space to depth, straight from their definition.
#ifndef POLYPHASE_TESTS_REF_PIXEL_SHUFFLE_H_
#define POLYPHASE_TESTS_REF_PIXEL_SHUFFLE_H_

#include <cstdint>

#include "polyphase/pixel_shuffle.h"
#include "tests/ref/tensor.h"

namespace polyphase::ref {

template <typename T>
Tensor<T> PixelShuffle(const PixelShuffleAttributes& a, const Tensor<T>& input) {
  const Size3 r = ToSize3(a.factor, a.spatial_rank);
  const int64_t product = r[0] * r[1] * r[2];
  const bool to_space = a.direction == ShuffleDirection::kDepthToSpace;
  const int64_t shallow_c = to_space ? input.c / product : input.c;
  Size3 size = input.size();
  for (size_t axis = 0; axis < 3; ++axis) size[axis] = to_space ? size[axis] * r[axis] : size[axis] / r[axis];
  Tensor<T> output(input.n, to_space ? shallow_c : shallow_c * product, size);
  const Tensor<T>& shallow = to_space ? output : input;
  for (int64_t n = 0; n < input.n; ++n) {
    for (int64_t c = 0; c < shallow_c; ++c) {
      for (int64_t z = 0; z < shallow.d; ++z) {
        for (int64_t y = 0; y < shallow.h; ++y) {
          for (int64_t x = 0; x < shallow.w; ++x) {
            const int64_t h = z % r[0];
            const int64_t i = y % r[1];
            const int64_t j = x % r[2];
            int64_t deep_c = 0;
            switch (a.channel_order) {
              case ChannelOrder::kCrd: deep_c = ((c * r[0] + h) * r[1] + i) * r[2] + j; break;
              case ChannelOrder::kDcr: deep_c = ((h * r[1] + i) * r[2] + j) * shallow_c + c; break;
              case ChannelOrder::kFocus: deep_c = ((j * r[1] + i) * r[0] + h) * shallow_c + c; break;
            }
            const size_t shallow_i = shallow.Index(n, c, z, y, x);
            if (to_space) {
              output.data[shallow_i] = input(n, deep_c, z / r[0], y / r[1], x / r[2]);
            } else {
              output(n, deep_c, z / r[0], y / r[1], x / r[2]) = input.data[shallow_i];
            }
          }
        }
      }
    }
  }
  return output;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_PIXEL_SHUFFLE_H_
