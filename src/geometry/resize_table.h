// The tables of Resize: the coordinates and plain taps from which taps and windows are made. Coordinates are f32 or
// double arithmetic as other libraries do it, bit for bit; the library is compiled without contraction to FMA.
#ifndef POLYPHASE_SRC_GEOMETRY_RESIZE_TABLE_H_
#define POLYPHASE_SRC_GEOMETRY_RESIZE_TABLE_H_

#include <algorithm>
#include <cstdint>

#include "geometry/resize.h"
#include "polyphase/resize.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// One table has at most this many entries, 1 GiB. More is a mistake, and would otherwise come from memory that the
// system only promises.
constexpr int64_t kMaxTableEntries = int64_t{1} << 28;
Status TableTooLarge(int axis, int64_t out, int64_t taps);

// The source coordinates of one axis in f32 (T = float: multiplies by ratios, as PyTorch does) or double (divides by
// scales, as the ONNX reference does).
template <typename T>
class Coordinates {
 public:
  Coordinates(const ResizeAttributes& a, int axis, int64_t in, int64_t out, double scale)
      : kind_(a.coordinate_transformation),
        in_(static_cast<T>(in)),
        last_(static_cast<T>(in - 1)),
        out_(static_cast<T>(out)),
        last_out_(static_cast<T>(out - 1)),
        last_mapped_(scale != 0 && a.output_size_rule == OutputSizeRule::kOnnx
                         ? static_cast<T>(scale * static_cast<double>(in) - 1)
                         : last_out_),
        scale_(scale != 0 ? static_cast<T>(scale) : out_ / in_),
        ratio_(scale != 0 ? static_cast<T>(1.0 / scale) : in_ / out_),
        roi_begin_(static_cast<T>(a.roi_begin[axis])),
        roi_end_(static_cast<T>(a.roi_end[axis])) {
    if (kind_ == CoordinateTransformation::kAlignCorners) ratio_ = last_mapped_ > 0 ? last_ / last_mapped_ : T{0};
    if (kind_ == CoordinateTransformation::kHalfPixelSymmetric && scale != 0) {
      shift_ = in_ / 2 * (1 - out_ / (scale_ * in_));
    }
  }

  // Returns the inputs per output.
  T ratio() const { return ratio_; }
  T scale() const { return scale_; }

  T operator()(int64_t o) const {
    const T position = static_cast<T>(o);
    const T half = T{0.5};
    switch (kind_) {
      case CoordinateTransformation::kHalfPixel: return Unscaled(position + half) - half;
      case CoordinateTransformation::kAlignCorners:
        if constexpr (sizeof(T) == sizeof(double)) return last_mapped_ > 0 ? position * last_ / last_mapped_ : 0;
        return ratio_ * position;
      case CoordinateTransformation::kAsymmetric: return Unscaled(position);
      case CoordinateTransformation::kPytorchHalfPixel: return last_out_ > 0 ? Unscaled(position + half) - half : 0;
      case CoordinateTransformation::kHalfPixelSymmetric: return shift_ + Unscaled(position + half) - half;
      case CoordinateTransformation::kTfCropAndResize: {
        if (last_mapped_ <= 0) return half * (roi_begin_ + roi_end_) * last_;
        return roi_begin_ * last_ + position * (roi_end_ - roi_begin_) * last_ / last_mapped_;
      }
      case CoordinateTransformation::kTfHalfPixelForNn: return Unscaled(position + half);
    }
    return 0;
  }

  // Returns whether no extrapolation takes the place of coordinate x. A NaN is outside.
  bool Inside(T x) const { return kind_ != CoordinateTransformation::kTfCropAndResize || (x >= 0 && x <= last_); }

  // Makes a coordinate fit into int32. Taps of coordinates further outside read only the edge in any case, and so do
  // those of a size near 2^31, which f32 rounds up.
  T Bounded(T x) const { return x > -4 ? std::min(x, last_ + 4) : T{-4}; }

 private:
  T Unscaled(T position) const { return sizeof(T) == sizeof(double) ? position / scale_ : ratio_ * position; }

  const CoordinateTransformation kind_;
  const T in_, last_, out_, last_out_;
  const T last_mapped_;  // the output, maybe a fraction, that kAlignCorners and kTfCropAndResize map to last_
  const T scale_;
  T ratio_;
  const T roi_begin_, roi_end_;
  T shift_ = 0;
};

// std::floor and std::ceil are function calls on baseline x86-64.
template <typename T>
inline int64_t FloorIndex(T x) {
  const int64_t truncated = static_cast<int64_t>(x);
  return truncated - (x < static_cast<T>(truncated) ? 1 : 0);
}
template <typename T>
inline int64_t CeilIndex(T x) {
  return -FloorIndex(-x);
}

// The taps of kLinear and kCubic without antialias at a coordinate. Some of them may be outside the input.
struct PlainTaps {
  int64_t first;
  double weights[4];
};

template <typename T>
PlainTaps MakePlainTaps(const ResizeAttributes& a, T x, int64_t in) {
  const int64_t last = in - 1;
  PlainTaps taps{};
  if (a.mode == ResizeMode::kLinear) {
    const T from_zero = std::max(x, T{0});
    taps.first = std::min(FloorIndex(from_zero), last);
    const T upper = std::clamp(from_zero - static_cast<T>(taps.first), T{0}, T{1});
    taps.weights[0] = static_cast<double>(1 - upper);
    taps.weights[1] = static_cast<double>(upper);
    return taps;
  }
  const int64_t middle = FloorIndex(x);
  taps.first = middle - 1;
  const auto t = static_cast<double>(x - static_cast<T>(middle));
  const auto c = static_cast<double>(a.cubic_coeff_a);
  const auto near = [c](double d) { return ((c + 2) * d - (c + 3)) * d * d + 1; };
  const auto far = [c](double d) { return ((c * d - 5 * c) * d + 8 * c) * d - 4 * c; };
  taps.weights[0] = far(t + 1);
  taps.weights[1] = near(t);
  taps.weights[2] = near(1 - t);
  taps.weights[3] = far(2 - t);
  if (!a.exclude_outside) return taps;
  double sum = 0;
  for (int k = 0; k < 4; ++k) {
    const bool outside = taps.first + k < 0 || taps.first + k > last;
    if (outside) taps.weights[k] = 0;
    sum += taps.weights[k];
  }
  for (double& weight : taps.weights) weight = sum != 0 ? weight / sum : weight;
  return taps;
}

// Fills the table with windows.
template <typename T>
Status MakeWindows(const ResizeAttributes& a, int axis, const Coordinates<T>& coordinates, bool fixed,
                   ResizeAxis* table);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_RESIZE_TABLE_H_
