// Presets of Resize: what PyTorch, Pillow and an ONNX node mean, in Polyphase's attributes.
#include <algorithm>
#include <cinttypes>
#include <cmath>

#include "base/format.h"
#include "base/status.h"
#include "geometry/enum_names.h"
#include "geometry/resize.h"
#include "geometry/tensor.h"

namespace polyphase {
namespace {

constexpr char kNode[] = "ONNX resize";
// CreateResize refuses this mode.
constexpr auto kNoMode = static_cast<ResizeMode>(-1);

// Fails unless an optional input of the node has no values or `wanted` of them.
Status CheckCount(const char* name, size_t count, size_t wanted) {
  if (count == 0 || count == wanted) return Status();
  return Status::InvalidArgument("%s %s: has %zu entries, must have %zu", kNode, name, count, wanted);
}

// Returns the axes that the node's inputs list, counted from 0.
StatusOr<std::vector<int>> ResolveAxes(const OnnxResize& node) {
  std::vector<int> axes;
  if (node.axes.empty()) {
    for (int axis = 0; axis < node.rank; ++axis) axes.push_back(axis);
    return axes;
  }
  for (size_t i = 0; i < node.axes.size(); ++i) {
    const int64_t axis = node.axes[i] < 0 ? node.axes[i] + node.rank : node.axes[i];
    if (axis < 0 || axis >= node.rank) {
      return Status::InvalidArgument("%s axes[%zu] = %" PRId64 ": must be in [%d, %d]", kNode, i, node.axes[i],
                                     -node.rank, node.rank - 1);
    }
    if (std::find(axes.begin(), axes.end(), static_cast<int>(axis)) != axes.end()) {
      return Status::InvalidArgument("%s axes[%zu] = %" PRId64 ": names an axis again", kNode, i, node.axes[i]);
    }
    axes.push_back(static_cast<int>(axis));
  }
  return axes;
}

// Resolves what entry i of the node's inputs says about axis N (0) or C (1).
Status ResolveOuterAxis(const OnnxResize& node, size_t i, size_t count, int64_t* size) {
  if (!node.scales.empty() && node.scales[i] != 1.0f) {
    return Status::InvalidArgument("%s scales[%zu] = %g: must be 1 for the axes N and C", kNode, i,
                                   static_cast<double>(node.scales[i]));
  }
  if (!node.sizes.empty() && node.keep_aspect_ratio_policy != KeepAspectRatioPolicy::kStretch) {
    return Status::InvalidArgument("%s axes: must be spatial ones, not N or C, for keep_aspect_ratio_policy = %s",
                                   kNode, internal::EnumName(node.keep_aspect_ratio_policy).c_str());
  }
  if (!node.sizes.empty()) {
    if (node.sizes[i] < 1) {
      return Status::InvalidArgument("%s sizes[%zu] = %" PRId64 ": must be at least 1", kNode, i, node.sizes[i]);
    }
    *size = node.sizes[i];
  }
  const bool cropped = node.coordinate_transformation == CoordinateTransformation::kTfCropAndResize;
  if (cropped && !node.roi.empty() && (node.roi[i] != 0.0f || node.roi[count + i] != 1.0f)) {
    return Status::InvalidArgument("%s roi[%zu] = %g, roi[%zu] = %g: must be 0 and 1 for the axes N and C", kNode, i,
                                   static_cast<double>(node.roi[i]), count + i,
                                   static_cast<double>(node.roi[count + i]));
  }
  return Status();
}

}  // namespace

ResizeAttributes ResizeAttributes::PyTorch(PyTorchMode mode, bool align_corners, bool antialias) {
  ResizeAttributes a;
  a.antialias = antialias ? Antialias::kPillow : Antialias::kNone;
  if (align_corners) a.coordinate_transformation = CoordinateTransformation::kAlignCorners;
  switch (mode) {
    case PyTorchMode::kNearest:
      a.mode = ResizeMode::kNearest;
      a.coordinate_transformation = CoordinateTransformation::kAsymmetric;
      a.nearest_mode = NearestMode::kFloor;
      return a;
    case PyTorchMode::kNearestExact:
      a.mode = ResizeMode::kNearest;
      a.coordinate_transformation = CoordinateTransformation::kHalfPixel;
      a.nearest_mode = NearestMode::kRoundPreferCeil;
      return a;
    case PyTorchMode::kLinear: a.spatial_rank = 1; return a;
    case PyTorchMode::kTrilinear: a.spatial_rank = 3; return a;
    case PyTorchMode::kBilinear: break;
    case PyTorchMode::kBicubic:
      a.mode = ResizeMode::kCubic;
      a.cubic_coeff_a = antialias ? -0.5f : -0.75f;
      break;
    case PyTorchMode::kArea:
      a.mode = ResizeMode::kArea;
      a.coordinate_transformation = CoordinateTransformation::kHalfPixel;
      return a;
    case PyTorchMode::kLanczos:
      a.mode = ResizeMode::kLanczos;
      a.coordinate_transformation = CoordinateTransformation::kHalfPixel;
      break;
    default: a.mode = kNoMode; return a;
  }
  a.u8_rounding = U8Rounding::kFixed16;
  return a;
}

ResizeAttributes ResizeAttributes::Pillow(ResizeMode mode, PassOrder pass_order) {
  ResizeAttributes a;
  a.mode = mode;
  a.pass_order = pass_order;
  a.coordinate_precision = CoordinatePrecision::kF64;
  switch (mode) {
    case ResizeMode::kNearest: a.nearest_mode = NearestMode::kPillow; return a;
    case ResizeMode::kLinear:
    case ResizeMode::kCubic:
    case ResizeMode::kLanczos: break;
    default: a.mode = kNoMode; return a;
  }
  a.cubic_coeff_a = -0.5f;
  a.antialias = Antialias::kPillow;
  a.u8_rounding = U8Rounding::kFixed22;
  return a;
}

StatusOr<ResizeAttributes> ResizeAttributes::Onnx(const OnnxResize& node) {
  if (node.rank < 2 || node.rank > 2 + kMaxSpatialRank) {
    return Status::InvalidArgument("%s rank = %d: must be 2, 3, 4 or 5", kNode, node.rank);
  }
  ResizeAttributes a;
  const int outer_axes = node.rank == 2 ? 0 : 2;
  if (outer_axes == 0) a.n = a.c = 1;
  a.spatial_rank = node.rank - outer_axes;
  a.mode = node.mode;
  a.coordinate_transformation = node.coordinate_transformation;
  a.coordinate_precision = CoordinatePrecision::kF64;
  a.nearest_mode = node.nearest_mode;
  a.cubic_coeff_a = node.cubic_coeff_a;
  a.antialias = node.antialias ? Antialias::kOnnx : Antialias::kNone;
  a.exclude_outside = node.exclude_outside;
  a.copy_unchanged_axes = false;
  a.output_size_rule = node.output_size_rule;
  a.keep_aspect_ratio_policy = node.keep_aspect_ratio_policy;
  a.extrapolation_value = node.extrapolation_value;
  if (node.mode == ResizeMode::kArea || node.mode == ResizeMode::kLanczos) {
    return Status::InvalidArgument("%s mode = %s: must be kNearest, kLinear or kCubic", kNode,
                                   internal::EnumName(node.mode).c_str());
  }

  const StatusOr<std::vector<int>> axes = ResolveAxes(node);
  if (!axes.ok()) return axes.status();
  const size_t count = axes->size();
  if (node.scales.empty() == node.sizes.empty()) {
    return Status::InvalidArgument("%s scales has %zu entries, sizes has %zu: exactly one of them must be given", kNode,
                                   node.scales.size(), node.sizes.size());
  }
  Status status = CheckCount("scales", node.scales.size(), count);
  if (status.ok()) status = CheckCount("sizes", node.sizes.size(), count);
  if (status.ok()) status = CheckCount("roi", node.roi.size(), 2 * count);
  for (size_t i = 0; i < count && status.ok(); ++i) {
    const int axis = (*axes)[i];
    if (axis < outer_axes) {
      status = ResolveOuterAxis(node, i, count, axis == 0 ? &a.n : &a.c);
      continue;
    }
    const int spatial = axis - outer_axes;
    // 0 would mean an axis that keeps its size.
    if (!node.scales.empty() && !(node.scales[i] > 0 && std::isfinite(node.scales[i]))) {
      status = Status::InvalidArgument("%s scales[%zu] = %s: must be positive and finite", kNode, i,
                                       internal::ExactText(static_cast<double>(node.scales[i])).c_str());
    } else if (!node.sizes.empty() && node.sizes[i] < 1) {
      status = Status::InvalidArgument("%s sizes[%zu] = %" PRId64 ": must be at least 1", kNode, i, node.sizes[i]);
    }
    if (!node.scales.empty()) a.scale[spatial] = static_cast<double>(node.scales[i]);
    if (!node.sizes.empty()) a.size[spatial] = node.sizes[i];
    if (!node.roi.empty()) {
      a.roi_begin[spatial] = static_cast<double>(node.roi[i]);
      a.roi_end[spatial] = static_cast<double>(node.roi[count + i]);
    }
  }
  if (!status.ok()) return status;
  ResizeAttributes expanded = a;
  POLYPHASE_RETURN_IF_ERROR(internal::ExpandResize(&expanded));
  POLYPHASE_RETURN_IF_ERROR(internal::ValidateResize(expanded));
  return a;
}

}  // namespace polyphase
