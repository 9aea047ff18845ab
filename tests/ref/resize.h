// Computes Resize in one to three dimensions, with coordinates in f32 or double as the attributes say and all else in
// double, and the fixed-point arithmetic of u8.
#ifndef POLYPHASE_TESTS_REF_RESIZE_H_
#define POLYPHASE_TESTS_REF_RESIZE_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "polyphase/resize.h"
#include "tests/ref/tensor.h"

namespace polyphase::ref {

struct Tap {
  int64_t index;
  double weight;
};

// One axis of one resize.
struct ResizeLine {
  const ResizeAttributes& a;
  int axis;  // axis of the attributes
  int64_t in, out;
  double scale;      // size_out / size_in as coordinates take it
  bool scale_given;  // otherwise it is the quotient of the sizes
  bool kept;         // not resized
  bool in_double;
  bool small_in_2d = false;  // the output has two spatial axes, with 128 rows and columns together at most

  // Rounds to the precision of coordinates. Sums, products and quotients of two f32 values that are taken in double and
  // then rounded are what f32 arithmetic gives, and a compiler cannot fuse them.
  double R(double x) const { return in_double ? x : static_cast<double>(static_cast<float>(x)); }
  double In() const { return R(static_cast<double>(in)); }
  double Out() const { return R(static_cast<double>(out)); }
  double Last() const { return R(static_cast<double>(in - 1)); }
  // Returns the output, which may be a fraction, that kAlignCorners and kTfCropAndResize map to the last input.
  double LastOut() const {
    const bool fraction = a.output_size_rule == OutputSizeRule::kOnnx && scale_given;
    return R(fraction ? scale * static_cast<double>(in) - 1 : static_cast<double>(out - 1));
  }

  // Returns the inputs per output.
  double Ratio() const {
    if (a.coordinate_transformation == CoordinateTransformation::kAlignCorners) {
      return LastOut() > 0 ? R(Last() / LastOut()) : 0;
    }
    return scale_given ? R(1 / scale) : R(In() / Out());
  }

  // Returns position / scale.
  double Unscaled(double position) const {
    return in_double ? position / (scale_given ? scale : Out() / In()) : R(Ratio() * position);
  }

  double Coordinate(int64_t o) const {
    const double position = R(static_cast<double>(o));
    const double middle = R(position + 0.5);
    switch (a.coordinate_transformation) {
      case CoordinateTransformation::kHalfPixel: return R(Unscaled(middle) - 0.5);
      case CoordinateTransformation::kPytorchHalfPixel: return out == 1 ? 0 : R(Unscaled(middle) - 0.5);
      case CoordinateTransformation::kAsymmetric: return Unscaled(position);
      case CoordinateTransformation::kTfHalfPixelForNn: return Unscaled(middle);
      case CoordinateTransformation::kAlignCorners:
        if (LastOut() <= 0) return 0;
        return in_double ? position * Last() / LastOut() : R(position * Ratio());
      case CoordinateTransformation::kHalfPixelSymmetric: {
        const double centre = R(In() / 2);
        const double adjustment = scale_given ? R(Out() / R(R(scale) * In())) : 1;
        return R(R(R(centre * R(1 - adjustment)) + Unscaled(middle)) - 0.5);
      }
      case CoordinateTransformation::kTfCropAndResize: {
        const double begin = R(a.roi_begin[axis]);
        const double end = R(a.roi_end[axis]);
        if (LastOut() <= 0) return R(R(0.5 * R(begin + end)) * Last());
        return R(R(begin * Last()) + R(R(R(position * R(end - begin)) * Last()) / LastOut()));
      }
    }
    return std::nan("");
  }

  bool Outside(int64_t o) const {
    if (kept || a.coordinate_transformation != CoordinateTransformation::kTfCropAndResize) return false;
    const double x = Coordinate(o);
    return x < 0 || x > Last();
  }

  int64_t Edge(double index) const {
    return static_cast<int64_t>(std::min(std::max(index, 0.0), static_cast<double>(in - 1)));
  }

  double Nearest(double x) const {
    switch (a.nearest_mode) {
      case NearestMode::kFloor: return std::floor(x);
      case NearestMode::kCeil: return std::ceil(x);
      case NearestMode::kRoundPreferCeil: return std::floor(R(std::max(x, 0.0) + 0.5));
      case NearestMode::kRoundPreferFloor: return std::ceil(R(x - 0.5));
      case NearestMode::kSimple: {
        const double factor = scale_given ? R(scale) : R(Out() / In());
        return factor < 1 ? std::ceil(x) : std::floor(x);
      }
      case NearestMode::kPillow: break;  // does not depend on a coordinate
    }
    return std::nan("");
  }

