// Makes the tables of Resize: per axis, the taps and weights of every output. This is compiled without contraction to
// FMA, because coordinates are f32 or double arithmetic as others do it, bit for bit.
#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <limits>

#include "base/checked_math.h"
#include "geometry/resize.h"
#include "geometry/tensor.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "resize";
// One table has at most this many entries, 1 GiB. More is a mistake, and would otherwise come from memory that the
// system only promises.
constexpr int64_t kMaxEntries = int64_t{1} << 28;

// ---- Coordinates

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

  // Returns a coordinate that fits into int32. Taps of coordinates further outside read only the edge in any case, and
  // so do those of a size near 2^31, which f32 rounds up.
  T Bounded(T x) const { return x > -4 ? std::min(x, last_ + 4) : T{-4}; }

 private:
  T Unscaled(T position) const { return sizeof(T) == sizeof(double) ? position / scale_ : ratio_ * position; }

  const CoordinateTransformation kind_;
  const T in_, last_, out_, last_out_;
  const T last_mapped_;  // the output, which may be a fraction, that kAlignCorners and kTfCropAndResize map to last_
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
    case NearestMode::kPillow: break;  // kPillow has coordinates of its own
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

// Returns half of the width of the filter.
int64_t FilterRadius(ResizeMode mode) { return mode == ResizeMode::kLanczos ? 3 : mode == ResizeMode::kCubic ? 2 : 1; }

// ---- Taps

// The taps of kLinear and kCubic without antialias at coordinate x. Some of them may be outside the input.
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
  T pillow = coordinates.ratio() / 2;
  for (int64_t o = 0; o < table->out; ++o, pillow += coordinates.ratio()) {
    const T x = coordinates.Bounded(coordinates(o));
    if (a.mode == ResizeMode::kNearest && a.nearest_mode == NearestMode::kPillow) {
      table->first[o] = static_cast<int32_t>(std::min(FloorIndex(pillow), table->in - 1));
      continue;
    }
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

// A window while it is being made.
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
  // Removes the zeros at both ends, because a NaN there must not reach this output.
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

// Everything after the centre is in double: in f32 a tap at an end could be lost by rounding.
template <typename T>
void PillowWindow(const ResizeAttributes& a, T ratio, int64_t in, int64_t o, Window* window) {
  const auto centre = static_cast<double>(ratio * (static_cast<T>(o) + T{0.5}));
  const double widening = std::max(static_cast<double>(ratio), 1.0);
  const double support = static_cast<double>(FilterRadius(a.mode)) * widening;
  const int64_t end = std::clamp<int64_t>(static_cast<int64_t>(centre + support + 0.5), 1, in);
  const int64_t begin = std::clamp<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0, end - 1);
  window->Reset(begin, end);
  for (int64_t j = begin; j < end; ++j) {
    (*window)[j] = Filter(a, (static_cast<double>(j) - centre + 0.5) / widening);
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

// Adds taps outside the input to the edge.
void FoldedWindow(const PlainTaps& taps, int64_t count, int64_t in, Window* window) {
  const auto inside = [&](int64_t index) { return std::clamp<int64_t>(index, 0, in - 1); };
  window->Reset(inside(taps.first), inside(taps.first + count - 1) + 1);
  for (int64_t k = 0; k < count; ++k) (*window)[inside(taps.first + k)] += taps.weights[k];
}

// Returns a length that no window exceeds.
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
    // `precision` becomes the most bits with which the largest weight stays an int16.
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

// Drops taps of weight 0. An integer scale may leave one tap of weight 1 to all outputs: linear to a third reads only
// every third pixel.
void DropZeroTaps(ResizeAxis* table) {
  for (int64_t k = 0; k < table->taps && table->taps > 1; ++k) {
    bool alone = true;
    for (int64_t i = 0; i < table->taps && alone; ++i) {
      const float* weights = &table->weights[i * table->stride];
      alone = std::all_of(weights, weights + table->out, [&](float w) { return w == (i == k ? 1.0f : 0.0f); });
    }
    if (!alone) continue;
    for (int32_t& first : table->first) first += static_cast<int32_t>(k);
    table->taps = 1;
    table->weights.clear();
  }
}

// Returns whether the table copies its input.
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
  // When ONNX's antialias enlarges, it is the plain filter.
  const bool widened =
      a.antialias == Antialias::kPillow || (a.antialias == Antialias::kOnnx && coordinates.scale() < 1);
  Status status = widened || fixed || a.mode == ResizeMode::kArea ? MakeWindows(a, axis, coordinates, fixed, table)
                                                                  : MakeTaps(a, axis, coordinates, table);
  if (!status.ok()) return status;
  if (IsCopy(*table)) {
    MakeIdentity(table);
  } else if (!table->windows) {
    DropZeroTaps(table);
    FindPeriod(table);
  }
  return Status();
}

}  // namespace

Status MakeResizeAxis(const ResizeAttributes& a, int axis, int64_t in, const ResizeSizes& sizes, bool fixed,
                      ResizeAxis* table) {
  *table = ResizeAxis();
  table->in = in;
  table->out = sizes.output[axis];
  table->inside = {0, table->out};
  const bool cropped = a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize;
  const bool copies =
      a.antialias == Antialias::kPillow || (a.mode == ResizeMode::kLinear && a.antialias == Antialias::kNone);
  const bool copied_if_unchanged = fixed || (a.copy_unchanged_axes && copies);
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
