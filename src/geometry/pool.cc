// Validation and sizes of the pooling ops and their inverses.
#include "geometry/pool.h"

#include <cinttypes>
#include <limits>

#include "base/checked_math.h"
#include "base/status.h"
#include "geometry/enum_names.h"

namespace polyphase::internal {
namespace {

Status CheckInput(const char* op, const TensorDesc& input) {
  if (input.c < 1) return Status::InvalidArgument("%s input c = %" PRId64 ": must be at least 1", op, input.c);
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (input.size[axis] < 1) {
      return Status::InvalidArgument("%s input size[%s] = %" PRId64 ": must be at least 1", op, AxisName(axis),
                                     input.size[axis]);
    }
  }
  return Status();
}

Status TooLarge(const char* op, int axis, int64_t size) {
  return Status::InvalidArgument("%s input size[%s] = %" PRId64
                                 ": with kernel, stride, dilation and padding it exceeds 2^63",
                                 op, AxisName(axis), size);
}

// Sets the paddings by auto_pad and the number of windows. Returns false on overflow.
bool SetPooled(const PoolWindow& window, PoolAxis* axis) {
  const int64_t effective = axis->EffectiveKernel();
  int64_t reach = 0;
  if (!CheckedAdd(axis->full, effective, &reach)) return false;
  if (window.auto_pad == AutoPad::kSameUpper || window.auto_pad == AutoPad::kSameLower) {
    axis->pooled = (axis->full - 1) / axis->stride + 1;
    const int64_t padding = std::max<int64_t>(0, (axis->pooled - 1) * axis->stride + effective - axis->full);
    axis->padding_begin = window.auto_pad == AutoPad::kSameUpper ? padding / 2 : padding - padding / 2;
    axis->padding_end = padding - axis->padding_begin;
    return CheckedAdd(reach, padding, &reach);
  }
  // The paddings count twice, because positions are compared on either side of the tensor.
  for (const int64_t padding : {axis->padding_begin, axis->padding_end, axis->padding_begin, axis->padding_end}) {
    if (!CheckedAdd(reach, padding, &reach)) return false;
  }
  const int64_t room = axis->full + axis->padding_begin + axis->padding_end - effective;
  if (room < 0) {
    axis->pooled = window.ceil_mode && -room < axis->stride ? 1 : 0;
    return true;
  }
  axis->pooled = room / axis->stride + 1;
  // The last window of ceil_mode sticks out, but must begin inside.
  const bool one_more = window.ceil_mode && room % axis->stride != 0 &&
                        (axis->full + axis->padding_begin - 1) / axis->stride >= axis->pooled;
  if (one_more) ++axis->pooled;
  return true;
}

// Returns the first window that covers no element, or -1. Only a dilation larger than the tensor can step over all of
// it, and only from the padding.
int64_t EmptyWindow(const PoolAxis& axis) {
  if (axis.dilation <= axis.full) return -1;
  for (int64_t o = 0; o < axis.pooled && axis.Begin(o) < 0; ++o) {
    if (axis.Taps(o).count() == 0) return o;
  }
  return -1;
}

// Sets what both directions take from the attributes.
void SetWindow(const PoolWindow& window, int axis, PoolAxis* result) {
  result->kernel = window.kernel[axis];
  result->stride = window.stride[axis];
  result->dilation = window.dilation[axis];
  result->padding_begin = window.padding_begin[axis];
  result->padding_end = window.padding_end[axis];
}

}  // namespace

Status ExpandPoolWindow(const char* op, PoolWindow* window) {
  const int32_t rank = window->spatial_rank;
  POLYPHASE_RETURN_IF_ERROR(CheckSpatialRank(op, rank));
  for (SpatialSizes* sizes : {&window->kernel, &window->stride, &window->dilation}) {
    *sizes = ExpandAxes<int64_t>(*sizes, rank, 1);
  }
  for (SpatialSizes* sizes : {&window->padding_begin, &window->padding_end}) {
    *sizes = ExpandAxes<int64_t>(*sizes, rank, 0);
  }
  return Status();
}

