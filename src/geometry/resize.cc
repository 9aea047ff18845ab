// Validation, output sizes and tables of Resize. Compiled without contraction to FMA: the coordinates are PyTorch's f32
// arithmetic, bit for bit.
#include "geometry/resize.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>

#include "base/checked_math.h"
#include "geometry/epilogue.h"
#include "geometry/tensor.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "resize";
// Indices and sizes of one axis are int32 in the tables; the margin is for taps outside
// and for sizes that f32 rounds up.
constexpr int64_t kMaxAxis = (int64_t{1} << 31) - 256;

// Keys' cubic kernel at distances 1 + t, t, 1 - t, 2 - t.
void CubicWeights(double a, double t, float* weights, int64_t stride) {
  const auto near = [a](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [a](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  weights[0 * stride] = static_cast<float>(far(t + 1));
  weights[1 * stride] = static_cast<float>(near(t));
  weights[2 * stride] = static_cast<float>(near(1 - t));
  weights[3 * stride] = static_cast<float>(far(2 - t));
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
    for (int k = 0; k < table->taps && table->taps > 1 && repeats; ++k) {
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
  if (a.spatial_rank != 2) return Status::Unsupported("%s spatial_rank = %d: not yet", kOp, a.spatial_rank);
  if (a.mode != ResizeMode::kNearest && a.mode != ResizeMode::kLinear && a.mode != ResizeMode::kCubic) {
    return Status::InvalidArgument("%s mode = %d: not a ResizeMode", kOp, static_cast<int>(a.mode));
  }
  const auto transformation = a.coordinate_transformation;
  if (transformation != CoordinateTransformation::kHalfPixel &&
      transformation != CoordinateTransformation::kAlignCorners &&
      transformation != CoordinateTransformation::kAsymmetric) {
    return Status::InvalidArgument("%s coordinate_transformation = %d: not a CoordinateTransformation", kOp,
                                   static_cast<int>(transformation));
  }
  if (a.nearest_mode != NearestMode::kFloor && a.nearest_mode != NearestMode::kRoundPreferCeil) {
    return Status::InvalidArgument("%s nearest_mode = %d: not a NearestMode", kOp, static_cast<int>(a.nearest_mode));
  }
  if (!std::isfinite(a.cubic_coeff_a)) {
    return Status::InvalidArgument("%s cubic_coeff_a = %g: must be finite", kOp, static_cast<double>(a.cubic_coeff_a));
  }
  bool has_size = false, has_scale = false;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    has_size = has_size || a.size[axis] != 0;
    has_scale = has_scale || a.scale[axis] != 0;
  }
  if (has_size == has_scale) {
    return Status::InvalidArgument("%s size[%s] = %" PRId64 ", scale[%s] = %g: exactly one of them must be given", kOp,
                                   AxisName(kRow), a.size[kRow], AxisName(kRow), a.scale[kRow]);
  }
  if (has_size && a.recompute_scale_factor) {
    return Status::InvalidArgument("%s recompute_scale_factor = true: must be false when size is given", kOp);
  }
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (axis > 0 && has_size && a.size[axis] < 1) {
      return Status::InvalidArgument("%s size[%s] = %" PRId64 ": must be at least 1", kOp, AxisName(axis),
                                     a.size[axis]);
    }
    if (axis > 0 && has_scale && !(a.scale[axis] > 0 && std::isfinite(a.scale[axis]))) {
      return Status::InvalidArgument("%s scale[%s] = %g: must be positive and finite", kOp, AxisName(axis),
                                     a.scale[axis]);
    }
  }
  return ValidateEpilogue(kOp, a.epilogue, 0);
}

Status ResizeOutputSize(const ResizeAttributes& a, const SpatialSizes& input_size, SpatialSizes* result) {
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const char* name = AxisName(axis);
    const int64_t in = input_size[axis];
    if (in < 1 || in > kMaxAxis) {
      return Status::InvalidArgument("%s input size[%s] = %" PRId64 ": must be in [1, %" PRId64 "]", kOp, name, in,
                                     kMaxAxis);
    }
    if (axis == 0) {
      (*result)[axis] = in;
    } else if (a.size[axis] != 0) {
      (*result)[axis] = a.size[axis];
    } else {
      const double out = std::floor(static_cast<double>(in) * a.scale[axis]);
      if (!(out >= 1)) {
        return Status::InvalidArgument("%s scale[%s] = %g: the output size would be 0, must be at least 1", kOp, name,
                                       a.scale[axis]);
      }
      (*result)[axis] = out < static_cast<double>(kMaxAxis) ? static_cast<int64_t>(out) : kMaxAxis + 1;
    }
    if ((*result)[axis] > kMaxAxis) {
      return a.size[axis] != 0 ? Status::InvalidArgument("%s size[%s] = %" PRId64 ": must be at most %" PRId64, kOp,
                                                         name, a.size[axis], kMaxAxis)
                               : Status::InvalidArgument("%s scale[%s] = %g: the output size must be at most %" PRId64,
                                                         kOp, name, a.scale[axis], kMaxAxis);
    }
  }
  return Status();
}