  // Returns the index of kNearest in exact arithmetic. The coordinate is a quotient of two whole numbers below 2^63; 64
  // bits of mantissa keep it on its side of every integer and every tie.
  int64_t ExactNearest(int64_t o) const {
    const auto i = static_cast<long double>(in);
    const auto n = static_cast<long double>(out);
    const auto middle = 2 * static_cast<long double>(o) + 1;
    long double x = 0;
    switch (a.coordinate_transformation) {
      case CoordinateTransformation::kHalfPixel:
      case CoordinateTransformation::kHalfPixelSymmetric: x = (middle * i - n) / (2 * n); break;
      case CoordinateTransformation::kPytorchHalfPixel: x = out == 1 ? 0 : (middle * i - n) / (2 * n); break;
      case CoordinateTransformation::kTfHalfPixelForNn: x = middle * i / (2 * n); break;
      case CoordinateTransformation::kAsymmetric: x = static_cast<long double>(o) * i / n; break;
      case CoordinateTransformation::kAlignCorners:
        x = out == 1 ? 0 : static_cast<long double>(o) * (i - 1) / (n - 1);
        break;
      case CoordinateTransformation::kTfCropAndResize: break;
    }
    const bool up = a.nearest_mode == NearestMode::kCeil || (a.nearest_mode == NearestMode::kSimple && out < in);
    long double index = up ? std::ceil(x) : std::floor(x);
    if (a.nearest_mode == NearestMode::kRoundPreferCeil) index += x - index >= 0.5L ? 1 : 0;
    if (a.nearest_mode == NearestMode::kRoundPreferFloor) index += x - index > 0.5L ? 1 : 0;
    return Edge(static_cast<double>(index));
  }

  // Whether PyTorch's nearest in 2-D copies each input so many times, whatever the scale: 1, 2, or 0 for neither.
  int64_t PyTorchRepeats() const {
    if (in_double || !small_in_2d || a.coordinate_transformation != CoordinateTransformation::kAsymmetric) return 0;
    if (a.nearest_mode != NearestMode::kFloor) return 0;
    return out == in ? 1 : out == 2 * in ? 2 : 0;
  }

  double Filter(double distance) const {
    const double d = std::fabs(distance);
    const double c = static_cast<double>(a.cubic_coeff_a);
    const double pi_d = d * std::acos(-1.0);
    switch (a.mode) {
      case ResizeMode::kCubic:
        if (d <= 1) return (c + 2) * d * d * d - (c + 3) * d * d + 1;
        return d < 2 ? c * d * d * d - 5 * c * d * d + 8 * c * d - 4 * c : 0;
      case ResizeMode::kLanczos:
        if (d == 0) return 1;
        return d < 3 ? std::sin(pi_d) / pi_d * std::sin(pi_d / 3) / (pi_d / 3) : 0;
      default: return std::max(0.0, 1 - d);
    }
  }
  double Radius() const { return a.mode == ResizeMode::kLanczos ? 3 : a.mode == ResizeMode::kCubic ? 2 : 1; }

  // Returns the taps of output o, several of which may read the same edge element.
  std::vector<Tap> Taps(int64_t o) const {
    if (kept) return {{o, 1.0}};
    if (a.mode == ResizeMode::kArea) {
      const int64_t begin = o * in / out;
      const int64_t end = ((o + 1) * in + out - 1) / out;
      std::vector<Tap> taps;
      for (int64_t i = begin; i < end; ++i) taps.push_back({i, 1.0 / static_cast<double>(end - begin)});
      return taps;
    }
    if (a.antialias == Antialias::kPillow) return PillowTaps(o);
    if (a.mode == ResizeMode::kNearest && a.nearest_mode == NearestMode::kPillow) {
      double x = R(Ratio() / 2);
      for (int64_t i = 0; i < o; ++i) x = R(x + Ratio());
      return {{Edge(std::floor(x)), 1.0}};
    }
    const double x = Coordinate(o);
    if (a.mode == ResizeMode::kNearest) {
      if (PyTorchRepeats() > 0) return {{o / PyTorchRepeats(), 1.0}};
      const bool cropped = a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize;
      if (in_double && !scale_given && !cropped) return {{ExactNearest(o), 1.0}};
      return {{Edge(Nearest(x)), 1.0}};
    }
    const double factor = scale_given ? R(scale) : R(Out() / In());
    if (a.antialias == Antialias::kOnnx && factor < 1) return OnnxTaps(x, factor);
    if (a.mode == ResizeMode::kLinear) {
      const bool cropped = a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize;
      if (in == out && a.copy_unchanged_axes && !cropped && a.antialias == Antialias::kNone) return {{o, 1.0}};
      // Beyond both ends there is only the edge.
      const double inside = std::min(std::max(x, 0.0), static_cast<double>(in - 1));
      const double first = std::floor(inside);
      return {{Edge(first), 1 - (inside - first)}, {Edge(first + 1), inside - first}};
    }
    return Weighted(std::floor(x) - 1, 4, x, 1, a.exclude_outside, a.exclude_outside);
  }

