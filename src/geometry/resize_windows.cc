// Makes the windows of Resize: area, antialias, lanczos, and everything in fixed point.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/checked_math.h"
#include "geometry/enum_names.h"
#include "geometry/resize_table.h"

namespace polyphase::internal {
namespace {

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
  // Removes the zeros at both ends, so that a NaN there does not reach this output.
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

// The centre is computed in T, the rest in double: in f32 a tap at an end could be lost by rounding.
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
        return Status::InvalidArgument("resize cubic_coeff_a = %g: its weights are too large for u8_rounding = %s",
                                       static_cast<double>(a.cubic_coeff_a), EnumName(a.u8_rounding).c_str());
      }
      table->fixed_weights[o * table->stride + k] = static_cast<int32_t>(rounded);
    }
  }
  return Status();
}

}  // namespace

template <typename T>
Status MakeWindows(const ResizeAttributes& a, int axis, const Coordinates<T>& coordinates, bool fixed,
                   ResizeAxis* table) {
  const int64_t in = table->in, out = table->out;
  table->windows = true;
  table->stride = WindowBound(a, coordinates, in, out);
  if (out > kMaxTableEntries / table->stride) return TableTooLarge(axis, out, table->stride);
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

template Status MakeWindows(const ResizeAttributes& a, int axis, const Coordinates<float>& coordinates, bool fixed,
                            ResizeAxis* table);
template Status MakeWindows(const ResizeAttributes& a, int axis, const Coordinates<double>& coordinates, bool fixed,
                            ResizeAxis* table);

}  // namespace polyphase::internal
