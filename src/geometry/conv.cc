// Validation and output sizes of Conv.
#include "geometry/conv.h"

#include <cinttypes>

#include "base/checked_math.h"
#include "base/status.h"
#include "geometry/epilogue.h"
#include "geometry/tensor.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "conv";
// The limit keeps the tables of phases small; networks have 2 to 8.
constexpr int64_t kMaxFactor = 256;

bool Reach(const ConvAttributes& a, int axis, int64_t* result) {
  return CheckedMul(a.dilation[axis], a.kernel[axis] - 1, result);
}

}  // namespace

Status ExpandConv(ConvAttributes* a) {
  const int32_t rank = a->spatial_rank;
  POLYPHASE_RETURN_IF_ERROR(CheckSpatialRank(kOp, rank));
  for (SpatialSizes* sizes : {&a->kernel, &a->dilation, &a->upsample, &a->shuffle}) {
    *sizes = ExpandAxes<int64_t>(*sizes, rank, 1);
  }
  for (SpatialSizes* sizes : {&a->padding_begin, &a->padding_end}) *sizes = ExpandAxes<int64_t>(*sizes, rank, 0);
  return Status();
}

Status ValidateConv(ConvAttributes* attributes) {
  ConvAttributes& a = *attributes;
  const struct {
    const char* name;
    const SpatialSizes& values;
    int64_t minimum, maximum;
  } lists[] = {{"kernel", a.kernel, 1, INT64_MAX},
               {"dilation", a.dilation, 1, INT64_MAX},
               {"padding_begin", a.padding_begin, 0, INT64_MAX},
               {"padding_end", a.padding_end, 0, INT64_MAX},
               {"upsample", a.upsample, 1, kMaxFactor},
               {"shuffle", a.shuffle, 1, kMaxFactor}};
  for (const auto& [name, values, minimum, maximum] : lists) {
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      if (values[axis] >= minimum && values[axis] <= maximum) continue;
      return maximum == INT64_MAX
                 ? Status::InvalidArgument("%s %s[%s] = %" PRId64 ": must be at least %" PRId64, kOp, name,
                                           AxisName(axis), values[axis], minimum)
                 : Status::InvalidArgument("%s %s[%s] = %" PRId64 ": must be in [%" PRId64 ", %" PRId64 "]", kOp, name,
                                           AxisName(axis), values[axis], minimum, maximum);
    }
  }
  POLYPHASE_RETURN_IF_ERROR(CheckChannels(kOp, a.groups, a.input_channels, a.output_channels));
  if (a.output_channels % ShuffledPixels(a) != 0) {
    return Status::InvalidArgument("%s output_channels = %" PRId64 ": must be a multiple of shuffle = %" PRId64
                                   "x%" PRId64 "x%" PRId64,
                                   kOp, a.output_channels, a.shuffle[0], a.shuffle[1], a.shuffle[2]);
  }
  if (a.padding_mode != PaddingMode::kZeros && a.padding_mode != PaddingMode::kReflect &&
      a.padding_mode != PaddingMode::kReplicate && a.padding_mode != PaddingMode::kCircular) {
    return Status::InvalidArgument("%s padding_mode = %d: not a PaddingMode", kOp, static_cast<int>(a.padding_mode));
  }
  if (a.channel_order != ChannelOrder::kCrd && a.channel_order != ChannelOrder::kDcr &&
      a.channel_order != ChannelOrder::kFocus) {
    return Status::InvalidArgument("%s channel_order = %d: not a ChannelOrder", kOp, static_cast<int>(a.channel_order));
  }
  POLYPHASE_RETURN_IF_ERROR(CheckAutoPad(kOp, a.auto_pad, a.padding_begin, a.padding_end));
  // The packed weights have at most upsample + kernel - 1 slots per axis of the convolution, and shuffle times that.
  int64_t weights = a.input_channels;
  bool fits = CheckedMul(weights, a.output_channels, &weights) && CheckedMul(weights, 4, &weights);
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    int64_t reach = 0;
    int64_t slots = 0;
    if (!Reach(a, axis, &reach) || reach > (int64_t{1} << 48)) {
      return Status::InvalidArgument("%s dilation[%s] = %" PRId64 ": dilation * (kernel - 1) exceeds 2^48", kOp,
                                     AxisName(axis), a.dilation[axis]);
    }
    for (const SpatialSizes* padding : {&a.padding_begin, &a.padding_end}) {
      if ((*padding)[axis] <= (int64_t{1} << 48)) continue;
      return Status::InvalidArgument("%s %s[%s] = %" PRId64 ": must be at most 2^48", kOp,
                                     padding == &a.padding_begin ? "padding_begin" : "padding_end", AxisName(axis),
                                     (*padding)[axis]);
    }
    fits = fits && CheckedAdd(a.kernel[axis], 2 * a.upsample[axis], &slots) && CheckedMul(weights, slots, &weights);
    if (a.auto_pad == AutoPad::kSameUpper || a.auto_pad == AutoPad::kSameLower) {
      a.padding_begin[axis] = a.auto_pad == AutoPad::kSameUpper ? reach / 2 : reach - reach / 2;
      a.padding_end[axis] = reach - a.padding_begin[axis];
    }
  }
  if (!fits) {
    return Status::InvalidArgument("%s input_channels = %" PRId64 ", output_channels = %" PRId64 ", kernel = %" PRId64
                                   "x%" PRId64 "x%" PRId64 ": the weights exceed 2^63 bytes",
                                   kOp, a.input_channels, a.output_channels, a.kernel[0], a.kernel[1], a.kernel[2]);
  }
  POLYPHASE_RETURN_IF_ERROR(ValidatePrologue(kOp, a.prologue));
  return ValidateEpilogue(kOp, a.epilogue, a.output_channels / ShuffledPixels(a));
}