Status ValidatePoolWindow(const char* op, const PoolWindow& window, bool unpool) {
  const struct {
    const char* name;
    const SpatialSizes& values;
    int64_t minimum;
  } lists[] = {{"kernel", window.kernel, 1},
               {"stride", window.stride, 1},
               {"dilation", window.dilation, 1},
               {"padding_begin", window.padding_begin, 0},
               {"padding_end", window.padding_end, 0}};
  for (const auto& [name, values, minimum] : lists) {
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      if (values[axis] >= minimum) continue;
      return Status::InvalidArgument("%s %s[%s] = %" PRId64 ": must be at least %" PRId64, op, name, AxisName(axis),
                                     values[axis], minimum);
    }
  }
  if (window.auto_pad < AutoPad::kNotSet || window.auto_pad > AutoPad::kValid) {
    return Status::InvalidArgument("%s auto_pad = %d: not an AutoPad", op, static_cast<int>(window.auto_pad));
  }
  if (unpool && window.auto_pad != AutoPad::kNotSet) {
    return Status::InvalidArgument("%s auto_pad = %s: only the pooling ops have it, must be kNotSet", op,
                                   EnumName(window.auto_pad).c_str());
  }
  if (unpool && window.ceil_mode) {
    return Status::InvalidArgument("%s ceil_mode = 1: only the pooling ops have it, must be 0", op);
  }
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const char* name = AxisName(axis);
    if (unpool && window.dilation[axis] != 1) {
      return Status::InvalidArgument("%s dilation[%s] = %" PRId64 ": only the pooling ops have it, must be 1", op, name,
                                     window.dilation[axis]);
    }
    int64_t effective = 0;
    if (!CheckedMul(window.dilation[axis], window.kernel[axis] - 1, &effective) ||
        !CheckedAdd(effective, 1, &effective)) {
      return Status::InvalidArgument("%s dilation[%s] = %" PRId64 ": dilation * (kernel - 1) exceeds 2^63", op, name,
                                     window.dilation[axis]);
    }
    const struct {
      const char* name;
      int64_t value;
    } paddings[] = {{"padding_begin", window.padding_begin[axis]}, {"padding_end", window.padding_end[axis]}};
    for (const auto& [padding_name, padding] : paddings) {
      if (window.auto_pad != AutoPad::kNotSet && padding != 0) {
        return Status::InvalidArgument("%s %s[%s] = %" PRId64 ": must be 0 with auto_pad = %s", op, padding_name, name,
                                       padding, EnumName(window.auto_pad).c_str());
      }
      // A window may not lie in the padding alone.
      if (!unpool && padding >= effective) {
        return Status::InvalidArgument("%s %s[%s] = %" PRId64 ": must be smaller than the effective kernel, %" PRId64,
                                       op, padding_name, name, padding, effective);
      }
    }
  }
  return Status();
}

Status ValidateIndexConvention(const char* op, const PoolWindow& window, IndexConvention convention) {
  if (convention < IndexConvention::kPlane || convention > IndexConvention::kWindow) {
    return Status::InvalidArgument("%s index_convention = %d: not an IndexConvention", op,
                                   static_cast<int>(convention));
  }
  int64_t taps = 1;
  for (int axis = 0; axis < kMaxSpatialRank && convention == IndexConvention::kWindow; ++axis) {
    if (!CheckedMul(taps, window.kernel[axis], &taps)) {
      return Status::InvalidArgument("%s kernel[%s] = %" PRId64 ": a window has more than 2^63 taps, too many to count",
                                     op, AxisName(axis), window.kernel[axis]);
    }
  }
  return Status();
}

Status ValidateDivisor(const char* op, int64_t divisor_override) {
  if (divisor_override >= 0) return Status();
  return Status::InvalidArgument("%s divisor_override = %" PRId64 ": must be 0 (none) or positive", op,
                                 divisor_override);
}

Status MakePoolAxes(const char* op, const PoolWindow& window, const TensorDesc& input, PoolAxes* axes) {
  Status status = CheckInputRank(op, window.spatial_rank, input);
  if (status.ok()) status = CheckInput(op, input);
  for (int axis = 0; axis < kMaxSpatialRank && status.ok(); ++axis) {
    PoolAxis& result = (*axes)[axis];
    SetWindow(window, axis, &result);
    result.full = input.size[axis];
    if (!SetPooled(window, &result)) return TooLarge(op, axis, result.full);
    if (result.pooled < 1) {
      return Status::InvalidArgument("%s input size[%s] = %" PRId64
                                     ": with its paddings it must not be smaller than the effective kernel, %" PRId64,
                                     op, AxisName(axis), result.full, result.EffectiveKernel());
    }
    if (const int64_t empty = EmptyWindow(result); empty >= 0) {
      return Status::InvalidArgument("%s dilation[%s] = %" PRId64 ": window %" PRId64
                                     " covers no element of the input, of size %" PRId64,
                                     op, AxisName(axis), result.dilation, empty, result.full);
    }
  }
  return status;
}

