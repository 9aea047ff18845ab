// Computes pooling and its inverses: every output by the definition, in double, one window and one tap after the other.
#ifndef POLYPHASE_TESTS_REF_POOL_H_
#define POLYPHASE_TESTS_REF_POOL_H_

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "polyphase/pool.h"
#include "tests/ref/tensor.h"

namespace polyphase::ref {

// The windows of all axes, with everything resolved that the attributes leave open.
struct Windows {
  Size3 kernel, stride, dilation, begin, end, pooled;
};

inline Windows FromAttributes(const PoolWindow& w) {
  Windows result{ToSize3(w.kernel, w.spatial_rank),      ToSize3(w.stride, w.spatial_rank),
                 ToSize3(w.dilation, w.spatial_rank),    ToSize3(w.padding_begin, w.spatial_rank),
                 ToSize3(w.padding_end, w.spatial_rank), {1, 1, 1}};
  for (int32_t missing = 0; missing < 3 - w.spatial_rank; ++missing) {
    result.begin[static_cast<size_t>(missing)] = result.end[static_cast<size_t>(missing)] = 0;
  }
  return result;
}

// Counts the windows over a tensor one by one.
inline Windows PoolWindows(const PoolWindow& w, const Size3& in) {
  Windows result = FromAttributes(w);
  for (size_t a = 0; a < 3; ++a) {
    const int64_t effective = result.dilation[a] * (result.kernel[a] - 1) + 1;
    const int64_t stride = result.stride[a];
    int64_t count = 0;
    if (w.auto_pad == AutoPad::kSameUpper || w.auto_pad == AutoPad::kSameLower) {
      while (count * stride < in[a]) ++count;
      int64_t padding = 0;
      while ((count - 1) * stride + effective > in[a] + padding) ++padding;
      const int64_t smaller = padding / 2;
      result.begin[a] = w.auto_pad == AutoPad::kSameUpper ? smaller : padding - smaller;
      result.end[a] = padding - result.begin[a];
    } else {
      const int64_t padded = in[a] + result.begin[a] + result.end[a];
      // A whole window must fit. With ceil_mode it must begin in the tensor or before it, while something is left.
      const auto exists = [&](int64_t o) {
        if (!w.ceil_mode) return o * stride <= padded - effective;  // any stride, for which a sum could overflow
        return (o - 1) * stride < padded - effective && o * stride < in[a] + result.begin[a];
      };
      while (exists(count)) ++count;
    }
    result.pooled[a] = count;
  }
  return result;
}

inline Size3 UnpoolDefaultSize(const PoolWindow& w, const Size3& in) {
  const Windows windows = FromAttributes(w);
  Size3 size{};
  for (size_t a = 0; a < 3; ++a) {
    size[a] = (in[a] - 1) * windows.stride[a] + windows.kernel[a] - windows.begin[a] - windows.end[a];
  }
  return size;
}

// Calls visit(position, tap, inside) for each tap of a window in row-major order.
template <typename Visit>
void ForEachTap(const Windows& w, const Size3& window, const Size3& full, const Visit& visit) {
  Size3 tap;
  for (tap[0] = 0; tap[0] < w.kernel[0]; ++tap[0]) {
    for (tap[1] = 0; tap[1] < w.kernel[1]; ++tap[1]) {
      for (tap[2] = 0; tap[2] < w.kernel[2]; ++tap[2]) {
        Size3 position;
        bool inside = true;
        for (size_t a = 0; a < 3; ++a) {
          position[a] = window[a] * w.stride[a] - w.begin[a] + tap[a] * w.dilation[a];
          inside = inside && position[a] >= 0 && position[a] < full[a];
        }
        visit(position, tap, inside);
      }
    }
  }
}

// Calls visit(n, c, position) for every element in raster order.
template <typename Visit>
void ForEachPosition(int64_t n, int64_t c, const Size3& size, const Visit& visit) {
  for (int64_t in = 0; in < n; ++in) {
    for (int64_t ic = 0; ic < c; ++ic) {
      Size3 p;
      for (p[0] = 0; p[0] < size[0]; ++p[0]) {
        for (p[1] = 0; p[1] < size[1]; ++p[1]) {
          for (p[2] = 0; p[2] < size[2]; ++p[2]) visit(in, ic, p);
        }
      }
    }
  }
}

// Returns what an index says of a position or, for kWindow, of a tap.
inline int64_t IndexOf(IndexConvention convention, bool column_major, const Windows& w, const Size3& full,
                       int64_t channels, int64_t n, int64_t c, const Size3& position, const Size3& tap) {
  if (convention == IndexConvention::kWindow) return (tap[0] * w.kernel[1] + tap[1]) * w.kernel[2] + tap[2];
  const int64_t plane = full[0] * full[1] * full[2];
  const int64_t local = column_major ? (position[2] * full[1] + position[1]) * full[0] + position[0]
                                     : (position[0] * full[1] + position[1]) * full[2] + position[2];
  return convention == IndexConvention::kTensor ? (n * channels + c) * plane + local : local;
}

inline Tensor<double> MaxPool(const MaxPoolAttributes& a, const Tensor<double>& input, Tensor<int64_t>* indices) {
  const Windows w = PoolWindows(a.window, input.size());
  Tensor<double> output(input.n, input.c, w.pooled);
  *indices = Tensor<int64_t>(input.n, input.c, w.pooled);
  ForEachPosition(input.n, input.c, w.pooled, [&](int64_t n, int64_t c, const Size3& o) {
    bool found = false;
    double max = 0;
    int64_t index = -1;
    ForEachTap(w, o, input.size(), [&](const Size3& p, const Size3& tap, bool inside) {
      if (!inside) return;
      const double value = input(n, c, p[0], p[1], p[2]);
      if (found && !(value > max) && !std::isnan(value)) return;
      found = true;
      max = value;
      index = IndexOf(a.index_convention, a.column_major, w, input.size(), input.c, n, c, p, tap);
    });
    output(n, c, o[0], o[1], o[2]) = max;
    (*indices)(n, c, o[0], o[1], o[2]) = index;
  });
  return output;
}

// Returns the number of elements of a window that count.
inline double Divisor(const Windows& w, const Size3& window, const Size3& full, bool count_include_pad,
                      int64_t divisor_override) {
  if (divisor_override != 0) return static_cast<double>(divisor_override);
  double count = 0;
  ForEachTap(w, window, full, [&](const Size3& p, const Size3&, bool inside) {
    bool padded = true;
    for (size_t a = 0; a < 3; ++a) padded = padded && p[a] >= -w.begin[a] && p[a] < full[a] + w.end[a];
    if (count_include_pad ? padded : inside) ++count;
  });
  return count;
}

inline Tensor<double> AvgPool(const AvgPoolAttributes& a, const Tensor<double>& input) {
  const Windows w = PoolWindows(a.window, input.size());
  Tensor<double> output(input.n, input.c, w.pooled);
  ForEachPosition(input.n, input.c, w.pooled, [&](int64_t n, int64_t c, const Size3& o) {
    double sum = 0;
    ForEachTap(w, o, input.size(), [&](const Size3& p, const Size3&, bool inside) {
      if (inside) sum += input(n, c, p[0], p[1], p[2]);
    });
    output(n, c, o[0], o[1], o[2]) = sum / Divisor(w, o, input.size(), a.count_include_pad, a.divisor_override);
  });
  return output;
}

// This scatters, where the library gathers.
inline Tensor<double> AvgUnpool(const AvgUnpoolAttributes& a, const Tensor<double>& input, const Size3& size) {
  const Windows w = FromAttributes(a.window);
  Tensor<double> output(input.n, input.c, size);
  ForEachPosition(input.n, input.c, input.size(), [&](int64_t n, int64_t c, const Size3& i) {
    const double divisor =
        a.mode == AvgUnpoolMode::kCopy ? 1.0 : Divisor(w, i, size, a.count_include_pad, a.divisor_override);
    ForEachTap(w, i, size, [&](const Size3& p, const Size3&, bool inside) {
      if (inside) output(n, c, p[0], p[1], p[2]) += input(n, c, i[0], i[1], i[2]) / divisor;
    });
  });
  return output;
}

// Moves one element after the other, so that the last of equal indices wins. If there is no result, the value is the
// flat number of the first input, in raster order, whose index is outside.
template <typename T>
std::optional<size_t> MaxUnpool(const MaxUnpoolAttributes& a, const Tensor<T>& input, const Tensor<int64_t>& indices,
                                const Size3& size, Tensor<T>* output) {
  const Windows w = FromAttributes(a.window);
  const Size3 counted = a.indices_in_default_size ? UnpoolDefaultSize(a.window, input.size()) : size;
  const int64_t plane = counted[0] * counted[1] * counted[2];
  *output = Tensor<T>(input.n, input.c, size);
  std::optional<size_t> error;
  ForEachPosition(input.n, input.c, input.size(), [&](int64_t n, int64_t c, const Size3& i) {
    const size_t flat = input.Index(n, c, i[0], i[1], i[2]);
    int64_t index = indices.data[flat];
    Size3 p{-1, -1, -1};
    if (a.index_convention == IndexConvention::kWindow) {
      ForEachTap(w, i, size, [&](const Size3& position, const Size3& tap, bool) {
        if (IndexOf(a.index_convention, false, w, counted, input.c, n, c, position, tap) == index) p = position;
      });
    } else {
      // A subtraction could overflow.
      const int64_t first = a.index_convention == IndexConvention::kTensor ? (n * input.c + c) * plane : 0;
      if (index >= first && index < first + plane) {
        index -= first;
        p = {index / (counted[1] * counted[2]), index / counted[2] % counted[1], index % counted[2]};
      }
    }
    bool inside = true;
    for (size_t axis = 0; axis < 3; ++axis) inside = inside && p[axis] >= 0 && p[axis] < size[axis];
    if (inside) {
      (*output)(n, c, p[0], p[1], p[2]) = input.data[flat];
    } else if (!error) {
      error = flat;
    }
  });
  return error;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_POOL_H_
