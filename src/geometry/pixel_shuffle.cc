// Validation and output shape of PixelShuffle.
#include "geometry/pixel_shuffle.h"

#include <cinttypes>

#include "base/checked_math.h"
#include "geometry/tensor.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "pixel_shuffle";

}  // namespace

Status ValidatePixelShuffle(const PixelShuffleAttributes& a) {
  if (Status status = CheckSpatialRank(kOp, a.spatial_rank); !status.ok()) return status;
  int64_t square = 0;
  if (a.factor < 1 || !CheckedMul(a.factor, a.factor, &square)) {
    return Status::InvalidArgument("%s factor = %" PRId64 ": must be at least 1, and its square below 2^63", kOp,
                                   a.factor);
  }
  if (a.direction != ShuffleDirection::kDepthToSpace && a.direction != ShuffleDirection::kSpaceToDepth) {
    return Status::InvalidArgument("%s direction = %d: not a ShuffleDirection", kOp, static_cast<int>(a.direction));
  }
  if (a.channel_order != ChannelOrder::kCrd && a.channel_order != ChannelOrder::kDcr) {
    return Status::InvalidArgument("%s channel_order = %d: not a ChannelOrder", kOp, static_cast<int>(a.channel_order));
  }
  return Status();
}

Status PixelShuffleOutput(const PixelShuffleAttributes& a, const TensorDesc& input, int64_t* channels,
                          SpatialSizes* size) {
  const int64_t square = a.factor * a.factor;
  const int32_t rank = a.spatial_rank;
  bool fits = true;
  if (a.direction == ShuffleDirection::kDepthToSpace) {
    if (input.c % square != 0) {
      return Status::InvalidArgument("%s input c = %" PRId64 ": must be a multiple of factor * factor = %" PRId64, kOp,
                                     input.c, square);
    }
    *channels = input.c / square;
    for (int axis = 0; axis < rank; ++axis) fits = fits && CheckedMul(input.size[axis], a.factor, &(*size)[axis]);
  } else {
    for (int axis = 0; axis < rank; ++axis) {
      if (input.size[axis] % a.factor != 0) {
        return Status::InvalidArgument("%s input size[%s] = %" PRId64 ": must be a multiple of factor = %" PRId64, kOp,
                                       AxisName(rank, axis), input.size[axis], a.factor);
      }
      (*size)[axis] = input.size[axis] / a.factor;
    }
    fits = CheckedMul(input.c, square, channels);
  }
  if (!fits) return Status::InvalidArgument("%s factor = %" PRId64 ": the output exceeds 2^63 elements", kOp, a.factor);
  return Status();
}

}  // namespace polyphase::internal
