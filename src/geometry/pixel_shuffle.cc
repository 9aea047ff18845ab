// Validation and output shape of PixelShuffle.
#include "geometry/pixel_shuffle.h"

#include <cinttypes>

#include "base/checked_math.h"
#include "base/status.h"
#include "geometry/tensor.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "pixel_shuffle";

}  // namespace

Status ExpandPixelShuffle(PixelShuffleAttributes* a) {
  POLYPHASE_RETURN_IF_ERROR(CheckSpatialRank(kOp, a->spatial_rank));
  a->factor = ExpandAxes<int64_t>(a->factor, a->spatial_rank, 1);
  return Status();
}

Status ValidatePixelShuffle(const PixelShuffleAttributes& a) {
  int64_t product = 1;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (a.factor[axis] < 1 || !CheckedMul(product, a.factor[axis], &product)) {
      return Status::InvalidArgument("%s factor[%s] = %" PRId64
                                     ": must be at least 1, and the product of the factors below 2^63",
                                     kOp, AxisName(axis), a.factor[axis]);
    }
  }
  if (a.direction != ShuffleDirection::kDepthToSpace && a.direction != ShuffleDirection::kSpaceToDepth) {
    return Status::InvalidArgument("%s direction = %d: not a ShuffleDirection", kOp, static_cast<int>(a.direction));
  }
  if (a.channel_order != ChannelOrder::kCrd && a.channel_order != ChannelOrder::kDcr &&
      a.channel_order != ChannelOrder::kFocus) {
    return Status::InvalidArgument("%s channel_order = %d: not a ChannelOrder", kOp, static_cast<int>(a.channel_order));
  }
  return Status();
}

Status PixelShuffleOutput(const PixelShuffleAttributes& a, const TensorDesc& input, int64_t* channels,
                          SpatialSizes* size) {
  const int64_t product = a.factor[0] * a.factor[1] * a.factor[2];
  if (a.direction == ShuffleDirection::kDepthToSpace) {
    if (input.c % product != 0) {
      return Status::InvalidArgument("%s input c = %" PRId64
                                     ": must be a multiple of the product of the factors, %" PRId64,
                                     kOp, input.c, product);
    }
    *channels = input.c / product;
  } else if (!CheckedMul(input.c, product, channels)) {
    return Status::InvalidArgument("%s input c = %" PRId64 ": the output would have more than 2^63 channels", kOp,
                                   input.c);
  }
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const int64_t in = input.size[axis];
    const int64_t factor = a.factor[axis];
    if (a.direction == ShuffleDirection::kDepthToSpace) {
      if (CheckedMul(in, factor, &(*size)[axis])) continue;
      return Status::InvalidArgument("%s factor[%s] = %" PRId64 ": the output size exceeds 2^63", kOp, AxisName(axis),
                                     factor);
    }
    if (in % factor != 0) {
      return Status::InvalidArgument("%s input size[%s] = %" PRId64 ": must be a multiple of factor[%s] = %" PRId64,
                                     kOp, AxisName(axis), in, AxisName(axis), factor);
    }
    (*size)[axis] = in / factor;
  }
  return Status();
}

}  // namespace polyphase::internal
