// Validation, output sizes and tables of Resize. Compiled without contraction to FMA: coordinates are f32 or double
// arithmetic as others do it, bit for bit.
#include "geometry/resize.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <limits>

#include "base/checked_math.h"
#include "geometry/epilogue.h"
#include "geometry/tensor.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "resize";
// Indices and sizes of one axis are int32 in the tables; the margin is for taps outside and for sizes that f32 rounds up.
constexpr int64_t kMaxAxis = (int64_t{1} << 31) - 256;
// Entries of one table, 1 GiB at most: more is a mistake, and would otherwise come from memory that the system only
// promises.
constexpr int64_t kMaxEntries = int64_t{1} << 27;

// ---- Attributes

// A value of an enum whose values are 0 to `last`.
template <typename E>
Status CheckEnum(const char* name, const char* type, E value, E last) {
  if (static_cast<int>(value) >= 0 && static_cast<int>(value) <= static_cast<int>(last)) return Status();
  return Status::InvalidArgument("%s %s = %d: not a %s", kOp, name, static_cast<int>(value), type);
}

Status ValidateEnums(const ResizeAttributes& a) {
  Status status = CheckEnum("mode", "ResizeMode", a.mode, ResizeMode::kLanczos);
  if (status.ok()) {
    status = CheckEnum("coordinate_transformation", "CoordinateTransformation", a.coordinate_transformation,
                       CoordinateTransformation::kTfHalfPixelForNn);
  }
  if (status.ok()) {
    status =
        CheckEnum("coordinate_precision", "CoordinatePrecision", a.coordinate_precision, CoordinatePrecision::kF64);
  }
  if (status.ok()) status = CheckEnum("nearest_mode", "NearestMode", a.nearest_mode, NearestMode::kSimple);
  if (status.ok()) status = CheckEnum("antialias", "Antialias", a.antialias, Antialias::kOnnx);
  if (status.ok()) {
    status = CheckEnum("output_size_rule", "OutputSizeRule", a.output_size_rule, OutputSizeRule::kOnnxRuntime);
  }
  if (status.ok()) {
    status = CheckEnum("keep_aspect_ratio_policy", "KeepAspectRatioPolicy", a.keep_aspect_ratio_policy,
                       KeepAspectRatioPolicy::kNotSmaller);
  }
  if (status.ok()) status = CheckEnum("u8_rounding", "U8Rounding", a.u8_rounding, U8Rounding::kFixed22);
  return status;
}

// Modes and options that contradict each other.
Status ValidateCombination(const ResizeAttributes& a) {
  const int mode = static_cast<int>(a.mode);
  const int antialias = static_cast<int>(a.antialias);
  const bool smooth = a.mode == ResizeMode::kLinear || a.mode == ResizeMode::kCubic;
  if (a.antialias != Antialias::kNone && !smooth && a.mode != ResizeMode::kLanczos) {
    return Status::InvalidArgument("%s antialias = %d: must be kNone for mode = %d (kNearest, kArea)", kOp, antialias,
                                   mode);
  }
  if (a.mode == ResizeMode::kLanczos && a.antialias != Antialias::kPillow) {
    return Status::InvalidArgument("%s antialias = %d: must be kPillow for mode = %d (kLanczos)", kOp, antialias, mode);
  }
  if (a.exclude_outside && !smooth) {
    return Status::InvalidArgument("%s exclude_outside = true: must be false for mode = %d (not kLinear or kCubic)",
                                   kOp, mode);
  }
  if (a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize &&
      (a.mode == ResizeMode::kArea || a.antialias == Antialias::kPillow)) {
    return Status::InvalidArgument(
        "%s coordinate_transformation = %d (kTfCropAndResize): must be another one for mode = kArea and antialias = "
        "kPillow, whose windows follow from the sizes",
        kOp, static_cast<int>(a.coordinate_transformation));
  }
  if (a.spatial_rank == 3 && a.antialias != Antialias::kNone) {
    return Status::InvalidArgument("%s antialias = %d: must be kNone for spatial_rank = 3", kOp, antialias);
  }
  if (a.spatial_rank == 3 && IsFixedPoint(a.u8_rounding)) {
    return Status::InvalidArgument("%s u8_rounding = %d: must not be a fixed-point one for spatial_rank = 3", kOp,
                                   static_cast<int>(a.u8_rounding));
  }
  return Status();
}