 private:
  // Returns taps first, first + 1, ... with the weights of the filter at their distance from x times `narrowing`.
  std::vector<Tap> Weighted(double first, int64_t count, double x, double narrowing, bool exclude,
                            bool normalize) const {
    std::vector<Tap> taps;
    double sum = 0;
    for (int64_t k = 0; k < count; ++k) {
      const double index = first + static_cast<double>(k);
      if (exclude && (index < 0 || index > static_cast<double>(in - 1))) continue;
      taps.push_back({Edge(index), Filter((index - x) * narrowing)});
      sum += taps.back().weight;
    }
    for (Tap& tap : taps) tap.weight = normalize && sum != 0 ? tap.weight / sum : tap.weight;
    return taps;
  }

  std::vector<Tap> PillowTaps(int64_t o) const {
    if (in == out && a.copy_unchanged_axes) return {{o, 1.0}};
    const double widening = std::max(Ratio(), 1.0);
    const double support = Radius() * widening;
    const double centre = R(Ratio() * R(static_cast<double>(o) + 0.5));
    const double first = std::max(std::trunc(centre - support + 0.5), 0.0);
    const double end = std::min(std::trunc(centre + support + 0.5), static_cast<double>(in));
    return Weighted(first, std::max<int64_t>(static_cast<int64_t>(end - first), 1), centre - 0.5, 1 / widening, true,
                    true);
  }