Status MakeUnpoolAxes(const char* op, const PoolWindow& window, const TensorDesc& input,
                      const SpatialSizes& output_size, PoolAxes* axes, SpatialSizes* default_size) {
  Status status = CheckInputRank(op, window.spatial_rank, input);
  if (status.ok()) status = CheckInput(op, input);
  const bool given = IsGiven(output_size);
  for (int axis = 0; axis < kMaxSpatialRank && status.ok(); ++axis) {
    const char* name = AxisName(axis);
    PoolAxis& result = (*axes)[axis];
    SetWindow(window, axis, &result);
    result.pooled = input.size[axis];
    // Positions and the output size reach a stride, or a padding, beyond the windows.
    int64_t natural = 0, reach = 0;
    if (!CheckedMul(result.pooled - 1, result.stride, &natural) || !CheckedAdd(natural, result.kernel, &natural) ||
        !CheckedAdd(natural, result.stride, &reach) || !CheckedAdd(reach, result.stride, &reach) ||
        !CheckedAdd(reach, result.padding_begin, &reach) || !CheckedAdd(reach, result.padding_end, &reach)) {
      return TooLarge(op, axis, result.pooled);
    }
    const int64_t padded = natural - result.padding_begin;
    const int64_t size = padded - result.padding_end;
    if (default_size != nullptr) (*default_size)[axis] = size;
    result.full = size;
    // An axis that the caller's tensor lacks is 1 on both sides.
    if (given && axis >= kMaxSpatialRank - window.spatial_rank) {
      result.full = output_size[axis];
      if (result.full <= size - result.stride || result.full >= size + result.stride) {
        return Status::InvalidArgument("%s output_size[%s] = %" PRId64 ": must be between %" PRId64 " and %" PRId64
                                       ", both excluded: the default size minus and plus the stride",
                                       op, name, result.full, size - result.stride, size + result.stride);
      }
    }
    if (result.full < 1) {
      return Status::InvalidArgument("%s %s[%s] = %" PRId64 ": the output size is %" PRId64 ", must be at least 1", op,
                                     given ? "output_size" : "padding_begin", name,
                                     given ? result.full : result.padding_begin, result.full);
    }
  }
  return status;
}

IndexMap MakeIndexMap(IndexConvention convention, bool column_major, const PoolWindow& window, int64_t n, int64_t c,
                      const SpatialSizes& size) {
  IndexMap map{convention == IndexConvention::kWindow, 0, 0, {}, 1};
  const SpatialSizes& extent = map.window ? window.kernel : size;
  for (int k = kMaxSpatialRank - 1; k >= 0; --k) {
    const int axis = column_major && !map.window ? kMaxSpatialRank - 1 - k : k;
    map.step[axis] = map.count;
    map.count *= extent[axis];
  }
  if (convention == IndexConvention::kTensor) {
    map.channel_step = map.count;
    map.image_step = map.count * c;
    map.count *= c * n;
  }
  return map;
}

Status InferIndices(const char* op, const IndexMap& map, const TensorDesc& pooled, const TensorDesc* requested,
                    TensorDesc* indices) {
  TensorDesc otherwise;
  otherwise.dtype = DataType::kI64;
  otherwise.layout = pooled.layout;
  otherwise.channel_block = pooled.channel_block;
  otherwise.spatial_rank = pooled.spatial_rank;
  const TensorDesc& desc = requested != nullptr ? *requested : otherwise;
  if (desc.dtype != DataType::kI32 && desc.dtype != DataType::kI64) {
    return Status::InvalidArgument("%s indices dtype = %s: must be kI32 or kI64", op, EnumName(desc.dtype).c_str());
  }
  if (desc.dtype == DataType::kI32 && map.count - 1 > std::numeric_limits<int32_t>::max()) {
    return Status::InvalidArgument("%s indices dtype = kI32: indices up to %" PRId64 " need kI64", op, map.count - 1);
  }
  return InferTensor("indices", pooled, &desc, pooled.c, pooled.size, indices);
}

}  // namespace polyphase::internal