Status ValidateSizes(const ResizeAttributes& a) {
  bool has_size = false, has_scale = false;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (a.size[axis] < 0) {
      return Status::InvalidArgument("%s size[%s] = %" PRId64
                                     ": must be at least 1, or 0 for an axis that keeps its "
                                     "size",
                                     kOp, AxisName(axis), a.size[axis]);
    }
    if (!(a.scale[axis] >= 0 && std::isfinite(a.scale[axis]))) {
      return Status::InvalidArgument(
          "%s scale[%s] = %g: must be positive and finite, or 0 for an axis that keeps its "
          "size",
          kOp, AxisName(axis), a.scale[axis]);
    }
    if (!std::isfinite(a.roi_begin[axis]) || !std::isfinite(a.roi_end[axis])) {
      return Status::InvalidArgument("%s roi_begin[%s] = %g, roi_end[%s] = %g: must be finite", kOp, AxisName(axis),
                                     a.roi_begin[axis], AxisName(axis), a.roi_end[axis]);
    }
    has_size = has_size || a.size[axis] != 0;
    has_scale = has_scale || a.scale[axis] != 0;
  }
  if (has_size == has_scale) {
    return Status::InvalidArgument("%s size = %" PRId64 "x%" PRId64 "x%" PRId64
                                   ", scale = %gx%gx%g: exactly one of them must be given",
                                   kOp, a.size[0], a.size[1], a.size[2], a.scale[0], a.scale[1], a.scale[2]);
  }
  if (has_size && a.recompute_scale_factor) {
    return Status::InvalidArgument("%s recompute_scale_factor = true: must be false when size is given", kOp);
  }
  if (has_scale && a.keep_aspect_ratio_policy != KeepAspectRatioPolicy::kStretch) {
    return Status::InvalidArgument("%s keep_aspect_ratio_policy = %d: must be kStretch when scale is given", kOp,
                                   static_cast<int>(a.keep_aspect_ratio_policy));
  }
  if (a.n < 0) return Status::InvalidArgument("%s n = %" PRId64 ": must be positive, or 0 for any", kOp, a.n);
  if (a.c < 0) return Status::InvalidArgument("%s c = %" PRId64 ": must be positive, or 0 for any", kOp, a.c);
  return Status();
}

// ---- Sizes

bool KeepsItsSize(const ResizeAttributes& a, int axis) { return a.size[axis] == 0 && a.scale[axis] == 0; }

// The common scale of the resized axes.
double CommonScale(const ResizeAttributes& a, const SpatialSizes& input_size) {
  double scale = 0;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (KeepsItsSize(a, axis)) continue;
    const double own = static_cast<double>(a.size[axis]) / static_cast<double>(input_size[axis]);
    const bool smaller = a.keep_aspect_ratio_policy == KeepAspectRatioPolicy::kNotLarger;
    scale = scale == 0 ? own : smaller ? std::min(scale, own) : std::max(scale, own);
  }
  return scale;
}

double ScaledSize(const ResizeAttributes& a, int64_t in, double scale) {
  switch (a.output_size_rule) {
    case OutputSizeRule::kPyTorch: break;
    case OutputSizeRule::kOnnx:
      return std::floor(static_cast<double>(in) * static_cast<double>(static_cast<float>(scale)));
    case OutputSizeRule::kOnnxRuntime:
      return static_cast<double>(std::floor(static_cast<float>(in) * static_cast<float>(scale)));
  }
  return std::floor(static_cast<double>(in) * scale);
}

// ---- Coordinates