  std::vector<Tap> OnnxTaps(double x, double factor) const {
    const double base = std::ceil(x) - 1;
    const double start = std::floor(-Radius() / factor) + 1;
    return Weighted(base + start, static_cast<int64_t>(2 - 2 * start), x, factor, a.exclude_outside, true);
  }
};

// Returns the line of axis `axis` of D, H, W for an input of `size`.
inline ResizeLine MakeResizeLine(const ResizeAttributes& a, const Size3& size, int axis, bool in_double) {
  const int own = axis - (kMaxSpatialRank - a.spatial_rank);
  const int64_t in = size[static_cast<size_t>(axis)];
  ResizeLine line{a, own, in, in, 1, false, own < 0 || (a.size[own] == 0 && a.scale[own] == 0), in_double};
  if (line.kept) return line;
  const auto real = static_cast<double>(in);
  if (a.scale[own] != 0) {
    const auto f32 = static_cast<float>(a.scale[own]);
    switch (a.output_size_rule) {
      case OutputSizeRule::kPyTorch: line.out = static_cast<int64_t>(std::floor(real * a.scale[own])); break;
      case OutputSizeRule::kOnnx: line.out = static_cast<int64_t>(std::floor(real * static_cast<double>(f32))); break;
      case OutputSizeRule::kOnnxRuntime:
        line.out = static_cast<int64_t>(std::floor(static_cast<float>(in) * f32));
        break;
    }
    line.scale_given = !a.recompute_scale_factor;
    line.scale = a.scale[own];
    return line;
  }
  line.out = a.size[own];
  if (a.keep_aspect_ratio_policy == KeepAspectRatioPolicy::kStretch) return line;
  std::vector<double> scales;
  for (int i = 0; i < a.spatial_rank; ++i) {
    const int64_t other = size[static_cast<size_t>(i + kMaxSpatialRank - a.spatial_rank)];
    if (a.size[i] != 0) scales.push_back(static_cast<double>(a.size[i]) / static_cast<double>(other));
  }
  const bool smaller = a.keep_aspect_ratio_policy == KeepAspectRatioPolicy::kNotLarger;
  line.scale =
      smaller ? *std::min_element(scales.begin(), scales.end()) : *std::max_element(scales.begin(), scales.end());
  line.scale_given = true;
  line.out = static_cast<int64_t>(std::floor(line.scale * real + 0.5));
  return line;
}

inline Size3 ResizedSize(const ResizeAttributes& a, const Size3& size) {
  Size3 result{};
  for (int axis = 0; axis < 3; ++axis) result[static_cast<size_t>(axis)] = MakeResizeLine(a, size, axis, true).out;
  return result;
}

// Returns the taps of every output of one axis; there are none where it is extrapolated.
inline std::vector<std::vector<Tap>> ResizeTaps(const ResizeAttributes& a, const Size3& size, int axis) {
  ResizeLine line = MakeResizeLine(a, size, axis, a.coordinate_precision == CoordinatePrecision::kF64);
  const Size3 output = ResizedSize(a, size);
  line.small_in_2d = a.spatial_rank == 2 && output[1] + output[2] <= 128;
  std::vector<std::vector<Tap>> taps;
  for (int64_t o = 0; o < line.out; ++o) taps.push_back(line.Outside(o) ? std::vector<Tap>() : line.Taps(o));
  return taps;
}

// `bound` says how far an f32 computation may be off, whose weights, products and sums are rounded one by one.
struct ResizeResult {
  Tensor<double> value, bound;
  Tensor<double> magnitude;  // sum of |weight * input|
};

inline ResizeResult Resize(const ResizeAttributes& a, const Tensor<double>& input) {
  const Size3 size = ResizedSize(a, input.size());
  const auto planes = ResizeTaps(a, input.size(), 0);
  const auto rows = ResizeTaps(a, input.size(), 1);
  const auto columns = ResizeTaps(a, input.size(), 2);
  const Tensor<double> zeros(input.n, input.c, size);
  ResizeResult result{zeros, zeros, zeros};
  for (size_t i = 0; i < result.value.data.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    const int64_t image = index / result.value.plane() / input.c;
    const int64_t channel = index / result.value.plane() % input.c;
    const auto& plane_taps = planes[static_cast<size_t>(index / size[2] / size[1] % size[0])];
    const auto& row_taps = rows[static_cast<size_t>(index / size[2] % size[1])];
    const auto& column_taps = columns[static_cast<size_t>(index % size[2])];
    if (plane_taps.empty() || row_taps.empty() || column_taps.empty()) {
      result.value.data[i] = static_cast<double>(a.extrapolation_value);
      continue;
    }
    double sum = 0, magnitude = 0;
    for (const Tap& plane : plane_taps) {
      for (const Tap& row : row_taps) {
        for (const Tap& column : column_taps) {
          const double product =
              plane.weight * row.weight * column.weight * input(image, channel, plane.index, row.index, column.index);
          sum += product;
          magnitude += std::fabs(product);
        }
      }
    }
    const size_t roundings = column_taps.size() + plane_taps.size() * row_taps.size() + 8;
    result.value.data[i] = sum;
    result.magnitude.data[i] = magnitude;
    result.bound.data[i] = a.mode == ResizeMode::kNearest ? 0 : static_cast<double>(roundings) * 0x1p-24 * magnitude;
  }
  return result;
}

// Applies the 1x1 convolution to what was resized. The bound is that of the other order: every f32 product and sum of
// the convolution goes through the resize.
inline ResizeResult PointwiseConv(const Pointwise& p, const ResizeResult& resized) {
  constexpr double kRounding = 0x1p-24;
  const auto* const weights = static_cast<const float*>(p.weights.data);
  const Tensor<double>& in = resized.value;
  const Tensor<double> zeros(in.n, p.output_channels, in.size());
  ResizeResult result{zeros, zeros, zeros};
  for (int64_t n = 0; n < in.n; ++n) {
    for (int64_t o = 0; o < p.output_channels; ++o) {
      for (int64_t pixel = 0; pixel < in.plane(); ++pixel) {
        double sum = 0, bound = 0, magnitude = 0;
        for (int64_t i = 0; i < p.input_channels; ++i) {
          const auto weight = static_cast<double>(weights[o * p.input_channels + i]);
          const auto source = static_cast<size_t>((n * in.c + i) * in.plane() + pixel);
          sum += weight * in.data[source];
          bound += std::fabs(weight) * resized.bound.data[source];
          magnitude += std::fabs(weight) * resized.magnitude.data[source];
        }
        bound += static_cast<double>(p.input_channels + 2) * kRounding * magnitude;
        if (p.bias != nullptr) {
          const auto bias = static_cast<double>(p.bias[o]);
          sum += bias;
          bound += kRounding * (std::fabs(sum) + std::fabs(bias));
        }
        const auto target = static_cast<size_t>((n * p.output_channels + o) * in.plane() + pixel);
        result.value.data[target] = sum;
        result.bound.data[target] = bound;
        result.magnitude.data[target] = magnitude;
      }
    }
  }
  return result;
}

// ---- u8 in fixed point

// Computes one pass along `axis` of D, H, W, which is `line`. Weights are rounded to `precision` bits after the point,
// results to whole numbers.
inline Tensor<int64_t> FixedPass(const ResizeLine& line, const Tensor<int64_t>& input, int axis) {
  const ResizeAttributes& a = line.a;
  const bool cropped = a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize;
  if (line.kept || (line.in == line.out && !cropped)) return input;
  // Taps that read the same element are one.
  std::vector<std::unordered_map<int64_t, double>> weights(static_cast<size_t>(line.out));
  double largest = 0;
  for (int64_t o = 0; o < line.out; ++o) {
    auto& own = weights[static_cast<size_t>(o)];
    for (const Tap& tap : line.Taps(o)) own[tap.index] += tap.weight;
    for (const auto& [index, weight] : own) largest = std::max(largest, weight);
  }
  int precision = 22;
  for (int p = 21; p >= 0 && a.u8_rounding == U8Rounding::kFixed16; --p) {
    if (std::trunc(0.5 + largest * std::ldexp(1.0, p + 1)) >= 32768) precision = p;
  }
  Size3 size = input.size();
  size[static_cast<size_t>(axis)] = line.out;
  Tensor<int64_t> output(input.n, input.c, size);
  for (size_t i = 0; i < output.data.size(); ++i) {
    auto index = static_cast<int64_t>(i);
    std::array<int64_t, 3> at{};
    for (size_t k = 3; k-- > 0; index /= size[k]) at[k] = index % size[k];
    const int64_t o = at[static_cast<size_t>(axis)];
    double sum = std::ldexp(1.0, precision - 1);
    if (precision == 0) sum = 0;
    for (const auto& [source, weight] : weights[static_cast<size_t>(o)]) {
      at[static_cast<size_t>(axis)] = source;
      const double scaled = weight * std::ldexp(1.0, precision);
      const double coefficient = std::trunc(scaled + (scaled < 0 ? -0.5 : 0.5));
      sum += coefficient * static_cast<double>(input(index / input.c, index % input.c, at[0], at[1], at[2]));
    }
    output.data[i] = static_cast<int64_t>(std::clamp(std::floor(std::ldexp(sum, -precision)), 0.0, 255.0));
  }
  return output;
}

// Resizes along W and then along H, or, where the version of Pillow says so, along H first.
inline Tensor<double> ResizeFixed(const ResizeAttributes& a, const Tensor<double>& input) {
  Tensor<int64_t> whole(input.n, input.c, input.size());
  std::copy(input.data.begin(), input.data.end(), whole.data.begin());
  const ResizeLine row = MakeResizeLine(a, input.size(), 1, true);
  const ResizeLine column = MakeResizeLine(a, input.size(), 2, true);
  const bool shrinks = row.out < row.in;
  const bool tall = a.pass_order == PassOrder::kPillow12_2 && row.in > 100 * column.in;
  const bool much = a.pass_order == PassOrder::kPillow13 && row.in - row.out > 2 * (column.in - column.out);
  if (shrinks && (tall || much)) {
    whole = FixedPass(column, FixedPass(row, whole, 1), 2);
  } else {
    whole = FixedPass(row, FixedPass(column, whole, 2), 1);
  }
  Tensor<double> output(whole.n, whole.c, whole.size());
  std::copy(whole.data.begin(), whole.data.end(), output.data.begin());
  // Extrapolated outputs are not sums.
  for (size_t i = 0; i < output.data.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    if (!row.Outside(index / output.w % output.h) && !column.Outside(index % output.w)) continue;
    const auto value = static_cast<double>(a.extrapolation_value);
    output.data[i] = value > 0 ? std::nearbyint(std::min(value, 255.0)) : 0;
  }
  return output;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_RESIZE_H_