ConvAxis MakeConvAxis(const ConvAttributes& a, int axis) {
  return {a.kernel[axis], a.dilation[axis], a.padding_begin[axis], a.padding_end[axis],
          a.padding_mode, a.upsample[axis], a.shuffle[axis]};
}

int64_t ConvChannel(const ConvAttributes& a, int64_t c, const SpatialSizes& shuffled) {
  const SpatialSizes& r = a.shuffle;
  const int64_t channels = a.output_channels / ShuffledPixels(a);
  const int64_t offset = (shuffled[0] * r[1] + shuffled[1]) * r[2] + shuffled[2];
  switch (a.channel_order) {
    case ChannelOrder::kCrd: return c * ShuffledPixels(a) + offset;
    case ChannelOrder::kDcr: return offset * channels + c;
    case ChannelOrder::kFocus: return ((shuffled[2] * r[1] + shuffled[1]) * r[0] + shuffled[0]) * channels + c;
  }
  return 0;
}

Status ResolveConv(const ConvAttributes& a, const SpatialSizes& input_size, PhaseShape* shape) {
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const char* name = AxisName(axis);
    const int64_t in = input_size[axis];
    if (in < 1) {
      return Status::InvalidArgument("%s input size[%s] = %" PRId64 ": must be at least 1", kOp, name, in);
    }
    const int64_t begin = a.padding_begin[axis];
    const int64_t end = a.padding_end[axis];
    int64_t reach = 0;
    int64_t upsampled = 0;
    int64_t padded = 0;
    int64_t shuffled = 0;
    const bool fits = Reach(a, axis, &reach) && CheckedMul(in, a.upsample[axis], &upsampled) &&
                      CheckedAdd(upsampled, begin + end, &padded) && CheckedAdd(padded, reach, &shuffled) &&
                      CheckedMul(shuffled, 2 * a.shuffle[axis], &shuffled);
    if (!fits) {
      return Status::InvalidArgument("%s input size[%s] = %" PRId64 ": the output size exceeds 2^63", kOp, name, in);
    }
    const int64_t largest = a.padding_mode == PaddingMode::kReflect ? upsampled - 1 : upsampled;
    const bool limited = a.padding_mode == PaddingMode::kReflect || a.padding_mode == PaddingMode::kCircular;
    if (limited && std::max(begin, end) > largest) {
      return Status::InvalidArgument("%s padding_begin[%s] = %" PRId64 ", padding_end[%s] = %" PRId64
                                     ": must be at most %" PRId64 " to %s a size of %" PRId64,
                                     kOp, name, begin, name, end, largest,
                                     a.padding_mode == PaddingMode::kReflect ? "reflect" : "wrap around", upsampled);
    }
    if (padded <= reach) {
      return Status::InvalidArgument("%s kernel[%s] = %" PRId64 ", dilation[%s] = %" PRId64 ": reaches over %" PRId64
                                     ", more than the padded size, %" PRId64,
                                     kOp, name, a.kernel[axis], name, a.dilation[axis], reach + 1, padded);
    }
    shape->size[axis] = (padded - reach) * a.shuffle[axis];
  }
  return Status();
}

}  // namespace polyphase::internal