// The source coordinates of one axis in f32 (T = float: ratios are multiplied, as PyTorch does) or double (scales are
// divided by, as the ONNX reference does).
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

  // Inputs per output.
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

  // Whether no extrapolation takes the place of coordinate x; a NaN is outside.
  bool Inside(T x) const { return kind_ != CoordinateTransformation::kTfCropAndResize || (x >= 0 && x <= last_); }

  // A coordinate that fits into int32. Taps of what is further outside read the edge alone in any case, as do those of
  // a size near 2^31, which f32 rounds up.
  T Bounded(T x) const { return x > -4 ? std::min(x, last_ + 4) : T{-4}; }

 private:
  T Unscaled(T position) const { return sizeof(T) == sizeof(double) ? position / scale_ : ratio_ * position; }

  const CoordinateTransformation kind_;
  const T in_, last_, out_, last_out_;
  const T last_mapped_;  // the output, a fraction it may be, that kAlignCorners and kTfCropAndResize map to last_
  const T scale_;
  T ratio_;
  const T roi_begin_, roi_end_;
  T shift_ = 0;
};

// std::floor and std::ceil are function calls on baseline x86-64.
template <typename T>
int64_t FloorIndex(T x) {
  const int64_t truncated = static_cast<int64_t>(x);
  return truncated - (x < static_cast<T>(truncated) ? 1 : 0);
}
template <typename T>
int64_t CeilIndex(T x) {
  return -FloorIndex(-x);
}

template <typename T>
int64_t NearestIndex(NearestMode mode, T x, T scale, int64_t last) {
  const T half = T{0.5};
  int64_t index = 0;
  switch (mode) {
    case NearestMode::kFloor: index = FloorIndex(x); break;
    // PyTorch clamps before it adds.
    case NearestMode::kRoundPreferCeil: index = FloorIndex(std::max(x, T{0}) + half); break;
    case NearestMode::kRoundPreferFloor: index = CeilIndex(x - half); break;
    case NearestMode::kCeil: index = CeilIndex(x); break;
    case NearestMode::kSimple: index = scale < 1 ? CeilIndex(x) : FloorIndex(x); break;
  }
  return std::clamp<int64_t>(index, 0, last);
}

// ---- Filters, by the distance from the centre

double Triangle(double x) { return std::max(0.0, 1.0 - std::fabs(x)); }

