// 2-D resize with f32 coordinates, as PyTorch has them, and all else in double.
#ifndef POLYPHASE_TESTS_REF_RESIZE_H_
#define POLYPHASE_TESTS_REF_RESIZE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "polyphase/resize.h"
#include "tests/ref/activation.h"
#include "tests/ref/tensor.h"

namespace polyphase::ref {

struct Tap {
  int64_t index;
  double weight;
};

inline int64_t ResizeOutputSize(const ResizeAttributes& a, int axis, int64_t size_in) {
  if (a.size[axis] != 0) return a.size[axis];
  return static_cast<int64_t>(std::floor(static_cast<double>(size_in) * a.scale[axis]));
}

// Rounds to f32. Sums, products and quotients of two f32 values that are taken in double and then rounded are what f32
// arithmetic gives; a compiler cannot fuse them.
inline float F32(double x) { return static_cast<float>(x); }

// The f32 coordinate of output o, before any clamping.
inline float SourceCoordinate(const ResizeAttributes& a, int axis, int64_t size_in, int64_t size_out, int64_t o) {
  const auto in = static_cast<double>(size_in);
  const auto out = static_cast<double>(size_out);
  const bool scale_counts = a.scale[axis] > 0 && !a.recompute_scale_factor;
  const double ratio = scale_counts ? F32(1.0 / a.scale[axis]) : F32(static_cast<double>(F32(in)) / F32(out));
  const auto index = static_cast<double>(o);
  switch (a.coordinate_transformation) {
    case CoordinateTransformation::kHalfPixel: return F32(F32(F32(index + 0.5) * ratio) - 0.5);
    case CoordinateTransformation::kAlignCorners:
      return size_out == 1 ? 0.0f : F32(F32(index) * static_cast<double>(F32((in - 1) / (out - 1))));
    case CoordinateTransformation::kAsymmetric: return F32(F32(index) * ratio);
  }
  return 0.0f;
}

// The taps of output o on one axis; those that read the same edge element stay apart.
inline std::vector<Tap> ResizeTaps(const ResizeAttributes& a, int axis, int64_t size_in, int64_t size_out, int64_t o) {
  const double x = SourceCoordinate(a, axis, size_in, size_out, o);
  const auto clamped = [&](double index) {
    return static_cast<int64_t>(std::clamp(index, 0.0, static_cast<double>(size_in - 1)));
  };
  switch (a.mode) {
    case ResizeMode::kNearest: return {{clamped(std::floor(a.nearest_mode == NearestMode::kFloor ? x : x + 0.5)), 1.0}};
    case ResizeMode::kLinear: {
      if (size_in == size_out) return {{o, 1.0}};
      const double from_zero = std::max(x, 0.0);
      const int64_t first = clamped(std::floor(from_zero));
      const double weight = std::clamp(from_zero - static_cast<double>(first), 0.0, 1.0);
      return {{first, 1.0 - weight}, {std::min(first + 1, size_in - 1), weight}};
    }
    case ResizeMode::kCubic: {
      const double c = a.cubic_coeff_a;
      const auto near = [&](double d) { return ((c + 2) * d - (c + 3)) * d * d + 1; };       // 0 <= d <= 1
      const auto far = [&](double d) { return ((c * d - 5 * c) * d + 8 * c) * d - 4 * c; };  // 1 <= d <= 2
      const double first = std::floor(x);
      const double t = x - first;
      return {{clamped(first - 1), far(t + 1)},
              {clamped(first), near(t)},
              {clamped(first + 1), near(1 - t)},
              {clamped(first + 2), far(2 - t)}};
    }
  }
  return {};
}

inline Tensor<double> Resize(const ResizeAttributes& a, const Tensor<float>& input) {
  const int64_t oh = ResizeOutputSize(a, 0, input.h);
  const int64_t ow = ResizeOutputSize(a, 1, input.w);
  std::vector<std::vector<Tap>> columns;
  for (int64_t ox = 0; ox < ow; ++ox) columns.push_back(ResizeTaps(a, 1, input.w, ow, ox));

  Tensor<double> output(input.n, input.c, oh, ow);
  for (int64_t oy = 0; oy < oh; ++oy) {
    const std::vector<Tap> rows = ResizeTaps(a, 0, input.h, oh, oy);
    for (int64_t n = 0; n < input.n; ++n) {
      for (int64_t c = 0; c < input.c; ++c) {
        for (int64_t ox = 0; ox < ow; ++ox) {
          double sum = 0;
          for (const Tap& row : rows) {
            for (const Tap& column : columns[static_cast<size_t>(ox)]) {
              sum += row.weight * column.weight * static_cast<double>(input(n, c, row.index, column.index));
            }
          }
          output(n, c, oy, ox) = sum;
        }
      }
    }
  }
  Activate(a.epilogue, output);
  return output;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_RESIZE_H_
