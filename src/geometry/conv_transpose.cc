// Validation and output sizes of ConvTranspose.
#include "geometry/conv_transpose.h"

#include <cinttypes>
#include <limits>

#include "base/status.h"
#include "geometry/epilogue.h"
#include "geometry/tensor.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "conv_transpose";

Status CheckAtLeast(const char* name, const SpatialSizes& values, int64_t minimum) {
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (values[axis] < minimum) {
      return Status::InvalidArgument("%s %s[%s] = %" PRId64 ": must be at least %" PRId64, kOp, name, AxisName(axis),
                                     values[axis], minimum);
    }
  }
  return Status();
}

// Computes dilation * (kernel - 1) + 1 and returns false on overflow.
bool EffectiveKernel(const ConvTransposeAttributes& a, int axis, int64_t* result) {
  return CheckedMul(a.dilation[axis], a.kernel[axis] - 1, result) && CheckedAdd(*result, 1, result);
}

}  // namespace

Status ExpandConvTranspose(ConvTransposeAttributes* a) {
  const int32_t rank = a->spatial_rank;
  POLYPHASE_RETURN_IF_ERROR(CheckSpatialRank(kOp, rank));
  for (SpatialSizes* sizes : {&a->kernel, &a->stride, &a->dilation}) *sizes = ExpandAxes<int64_t>(*sizes, rank, 1);
  for (SpatialSizes* sizes : {&a->padding_begin, &a->padding_end, &a->output_padding}) {
    *sizes = ExpandAxes<int64_t>(*sizes, rank, 0);
  }
  a->output_shape = ExpandOutputSize(a->output_shape, rank);
  return Status();
}

Status ValidateConvTranspose(const ConvTransposeAttributes& a) {
  POLYPHASE_RETURN_IF_ERROR(CheckChannels(kOp, a.groups, a.input_channels, a.output_channels));
  const struct {
    const char* name;
    const SpatialSizes& values;
    int64_t minimum;
  } lists[] = {{"kernel", a.kernel, 1},           {"stride", a.stride, 1},
               {"dilation", a.dilation, 1},       {"padding_begin", a.padding_begin, 0},
               {"padding_end", a.padding_end, 0}, {"output_padding", a.output_padding, 0}};
  for (const auto& [name, values, minimum] : lists) {
    POLYPHASE_RETURN_IF_ERROR(CheckAtLeast(name, values, minimum));
  }
  int64_t weights = a.input_channels;
  bool fits = CheckedMul(weights, a.output_channels / a.groups, &weights) && CheckedMul(weights, 4, &weights);
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (a.output_padding[axis] >= std::max(a.stride[axis], a.dilation[axis])) {
      return Status::InvalidArgument(
          "%s output_padding[%s] = %" PRId64 ": must be smaller than max(stride, dilation) = %" PRId64, kOp,
          AxisName(axis), a.output_padding[axis], std::max(a.stride[axis], a.dilation[axis]));
    }
    int64_t effective = 0;
    if (!EffectiveKernel(a, axis, &effective)) {
      return Status::InvalidArgument("%s dilation[%s] = %" PRId64 ": dilation * (kernel - 1) exceeds 2^63", kOp,
                                     AxisName(axis), a.dilation[axis]);
    }
    fits = fits && CheckedMul(weights, a.kernel[axis], &weights);
  }
  if (!fits) {
    return Status::InvalidArgument("%s input_channels = %" PRId64 ", output_channels = %" PRId64 ", kernel = %" PRId64
                                   "x%" PRId64 "x%" PRId64 ": the weights exceed 2^63 bytes",
                                   kOp, a.input_channels, a.output_channels, a.kernel[0], a.kernel[1], a.kernel[2]);
  }
  POLYPHASE_RETURN_IF_ERROR(CheckAutoPad(kOp, a.auto_pad, a.padding_begin, a.padding_end));
  for (int axis = 0; axis < kMaxSpatialRank && IsGiven(a.output_shape); ++axis) {
    if (a.output_shape[axis] >= 1) continue;
    return Status::InvalidArgument("%s output_shape[%s] = %" PRId64 ": must be at least 1 on every axis, or 0 on all",
                                   kOp, AxisName(axis), a.output_shape[axis]);
  }
  POLYPHASE_RETURN_IF_ERROR(ValidatePrologue(kOp, a.prologue));
  return ValidateEpilogue(kOp, a.epilogue, a.output_channels);
}

