// Validation and output sizes of Resize.
#include "geometry/resize.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <limits>
#include <string>

#include "base/checked_math.h"
#include "base/format.h"
#include "base/status.h"
#include "geometry/enum_names.h"
#include "geometry/epilogue.h"
#include "geometry/tensor.h"
#include "geometry/weights.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "resize";
// Indices and sizes of one axis are int32 in the tables. The margin below 2^31 is for taps outside the input and for
// sizes that f32 rounds up.
constexpr int64_t kMaxAxis = kMaxResizeSize;

// ---- Attributes

// Refuses a value of an enum whose values are 0 to `last`.
template <typename E>
Status CheckEnum(const char* name, const char* type, E value, E last) {
  if (static_cast<int>(value) >= 0 && static_cast<int>(value) <= static_cast<int>(last)) return Status();
  return Status::InvalidArgument("%s %s = %d: not a value of %s", kOp, name, static_cast<int>(value), type);
}

Status ValidateEnums(const ResizeAttributes& a) {
  POLYPHASE_RETURN_IF_ERROR(CheckEnum("mode", "ResizeMode", a.mode, ResizeMode::kLanczos));
  POLYPHASE_RETURN_IF_ERROR(CheckEnum("coordinate_transformation", "CoordinateTransformation",
                                      a.coordinate_transformation, CoordinateTransformation::kTfHalfPixelForNn));
  POLYPHASE_RETURN_IF_ERROR(
      CheckEnum("coordinate_precision", "CoordinatePrecision", a.coordinate_precision, CoordinatePrecision::kF64));
  POLYPHASE_RETURN_IF_ERROR(CheckEnum("nearest_mode", "NearestMode", a.nearest_mode, NearestMode::kPillow));
  POLYPHASE_RETURN_IF_ERROR(CheckEnum("antialias", "Antialias", a.antialias, Antialias::kOnnx));
  POLYPHASE_RETURN_IF_ERROR(
      CheckEnum("output_size_rule", "OutputSizeRule", a.output_size_rule, OutputSizeRule::kOnnxRuntime));
  POLYPHASE_RETURN_IF_ERROR(CheckEnum("keep_aspect_ratio_policy", "KeepAspectRatioPolicy", a.keep_aspect_ratio_policy,
                                      KeepAspectRatioPolicy::kNotSmaller));
  POLYPHASE_RETURN_IF_ERROR(CheckEnum("pass_order", "PassOrder", a.pass_order, PassOrder::kPillow13));
  POLYPHASE_RETURN_IF_ERROR(CheckEnum("u8_rounding", "U8Rounding", a.u8_rounding, U8Rounding::kFixed22));
  return Status();
}

// Refuses modes and options that contradict each other.
Status ValidateCombination(const ResizeAttributes& a) {
  const std::string mode = EnumName(a.mode);
  const std::string antialias = EnumName(a.antialias);
  const bool smooth = a.mode == ResizeMode::kLinear || a.mode == ResizeMode::kCubic;
  if (a.antialias != Antialias::kNone && !smooth && a.mode != ResizeMode::kLanczos) {
    return Status::InvalidArgument("%s antialias = %s: must be kNone for mode = %s", kOp, antialias.c_str(),
                                   mode.c_str());
  }
  if (a.mode == ResizeMode::kLanczos && a.antialias != Antialias::kPillow) {
    return Status::InvalidArgument("%s antialias = %s: must be kPillow for mode = %s", kOp, antialias.c_str(),
                                   mode.c_str());
  }
  if (a.exclude_outside && !smooth) {
    return Status::InvalidArgument("%s exclude_outside = true: must be false for mode = %s (not kLinear or kCubic)",
                                   kOp, mode.c_str());
  }
  if (a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize &&
      (a.mode == ResizeMode::kArea || a.antialias == Antialias::kPillow)) {
    return Status::InvalidArgument(
        "%s coordinate_transformation = %s: must be another one for mode = kArea and antialias = kPillow, whose "
        "windows follow from the sizes",
        kOp, EnumName(a.coordinate_transformation).c_str());
  }
  if (a.spatial_rank == 3 && IsFixedPoint(a.u8_rounding)) {
    return Status::InvalidArgument(
        "%s u8_rounding = %s: must be kHalfEven or kTruncate for spatial_rank = 3 (presets of 1-D and 2-D modes set a "
        "fixed-point one; 3-D modes of PyTorch are kTrilinear, kNearest, kNearestExact and kArea)",
        kOp, EnumName(a.u8_rounding).c_str());
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
          "%s scale[%s] = %s: must be positive and finite, or 0 for an axis that keeps its "
          "size",
          kOp, AxisName(axis), ExactText(a.scale[axis]).c_str());
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
    return Status::InvalidArgument("%s keep_aspect_ratio_policy = %s: must be kStretch when scale is given", kOp,
                                   EnumName(a.keep_aspect_ratio_policy).c_str());
  }
  if (a.n < 0) return Status::InvalidArgument("%s n = %" PRId64 ": must be positive, or 0 for any", kOp, a.n);
  if (a.c < 0) return Status::InvalidArgument("%s c = %" PRId64 ": must be positive, or 0 for any", kOp, a.c);
  return Status();
}

