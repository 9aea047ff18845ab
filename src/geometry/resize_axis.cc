// Makes the tables of Resize: per axis, the taps of every output, or the choice of windows.
#include <algorithm>
#include <cinttypes>

#include "base/checked_math.h"
#include "base/status.h"
#include "geometry/resize_table.h"
#include "geometry/tensor.h"

namespace polyphase::internal {
namespace {

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

// Divides and rounds down. `divisor` > 0.
int64_t FloorQuotient(__int128 dividend, __int128 divisor) {
  const __int128 quotient = dividend / divisor;
  return static_cast<int64_t>(quotient * divisor > dividend ? quotient - 1 : quotient);
}

// Returns NearestIndex of the exact coordinate n / d of output o, if the scale is the quotient of the sizes. Dividing
// by that quotient, rounded to double, misses an integer or a tie for 2 % of all pairs of sizes.
int64_t ExactNearestIndex(const ResizeAttributes& a, int64_t o, int64_t in, int64_t out) {
  __int128 n = 0, d = 1;
  switch (a.coordinate_transformation) {
    case CoordinateTransformation::kPytorchHalfPixel:
      if (out == 1) break;
      [[fallthrough]];
    case CoordinateTransformation::kHalfPixel:
    case CoordinateTransformation::kHalfPixelSymmetric:
      n = (2 * static_cast<__int128>(o) + 1) * in - out;
      d = 2 * out;
      break;
    case CoordinateTransformation::kTfHalfPixelForNn:
      n = (2 * static_cast<__int128>(o) + 1) * in;
      d = 2 * out;
      break;
    case CoordinateTransformation::kAsymmetric:
      n = static_cast<__int128>(o) * in;
      d = out;
      break;
    case CoordinateTransformation::kAlignCorners:
      if (out == 1) break;
      n = static_cast<__int128>(o) * (in - 1);
      d = out - 1;
      break;
    case CoordinateTransformation::kTfCropAndResize: break;  // its coordinates are not the sizes' alone
  }
  int64_t index = 0;
  switch (a.nearest_mode) {
    case NearestMode::kFloor: index = FloorQuotient(n, d); break;
    case NearestMode::kCeil: index = FloorQuotient(n + d - 1, d); break;
    case NearestMode::kRoundPreferCeil: index = FloorQuotient(2 * n + d, 2 * d); break;
    case NearestMode::kRoundPreferFloor: index = FloorQuotient(2 * n + d - 1, 2 * d); break;
    case NearestMode::kSimple: index = FloorQuotient(out < in ? n + d - 1 : n, d); break;
    case NearestMode::kPillow: break;  // kPillow has coordinates of its own
  }
  return std::clamp<int64_t>(index, 0, in - 1);
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

template <typename T>
Status MakeTaps(const ResizeAttributes& a, int axis, const ResizeSizes& sizes, const Coordinates<T>& coordinates,
                ResizeAxis* table) {
  table->taps = a.mode == ResizeMode::kNearest ? 1 : a.mode == ResizeMode::kLinear ? 2 : 4;
  table->stride = RoundUp(table->out, 16);
  if (table->stride > kMaxTableEntries / table->taps) return TableTooLarge(axis, table->out, table->taps);
  table->first.resize(table->stride);
  table->weights.resize(table->taps > 1 ? table->stride * table->taps : 0);
  const bool in_double = sizeof(T) == sizeof(double);
  const bool exact = in_double && sizes.scale[axis] == 0 && a.nearest_mode != NearestMode::kPillow &&
                     a.coordinate_transformation != CoordinateTransformation::kTfCropAndResize;
  // PyTorch's nearest in 2-D has another kernel for outputs of so many rows and columns together. It copies or doubles
  // where the sizes say so, whatever the scale (_use_vectorized_kernel_cond_2d). Channels-last outputs of more than 3
  // channels always have that kernel in PyTorch; here results do not depend on the layout.
  constexpr int64_t kMostRowsAndColumns = 128;
  const bool small = sizes.output[kRow] + sizes.output[kColumn] <= kMostRowsAndColumns;
  const bool pytorch = !in_double && a.spatial_rank == 2 && small &&
                       a.coordinate_transformation == CoordinateTransformation::kAsymmetric &&
                       a.nearest_mode == NearestMode::kFloor;
  const int64_t repeats = pytorch && table->out == table->in ? 1 : pytorch && table->out == 2 * table->in ? 2 : 0;
  T pillow = coordinates.ratio() / 2;
  for (int64_t o = 0; o < table->out; ++o, pillow += coordinates.ratio()) {
    const T x = coordinates.Bounded(coordinates(o));
    if (a.mode == ResizeMode::kNearest && a.nearest_mode == NearestMode::kPillow) {
      table->first[o] = static_cast<int32_t>(std::min(FloorIndex(pillow), table->in - 1));
      continue;
    }
    if (a.mode == ResizeMode::kNearest && (repeats > 0 || exact)) {
      table->first[o] =
          static_cast<int32_t>(repeats > 0 ? o / repeats : ExactNearestIndex(a, o, table->in, table->out));
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

// Keeps one tap if all outputs have only that one, of weight 1: linear to a third reads only every third pixel.
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
Status MakeTable(const ResizeAttributes& a, int axis, const ResizeSizes& sizes, bool fixed, ResizeAxis* table) {
  const Coordinates<T> coordinates(a, axis, table->in, table->out, sizes.scale[axis]);
  if (a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize) {
    int64_t begin = 0, end = table->out;
    while (begin < end && !coordinates.Inside(coordinates(begin))) ++begin;
    while (begin < end && !coordinates.Inside(coordinates(end - 1))) --end;
    table->inside = {begin, end};
  }
  // ONNX's antialias is the plain filter where it enlarges.
  const bool widened =
      a.antialias == Antialias::kPillow || (a.antialias == Antialias::kOnnx && coordinates.scale() < 1);
  POLYPHASE_RETURN_IF_ERROR(widened || fixed || a.mode == ResizeMode::kArea
                                ? MakeWindows(a, axis, coordinates, fixed, table)
                                : MakeTaps(a, axis, sizes, coordinates, table));
  if (IsCopy(*table)) {
    const IndexRange inside = table->inside;
    *table = IdentityAxis(table->out);
    table->inside = inside;
  } else if (!table->windows) {
    DropZeroTaps(table);
    FindPeriod(table);
  }
  return Status();
}

}  // namespace

Status TableTooLarge(int axis, int64_t out, int64_t taps) {
  return Status::Make(StatusCode::kOutOfMemory,
                      "resize: a table of %" PRId64 " outputs with %" PRId64 " taps on axis %s exceeds %" PRId64
                      " entries",
                      out, taps, AxisName(axis), kMaxTableEntries);
}

ResizeAxis IdentityAxis(int64_t size) {
  ResizeAxis table;
  table.in = table.out = size;
  table.inside = {0, size};
  table.identity = true;
  table.stride = RoundUp(size, 16);
  table.first.resize(table.stride);
  for (int64_t o = 0; o < table.stride; ++o) table.first[o] = static_cast<int32_t>(std::min(o, size - 1));
  return table;
}

Status MakeResizeAxis(const ResizeAttributes& a, int axis, int64_t in, const ResizeSizes& sizes, bool fixed,
                      ResizeAxis* table) {
  *table = ResizeAxis();
  table->in = in;
  table->out = sizes.output[axis];
  table->inside = {0, table->out};
  if (table->out > kMaxTableEntries) return TableTooLarge(axis, table->out, 1);
  const bool cropped = a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize;
  const bool copies =
      a.antialias == Antialias::kPillow || (a.mode == ResizeMode::kLinear && a.antialias == Antialias::kNone);
  const bool copied_if_unchanged = fixed || (a.copy_unchanged_axes && copies);
  if (KeepsItsSize(a, axis) || (in == table->out && copied_if_unchanged && !cropped)) {
    *table = IdentityAxis(in);
    return Status();
  }
  if (fixed || a.coordinate_precision == CoordinatePrecision::kF64) {
    return MakeTable<double>(a, axis, sizes, fixed, table);
  }
  return MakeTable<float>(a, axis, sizes, fixed, table);
}

}  // namespace polyphase::internal