Status ResolveConvTranspose(const ConvTransposeAttributes& a, const SpatialSizes& input_size,
                            const SpatialSizes& output_size, PhaseShape* shape) {
  if (IsGiven(output_size) && (IsGiven(a.output_shape) || a.auto_pad != AutoPad::kNotSet)) {
    return Status::InvalidArgument("%s output_size = %" PRId64 ": must be 0 where output_shape or auto_pad is given",
                                   kOp, output_size[kColumn]);
  }
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const char* name = AxisName(axis);
    const int64_t in = input_size[axis];
    const int64_t stride = a.stride[axis];
    if (in < 1) {
      return Status::InvalidArgument("%s input size[%s] = %" PRId64 ": must be at least 1", kOp, name, in);
    }
    int64_t effective = 0;
    int64_t smallest = 0;  // `natural` without output_padding
    int64_t natural = 0;
    int64_t same = 0;
    // u = o + padding_begin must fit as well, and so must o plus the reach of the taps.
    int64_t limit = 0;
    const bool fits = EffectiveKernel(a, axis, &effective) && CheckedMul(in - 1, stride, &smallest) &&
                      CheckedAdd(smallest, effective, &smallest) &&
                      CheckedAdd(smallest, a.output_padding[axis], &natural) && CheckedMul(in, stride, &same) &&
                      CheckedAdd(natural, a.padding_begin[axis], &limit) && CheckedAdd(limit, stride, &limit) &&
                      CheckedAdd(limit, effective, &limit);
    if (!fits) {
      return Status::InvalidArgument("%s input size[%s] = %" PRId64 ", stride[%s] = %" PRId64
                                     ", padding_begin[%s] = %" PRId64 ": the output size exceeds 2^63",
                                     kOp, name, in, name, stride, name, a.padding_begin[axis]);
    }
    int64_t begin = a.padding_begin[axis];
    int64_t cropped = 0;
    if (!CheckedAdd(begin, a.padding_end[axis], &cropped)) cropped = std::numeric_limits<int64_t>::max();
    int64_t out = natural - cropped;  // both are >= 0, so nothing overflows
    const auto split = [&](int64_t total) {
      begin = a.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    };
    if (IsGiven(a.output_shape)) {
      out = a.output_shape[axis];
      split(std::max<int64_t>(0, natural - out));
      if (out > natural && (out - effective) / stride + 1 != in) {
        return Status::InvalidArgument("%s output_shape[%s] = %" PRId64 ": must be at most %" PRId64
                                       ", the largest size that a convolution takes to the input's %" PRId64,
                                       kOp, name, out, smallest + stride - 1, in);
      }
    } else if (a.auto_pad == AutoPad::kSameUpper || a.auto_pad == AutoPad::kSameLower) {
      const int64_t total = std::max<int64_t>(0, natural - same);
      split(total);
      out = natural - total;
    }
    if (IsGiven(output_size)) {
      const int64_t minimum = out - a.output_padding[axis];
      out = output_size[axis];
      if (out < minimum || out > minimum + stride - 1) {
        return Status::InvalidArgument("%s output_size[%s] = %" PRId64 ": must be in [%" PRId64 ", %" PRId64 "]", kOp,
                                       name, out, minimum, minimum + stride - 1);
      }
    }
    if (out < 1) {
      return Status::InvalidArgument("%s padding_begin[%s] = %" PRId64 ", padding_end[%s] = %" PRId64
                                     ": the output size would be %" PRId64 ", must be at least 1",
                                     kOp, name, a.padding_begin[axis], name, a.padding_end[axis], out);
    }
    shape->size[axis] = out;
    shape->origin[axis] = begin;
  }
  return Status();
}

}  // namespace polyphase::internal
