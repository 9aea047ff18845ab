// Validation and shapes of ConvexUpsample.
#include "geometry/convex_upsample.h"

#include <cinttypes>
#include <cmath>

#include "base/checked_math.h"
#include "base/status.h"
#include "geometry/enum_names.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "convex_upsample";

Status CheckFinite(const char* name, float value) {
  if (std::isfinite(value)) return Status();
  return Status::InvalidArgument("%s %s = %g: must be finite", kOp, name, static_cast<double>(value));
}

}  // namespace

Status ValidateConvexUpsample(ConvexUpsampleAttributes* a) {
  int64_t channels = 0;
  if (a->factor < 1 || !CheckedMul(a->factor, a->factor, &channels) || !CheckedMul(channels, kConvexTaps, &channels)) {
    return Status::InvalidArgument(
        "%s factor = %" PRId64 ": must be at least 1, and the mask's 9 * factor^2 channels below 2^63", kOp, a->factor);
  }
  POLYPHASE_RETURN_IF_ERROR(CheckFinite("scale", a->scale));
  POLYPHASE_RETURN_IF_ERROR(CheckFinite("mask_scale", a->mask_scale));
  if (a->scale == 0) a->scale = static_cast<float>(a->factor);
  return Status();
}

Status InferConvexUpsample(const ConvexUpsampleAttributes& a, const TensorDesc* output, const TensorDesc* mask,
                           PlanTensors* tensors) {
  const TensorDesc& input = tensors->input;
  POLYPHASE_RETURN_IF_ERROR(CheckInputRank(kOp, 2, input));
  if (input.dtype != DataType::kF32) {
    return Status::Unsupported("%s input dtype = %s: must be kF32", kOp, EnumName(input.dtype).c_str());
  }
  SpatialSizes size = input.size;
  for (const int axis : {kRow, kColumn}) {
    if (CheckedMul(size[axis], a.factor, &size[axis])) continue;
    return Status::InvalidArgument("%s factor = %" PRId64 ": the output size[%s] exceeds 2^63", kOp, a.factor,
                                   AxisName(axis));
  }
  POLYPHASE_RETURN_IF_ERROR(InferOutput(input, output, input.c, size, &tensors->output));
  const int64_t channels = kConvexTaps * a.factor * a.factor;
  if (mask != nullptr && mask->dtype != input.dtype) {
    return Status::InvalidArgument("mask dtype = %s: must be the input's, %s", EnumName(mask->dtype).c_str(),
                                   EnumName(input.dtype).c_str());
  }
  if (mask != nullptr && mask->c != 0 && mask->c != channels) {
    return Status::InvalidArgument("mask c = %" PRId64 ": must be 9 * factor^2, %" PRId64, mask->c, channels);
  }
  return InferTensor("mask", input, mask, channels, input.size, &tensors->mask.emplace());
}

}  // namespace polyphase::internal
