// Depth to space and space to depth, straight from their definition.
#ifndef POLYPHASE_TESTS_REF_PIXEL_SHUFFLE_H_
#define POLYPHASE_TESTS_REF_PIXEL_SHUFFLE_H_

#include <cstdint>

#include "polyphase/pixel_shuffle.h"
#include "tests/ref/tensor.h"

namespace polyphase::ref {

template <typename T>
Tensor<T> PixelShuffle(const PixelShuffleAttributes& a, const Tensor<T>& input) {
  const int64_t r = a.factor;
  const bool to_space = a.direction == ShuffleDirection::kDepthToSpace;
  const int64_t shallow_c = to_space ? input.c / (r * r) : input.c;
  const int64_t deep_h = to_space ? input.h : input.h / r;
  const int64_t deep_w = to_space ? input.w : input.w / r;
  Tensor<T> output = to_space ? Tensor<T>(input.n, shallow_c, deep_h * r, deep_w * r)
                              : Tensor<T>(input.n, shallow_c * r * r, deep_h, deep_w);
  for (int64_t n = 0; n < input.n; ++n) {
    for (int64_t c = 0; c < shallow_c; ++c) {
      for (int64_t i = 0; i < r; ++i) {
        for (int64_t j = 0; j < r; ++j) {
          const int64_t deep_c =
              a.channel_order == ChannelOrder::kCrd ? c * r * r + i * r + j : (i * r + j) * shallow_c + c;
          for (int64_t y = 0; y < deep_h; ++y) {
            for (int64_t x = 0; x < deep_w; ++x) {
              if (to_space) {
                output(n, c, y * r + i, x * r + j) = input(n, deep_c, y, x);
              } else {
                output(n, deep_c, y, x) = input(n, c, y * r + i, x * r + j);
              }
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