Status ValidatePointwise(const ResizeAttributes& a) {
  const Pointwise& p = a.pointwise;
  if (!HasPointwise(a)) return Status();
  // Keeps the packed weights, whose channels are padded, below 2^63 bytes.
  constexpr int64_t kMaxWeights = int64_t{1} << 56;
  if (p.input_channels < 1 || p.output_channels < 1) {
    return Status::InvalidArgument("%s pointwise input_channels = %" PRId64 ", output_channels = %" PRId64
                                   ": must be at least 1",
                                   kOp, p.input_channels, p.output_channels);
  }
  if (p.input_channels > kMaxWeights / p.output_channels) {
    return Status::InvalidArgument("%s pointwise input_channels = %" PRId64 ", output_channels = %" PRId64
                                   ": more than 2^56 weights",
                                   kOp, p.input_channels, p.output_channels);
  }
  POLYPHASE_RETURN_IF_ERROR(CheckWeights("resize pointwise weights", p.weights));
  POLYPHASE_RETURN_IF_ERROR(CheckFloats(kOp, "pointwise bias", p.bias));
  if (a.coordinate_transformation == CoordinateTransformation::kTfCropAndResize) {
    return Status::InvalidArgument(
        "%s pointwise with coordinate_transformation = %s: must be another one, as the 1x1 convolution cannot go below "
        "a resize that replaces elements by extrapolation_value",
        kOp, EnumName(a.coordinate_transformation).c_str());
  }
  if (a.c != 0 && a.c != p.input_channels) {
    return Status::InvalidArgument("%s c = %" PRId64 ": must be pointwise input_channels, %" PRId64 ", or 0", kOp, a.c,
                                   p.input_channels);
  }
  return Status();
}

// ---- Sizes

// Returns the common scale of the resized axes.
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

}  // namespace

bool SumsRowsFirst(const ResizeAttributes& a, bool fixed, const SpatialSizes& input_size,
                   const SpatialSizes& output_size) {
  const int64_t h = input_size[kRow], w = input_size[kColumn];
  if (!fixed) {
    // Windows have a length in proportion to the shrinking, or a constant one where the axis grows. A pixel costs twice
    // as much along x, where its sources are not whole vectors. zimg's rule, in its resize.cpp.
    const double y = static_cast<double>(output_size[kRow]) / static_cast<double>(h);
    const double x = static_cast<double>(output_size[kColumn]) / static_cast<double>(w);
    return std::max(y, 1.0) + 2 * y * std::max(x, 1.0) < 2 * std::max(x, 1.0) + x * std::max(y, 1.0);
  }
  const int64_t fewer_rows = h - output_size[kRow];
  const int64_t fewer_columns = w - output_size[kColumn];
  if (fewer_rows <= 0) return false;
  switch (a.pass_order) {
    case PassOrder::kWidthFirst: break;
    case PassOrder::kPillow12_2: return h > 100 * w;
    case PassOrder::kPillow13: return fewer_rows > 2 * fewer_columns;
  }
  return false;
}

Status ExpandResize(ResizeAttributes* a) {
  const int32_t rank = a->spatial_rank;
  POLYPHASE_RETURN_IF_ERROR(CheckSpatialRank(kOp, rank));
  a->size = ExpandAxes<int64_t>(a->size, rank, 0);
  a->scale = ExpandAxes<double>(a->scale, rank, 0);
  a->roi_begin = ExpandAxes<double>(a->roi_begin, rank, 0);
  a->roi_end = ExpandAxes<double>(a->roi_end, rank, 1);
  return Status();
}

Status ValidateResize(const ResizeAttributes& a) {
  POLYPHASE_RETURN_IF_ERROR(ValidateEnums(a));
  if (!std::isfinite(a.cubic_coeff_a)) {
    return Status::InvalidArgument("%s cubic_coeff_a = %g: must be finite", kOp, static_cast<double>(a.cubic_coeff_a));
  }
  POLYPHASE_RETURN_IF_ERROR(ValidateCombination(a));
  POLYPHASE_RETURN_IF_ERROR(ValidateSizes(a));
  POLYPHASE_RETURN_IF_ERROR(ValidatePointwise(a));
  return ValidateEpilogue(kOp, a.epilogue, OutputChannels(a, 0));
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
        return Status::InvalidArgument("%s scale[%s] = %s: the output size of %" PRId64
                                       " inputs would be %.10g by output_size_rule = %s, must be in [1, %" PRId64 "]",
                                       kOp, name, ExactText(a.scale[axis]).c_str(), in, out,
                                       EnumName(a.output_size_rule).c_str(), kMaxAxis);
      }
    } else if (a.size[axis] != 0) {
      out = static_cast<double>(a.size[axis]);
      if (keeps_ratio) {
        out = std::floor(common * static_cast<double>(in) + 0.5);
        sizes->scale[axis] = common;
      }
      if (!(out >= 1 && out <= static_cast<double>(kMaxAxis))) {
        return Status::InvalidArgument("%s size[%s] = %" PRId64
                                       ": the output size would be %.10g, must be in [1, %" PRId64 "]",
                                       kOp, name, a.size[axis], out, kMaxAxis);
      }
    }
    sizes->output[axis] = static_cast<int64_t>(out);
  }
  return Status();
}

}  // namespace polyphase::internal