ResizeAxis MakeResizeAxis(const ResizeAttributes& a, int axis, int64_t in, int64_t out) {
  ResizeAxis table;
  table.in = in;
  table.out = out;
  table.identity = a.mode == ResizeMode::kLinear && in == out;
  table.taps = a.mode == ResizeMode::kNearest || table.identity ? 1 : a.mode == ResizeMode::kLinear ? 2 : 4;
  table.stride = RoundUp(out, 16);
  table.first.resize(table.stride);
  table.weights.resize(table.taps > 1 ? table.stride * table.taps : 0);

  const bool align_corners = a.coordinate_transformation == CoordinateTransformation::kAlignCorners;
  const bool half_pixel = a.coordinate_transformation == CoordinateTransformation::kHalfPixel;
  float ratio = static_cast<float>(in) / static_cast<float>(out);
  if (align_corners) {
    ratio = out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1) : 0.0f;
  } else if (a.scale[axis] != 0 && !a.recompute_scale_factor) {
    ratio = static_cast<float>(1.0 / a.scale[axis]);
  }
  const int32_t last = static_cast<int32_t>(in - 1);
  // Sizes near 2^31 round up in f32; what is outside reads the edge in any case.
  const auto bounded = [limit = static_cast<float>(last) + 2.0f](float x) { return std::clamp(x, -2.0f, limit); };
  // std::floor is a function call on baseline x86-64.
  const auto floor_index = [](float x) {
    const int32_t truncated = static_cast<int32_t>(x);
    return truncated - (x < static_cast<float>(truncated) ? 1 : 0);
  };
  for (int64_t o = 0; o < out; ++o) {
    const float position = static_cast<float>(o);
    const float x = bounded(half_pixel ? ratio * (position + 0.5f) - 0.5f : ratio * position);
    switch (a.mode) {
      case ResizeMode::kNearest: {
        const float rounded = a.nearest_mode == NearestMode::kFloor ? std::max(x, 0.0f) : std::max(x, 0.0f) + 0.5f;
        table.first[o] = std::min(floor_index(rounded), last);
        break;
      }
      case ResizeMode::kLinear: {
        const float inside = std::max(x, 0.0f);
        const int32_t i0 = table.identity ? static_cast<int32_t>(o) : std::min(floor_index(inside), last);
        table.first[o] = i0;
        if (table.identity) break;
        const float upper = std::clamp(inside - static_cast<float>(i0), 0.0f, 1.0f);
        table.weights[o] = 1.0f - upper;
        table.weights[table.stride + o] = upper;
        break;
      }
      case ResizeMode::kCubic: {
        const int32_t i1 = floor_index(x);
        table.first[o] = i1 - 1;
        CubicWeights(a.cubic_coeff_a, x - static_cast<float>(i1), &table.weights[o], table.stride);
        break;
      }
    }
  }
  std::fill(table.first.begin() + out, table.first.end(), table.first[out - 1]);
  FindPeriod(&table);
  return table;
}

}  // namespace polyphase::internal