double Keys(double a, double x) {
  x = std::fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

double Lanczos3(double x) {
  const auto sinc = [](double v) {
    const double pi_v = 3.14159265358979323846 * v;
    return v == 0 ? 1.0 : std::sin(pi_v) / pi_v;
  };
  return x > -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

double Filter(const ResizeAttributes& a, double x) {
  switch (a.mode) {
    case ResizeMode::kCubic: return Keys(static_cast<double>(a.cubic_coeff_a), x);
    case ResizeMode::kLanczos: return Lanczos3(x);
    default: return Triangle(x);
  }
}

// Half of the filter's width.
int64_t FilterRadius(ResizeMode mode) { return mode == ResizeMode::kLanczos ? 3 : mode == ResizeMode::kCubic ? 2 : 1; }

// ---- Taps

// The taps of kLinear and kCubic without antialias at coordinate x: some of them may be outside of the input.
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

// Looks for a period of one to four vectors of 16 outputs, as integer scales (and some others) have. The first and the
// last outputs, where linear clamps its coordinate, are left out.
void FindPeriod(ResizeAxis* table) {
  constexpr int64_t kVector = 16;
  const int64_t begin = kVector;
  const int64_t end = table->out / kVector * kVector - kVector;
  for (int64_t period = kVector; period <= 4 * kVector && end - begin >= 2 * period; period += kVector) {
    const int32_t sources = table->first[begin + period] - table->first[begin];
    bool repeats = true;
    for (int64_t o = begin; o < end - period && repeats; ++o)
      repeats = table->first[o + period] == table->first[o] + sources;
    for (int64_t k = 0; k < table->taps && table->taps > 1 && repeats; ++k) {
      const float* weights = &table->weights[k * table->stride];
      repeats = std::equal(weights + begin + period, weights + end, weights + begin);
    }
    if (repeats) {
      table->periodic = {begin, end};
      table->period = period;
      return;
    }
  }
}

Status TableTooLarge(int axis, int64_t out, int64_t taps) {
  return Status::Make(StatusCode::kOutOfMemory,
                      "%s: a table of %" PRId64 " outputs with %" PRId64 " taps on axis %s exceeds %" PRId64 " entries",
                      kOp, out, taps, AxisName(axis), kMaxEntries);
}

void MakeIdentity(ResizeAxis* table) {
  table->identity = true;
  table->windows = false;
  table->taps = 1;
  table->stride = RoundUp(table->out, 16);
  table->weights.clear();
  table->count.clear();
  table->first.resize(table->stride);
  for (int64_t o = 0; o < table->stride; ++o) table->first[o] = static_cast<int32_t>(std::min(o, table->out - 1));
}

template <typename T>
Status MakeTaps(const ResizeAttributes& a, int axis, const Coordinates<T>& coordinates, ResizeAxis* table) {
  table->taps = a.mode == ResizeMode::kNearest ? 1 : a.mode == ResizeMode::kLinear ? 2 : 4;
  table->stride = RoundUp(table->out, 16);
  if (table->stride > kMaxEntries / table->taps) return TableTooLarge(axis, table->out, table->taps);
  table->first.resize(table->stride);
  table->weights.resize(table->taps > 1 ? table->stride * table->taps : 0);
  for (int64_t o = 0; o < table->out; ++o) {
    const T x = coordinates.Bounded(coordinates(o));
    if (a.mode == ResizeMode::kNearest) {
      table->first[o] = static_cast<int32_t>(NearestIndex(a.nearest_mode, x, coordinates.scale(), table->in - 1));
      continue;
    }
    const PlainTaps taps = MakePlainTaps(a, x, table->in);
    table->first[o] = static_cast<int32_t>(taps.first);
    for (int64_t k = 0; k < table->taps; ++k) {
      table->weights[k * table->stride + o] = static_cast<float>(taps.weights[k]);
    }
  }
  std::fill(table->first.begin() + table->out, table->first.end(), table->first[table->out - 1]);
  return Status();
}

// ---- Windows

// A window while it is made.
struct Window {
  int64_t first = 0;
  std::vector<double> weights;

  void Reset(int64_t begin, int64_t end) {
    first = begin;
    weights.assign(static_cast<size_t>(end - begin), 0.0);
  }
  double& operator[](int64_t index) { return weights[static_cast<size_t>(index - first)]; }
  void Normalize() {
    double sum = 0;
    for (const double weight : weights) sum += weight;
    for (double& weight : weights) weight = sum != 0 ? weight / sum : weight;
  }
  // Without the zeros at both ends: a NaN there is none of this output's.
  void Trim() {
    size_t begin = 0, end = weights.size();
    while (end - begin > 1 && weights[end - 1] == 0) --end;
    while (end - begin > 1 && weights[begin] == 0) ++begin;
    weights.erase(weights.begin() + static_cast<ptrdiff_t>(end), weights.end());
    weights.erase(weights.begin(), weights.begin() + static_cast<ptrdiff_t>(begin));
    first += static_cast<int64_t>(begin);
  }
};

void AreaWindow(int64_t in, int64_t out, int64_t o, Window* window) {
  const int64_t begin = o * in / out;
  const int64_t end = DivCeil((o + 1) * in, out);
  window->Reset(begin, end);
  for (double& weight : window->weights) weight = 1.0 / static_cast<double>(end - begin);
}

template <typename T>
void PillowWindow(const ResizeAttributes& a, T ratio, int64_t in, int64_t o, Window* window) {
  const T widening = std::max(ratio, T{1});
  const T support = static_cast<T>(FilterRadius(a.mode)) * widening;
  const T centre = ratio * (static_cast<T>(o) + T{0.5});
  int64_t end = std::clamp<int64_t>(static_cast<int64_t>(centre + support + T{0.5}), 1, in);
  const int64_t begin = std::clamp<int64_t>(static_cast<int64_t>(centre - support + T{0.5}), 0, end - 1);
  window->Reset(begin, end);
  for (int64_t j = begin; j < end; ++j) {
    (*window)[j] =
        Filter(a, (static_cast<double>(j) - static_cast<double>(centre) + 0.5) / static_cast<double>(widening));
  }
  window->Normalize();
}

template <typename T>
void OnnxWindow(const ResizeAttributes& a, T scale, T x, int64_t in, Window* window) {
  const double narrowing = std::min(static_cast<double>(scale), 1.0);
  const int64_t base = CeilIndex(x) - 1;
  const double fraction = static_cast<double>(x - static_cast<T>(base));
  const int64_t start = static_cast<int64_t>(std::floor(-static_cast<double>(FilterRadius(a.mode)) / narrowing)) + 1;
  const auto inside = [&](int64_t index) { return std::clamp<int64_t>(index, 0, in - 1); };
  window->Reset(inside(base + start), inside(base + 1 - start) + 1);
  for (int64_t j = start; j <= 1 - start; ++j) {
    const int64_t index = base + j;
    if (a.exclude_outside && index != inside(index)) continue;
    (*window)[inside(index)] += Filter(a, (static_cast<double>(j) - fraction) * narrowing);
  }
  window->Normalize();
}

// Taps outside are added to the edge.
void FoldedWindow(const PlainTaps& taps, int64_t count, int64_t in, Window* window) {
  const auto inside = [&](int64_t index) { return std::clamp<int64_t>(index, 0, in - 1); };
  window->Reset(inside(taps.first), inside(taps.first + count - 1) + 1);
  for (int64_t k = 0; k < count; ++k) (*window)[inside(taps.first + k)] += taps.weights[k];
}

// No window is longer than this.
template <typename T>
int64_t WindowBound(const ResizeAttributes& a, const Coordinates<T>& coordinates, int64_t in, int64_t out) {
  double bound = 4;
  const auto diameter = static_cast<double>(2 * FilterRadius(a.mode));
  if (a.mode == ResizeMode::kArea) {
    bound = static_cast<double>(in / out + 2);
  } else if (a.antialias == Antialias::kPillow) {
    bound = diameter * std::max(1.0, static_cast<double>(coordinates.ratio())) + 2;
  } else if (a.antialias == Antialias::kOnnx) {
    bound = diameter / std::min(1.0, static_cast<double>(coordinates.scale())) + 4;
  }
  return bound < static_cast<double>(in) ? static_cast<int64_t>(bound) : in;
}

// Rounds the weights to fixed point.
Status MakeFixedWeights(const ResizeAttributes& a, const std::vector<double>& weights, ResizeAxis* table) {
  table->precision = 22;
  if (a.u8_rounding == U8Rounding::kFixed16) {
    // The most bits with which the largest weight stays an int16.
    const double largest = *std::max_element(weights.begin(), weights.end());
    int precision = 0;
    while (precision < 22 && std::trunc(0.5 + std::max(largest, 0.0) * std::ldexp(1.0, precision + 1)) < 32768) {
      ++precision;
    }
    table->precision = precision;
  }
  const double one = std::ldexp(1.0, table->precision);
  table->fixed_weights.resize(weights.size());
  for (int64_t o = 0; o < table->out; ++o) {
    double magnitude = 0.5 * one;
    for (int64_t k = 0; k < table->count[o]; ++k) {
      const double weight = weights[o * table->stride + k];
      const double rounded = std::trunc(weight * one + (weight < 0 ? -0.5 : 0.5));
      magnitude += 255 * std::fabs(rounded);
      if (magnitude >= 0x1p31) {
        return Status::InvalidArgument("%s cubic_coeff_a = %g: its weights are too large for u8_rounding = %d", kOp,
                                       static_cast<double>(a.cubic_coeff_a), static_cast<int>(a.u8_rounding));
      }
      table->fixed_weights[o * table->stride + k] = static_cast<int32_t>(rounded);
    }
  }
  return Status();
}

template <typename T>
Status MakeWindows(const ResizeAttributes& a, int axis, const Coordinates<T>& coordinates, bool fixed,
                   ResizeAxis* table) {
  const int64_t in = table->in, out = table->out;
  table->windows = true;
  table->stride = WindowBound(a, coordinates, in, out);
  if (out > kMaxEntries / table->stride) return TableTooLarge(axis, out, table->stride);
  table->taps = 1;
  table->first.resize(out);
  table->count.resize(out);
  std::vector<double> weights(static_cast<size_t>(out * table->stride), 0.0);
  Window window;
  for (int64_t o = 0; o < out; ++o) {
    if (a.mode == ResizeMode::kArea) {
      AreaWindow(in, out, o, &window);
    } else if (a.antialias == Antialias::kPillow) {
      PillowWindow(a, coordinates.ratio(), in, o, &window);
    } else if (a.antialias == Antialias::kOnnx) {
      OnnxWindow(a, coordinates.scale(), coordinates.Bounded(coordinates(o)), in, &window);
    } else {
      const PlainTaps taps = MakePlainTaps(a, coordinates.Bounded(coordinates(o)), in);
      FoldedWindow(taps, a.mode == ResizeMode::kLinear ? 2 : 4, in, &window);
    }
    window.Trim();
    const auto count = static_cast<int64_t>(window.weights.size());
    table->first[o] = static_cast<int32_t>(window.first);
    table->count[o] = static_cast<int32_t>(count);
    table->taps = std::max(table->taps, count);
    std::copy(window.weights.begin(), window.weights.end(), weights.begin() + o * table->stride);
  }
  if (fixed) return MakeFixedWeights(a, weights, table);
  table->weights.resize(weights.size());
  std::transform(weights.begin(), weights.end(), table->weights.begin(),
                 [](double w) { return static_cast<float>(w); });
  return Status();
}

// Whether the table copies its input.
bool IsCopy(const ResizeAxis& table) {
  if (table.in != table.out || !table.fixed_weights.empty()) return false;
  for (int64_t o = 0; o < table.out; ++o) {
    for (int64_t k = 0; k < table.Count(o); ++k) {
      const float expected = table.Source(o, k) == o ? 1.0f : 0.0f;
      if (table.first[o] + k != table.Source(o, k) ? table.Weight(o, k) != 0 : table.Weight(o, k) != expected) {
        return false;
      }
    }
  }
  return true;
}

template <typename T>
Status MakeTable(const ResizeAttributes& a, int axis, double scale, bool fixed, ResizeAxis* table) {
  const Coordinates<T> coordinates(a, axis, table->in, table->out, scale);
  if (a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize) {
    int64_t begin = 0, end = table->out;
    while (begin < end && !coordinates.Inside(coordinates(begin))) ++begin;
    while (begin < end && !coordinates.Inside(coordinates(end - 1))) --end;
    table->inside = {begin, end};
  }
  // Enlarging, ONNX's antialias is the plain filter.
  const bool widened =
      a.antialias == Antialias::kPillow || (a.antialias == Antialias::kOnnx && coordinates.scale() < 1);
  Status status = widened || fixed || a.mode == ResizeMode::kArea ? MakeWindows(a, axis, coordinates, fixed, table)
                                                                  : MakeTaps(a, axis, coordinates, table);
  if (!status.ok()) return status;
  if (IsCopy(*table)) {
    MakeIdentity(table);
  } else if (!table->windows) {
    FindPeriod(table);
  }
  return Status();
}

}  // namespace

Status ExpandResize(ResizeAttributes* a) {
  const int32_t rank = a->spatial_rank;
  if (Status status = CheckSpatialRank(kOp, rank); !status.ok()) return status;
  a->size = ExpandAxes<int64_t>(a->size, rank, 0);
  a->scale = ExpandAxes<double>(a->scale, rank, 0);
  a->roi_begin = ExpandAxes<double>(a->roi_begin, rank, 0);
  a->roi_end = ExpandAxes<double>(a->roi_end, rank, 1);
  return Status();
}

Status ValidateResize(const ResizeAttributes& a) {
  Status status = ValidateEnums(a);
  if (!status.ok()) return status;
  if (!std::isfinite(a.cubic_coeff_a)) {
    return Status::InvalidArgument("%s cubic_coeff_a = %g: must be finite", kOp, static_cast<double>(a.cubic_coeff_a));
  }
  status = ValidateCombination(a);
  if (status.ok()) status = ValidateSizes(a);
  return status.ok() ? ValidateEpilogue(kOp, a.epilogue, 0) : status;
}

Status ResizeOutput(const ResizeAttributes& a, const SpatialSizes& input_size, ResizeSizes* sizes) {
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (input_size[axis] < 1 || input_size[axis] > kMaxAxis) {
      return Status::InvalidArgument("%s input size[%s] = %" PRId64 ": must be in [1, %" PRId64 "]", kOp,
                                     AxisName(axis), input_size[axis], kMaxAxis);
    }
  }
  const bool keeps_ratio = a.keep_aspect_ratio_policy != KeepAspectRatioPolicy::kStretch;
  const double common = keeps_ratio ? CommonScale(a, input_size) : 0;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const char* name = AxisName(axis);
    const int64_t in = input_size[axis];
    double out = static_cast<double>(in);
    sizes->scale[axis] = 0;
    if (a.scale[axis] != 0) {
      out = ScaledSize(a, in, a.scale[axis]);
      if (!a.recompute_scale_factor) sizes->scale[axis] = a.scale[axis];
      if (!(out >= 1 && out <= static_cast<double>(kMaxAxis))) {
        return Status::InvalidArgument("%s scale[%s] = %g: the output size would be %.0f, must be in [1, %" PRId64 "]",
                                       kOp, name, a.scale[axis], out, kMaxAxis);
      }
    } else if (a.size[axis] != 0) {
      out = static_cast<double>(a.size[axis]);
      if (keeps_ratio) {
        out = std::floor(common * static_cast<double>(in) + 0.5);
        sizes->scale[axis] = common;
      }
      if (!(out >= 1 && out <= static_cast<double>(kMaxAxis))) {
        return Status::InvalidArgument("%s size[%s] = %" PRId64
                                       ": the output size would be %.0f, must be in [1, %" PRId64 "]",
                                       kOp, name, a.size[axis], out, kMaxAxis);
      }
    }
    sizes->output[axis] = static_cast<int64_t>(out);
  }
  return Status();
}

Status MakeResizeAxis(const ResizeAttributes& a, int axis, int64_t in, const ResizeSizes& sizes, bool fixed,
                      ResizeAxis* table) {
  *table = ResizeAxis();
  table->in = in;
  table->out = sizes.output[axis];
  table->inside = {0, table->out};
  const bool cropped = a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize;
  const bool copied_if_unchanged =
      fixed || (a.mode == ResizeMode::kLinear && a.antialias == Antialias::kNone && a.copy_unchanged_axes);
  if (KeepsItsSize(a, axis) || (in == table->out && copied_if_unchanged && !cropped)) {
    if (table->out > kMaxEntries) return TableTooLarge(axis, table->out, 1);
    MakeIdentity(table);
    return Status();
  }
  if (fixed || a.coordinate_precision == CoordinatePrecision::kF64) {
    return MakeTable<double>(a, axis, sizes.scale[axis], fixed, table);
  }
  return MakeTable<float>(a, axis, sizes.scale[axis], fixed, table);
}

}  // namespace polyphase::internal
