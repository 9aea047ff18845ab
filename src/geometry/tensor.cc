// Validation of tensor descriptors.
#include "geometry/tensor.h"

#include <algorithm>
#include <cinttypes>
#include <limits>

#include "base/checked_math.h"

namespace polyphase {

size_t ElementSize(DataType dtype) noexcept {
  switch (dtype) {
    case DataType::kU8:
    case DataType::kI8: return 1;
    case DataType::kF16:
    case DataType::kBF16:
    case DataType::kU16:
    case DataType::kI16: return 2;
    case DataType::kF32:
    case DataType::kI32: return 4;
  }
  return 0;
}

TensorDesc TensorDesc::Nchw(int64_t n, int64_t c, int64_t h, int64_t w) {
  TensorDesc desc;
  desc.n = n;
  desc.c = c;
  desc.size = {h, w, 0};
  return desc;
}

TensorDesc TensorDesc::Nhwc(int64_t n, int64_t c, int64_t h, int64_t w) {
  return Nchw(n, c, h, w).WithLayout(Layout::kNhwc);
}

TensorDesc TensorDesc::Nchwc(int32_t channel_block, int64_t n, int64_t c, int64_t h, int64_t w) {
  return Nchw(n, c, h, w).WithLayout(Layout::kNchwc, channel_block);
}

TensorDesc TensorDesc::WithLayout(Layout new_layout, int32_t new_channel_block) const {
  TensorDesc desc = *this;
  desc.layout = new_layout;
  desc.channel_block = new_channel_block;
  desc.stride_n = desc.stride_c = 0;
  desc.stride = {};
  return desc;
}

}  // namespace polyphase

namespace polyphase::internal {
namespace {

// The nesting levels of a layout from the inside out.
struct Levels {
  const char* name;
  int64_t extent;  // elements from the first to one behind the last of the levels so far
  int64_t dense;   // size times stride of the last level: the next one's stride unless it is given

  // One more level: `size` steps of `*stride` elements.
  Status Add(const char* stride_name, int64_t size, int64_t* stride) {
    if (*stride == 0) *stride = dense;
    if (*stride < 0 || (size > 1 && *stride < extent)) {
      return Status::InvalidArgument("%s %s = %" PRId64 ": must be 0 (dense) or at least %" PRId64
                                     ", so that no two elements share memory",
                                     name, stride_name, *stride, extent);
    }
    int64_t steps = 0;
    if (!CheckedMul(std::max<int64_t>(size, 1), *stride, &dense) ||
        !CheckedMul(std::max<int64_t>(size, 1) - 1, *stride, &steps) || !CheckedAdd(steps, extent, &extent)) {
      return Status::InvalidArgument("%s %s = %" PRId64 " times size %" PRId64
                                     ": the tensor's extent exceeds 2^63 bytes",
                                     name, stride_name, *stride, size);
    }
    return Status();
  }
};

Status FixedStride(const char* name, const char* stride_name, int64_t size, int64_t required, int64_t* stride) {
  if (*stride != 0 && *stride != required && size > 1) {
    return Status::InvalidArgument("%s %s = %" PRId64 ": this layout requires %" PRId64 " (or 0)", name, stride_name,
                                   *stride, required);
  }
  *stride = required;
  return Status();
}

constexpr const char* kStrideNames[kMaxSpatialRank][kMaxSpatialRank] = {
    {"stride[W]", "", ""}, {"stride[H]", "stride[W]", ""}, {"stride[D]", "stride[H]", "stride[W]"}};

}  // namespace

const char* AxisName(int32_t spatial_rank, int axis) {
  static constexpr const char* kNames[] = {"D", "H", "W"};
  return kNames[kMaxSpatialRank - spatial_rank + axis];
}

const char* LayoutName(Layout layout) {
  switch (layout) {
    case Layout::kNchw: return "NCHW";
    case Layout::kNhwc: return "NHWC";
    case Layout::kNchwc: return "NCHWc";
  }
  return "?";
}

int64_t ChannelSteps(const TensorDesc& desc) { return DivCeil(desc.c, desc.channel_block); }

Status CheckSpatialRank(const char* name, int32_t spatial_rank) {
  if (spatial_rank == 2) return Status();
  if (spatial_rank == 1 || spatial_rank == 3) {
    return Status::Unsupported("%s spatial_rank = %d: this version supports 2", name, spatial_rank);
  }
  return Status::InvalidArgument("%s spatial_rank = %d: must be 2", name, spatial_rank);
}

Status NormalizeTensor(const char* name, TensorDesc* desc) {
  const int64_t element = static_cast<int64_t>(ElementSize(desc->dtype));
  if (element == 0) {
    return Status::InvalidArgument("%s dtype = %d: not a DataType", name, static_cast<int>(desc->dtype));
  }
  if (Status status = CheckSpatialRank(name, desc->spatial_rank); !status.ok()) return status;
  const int rank = desc->spatial_rank;
  const int32_t block = desc->channel_block;
  switch (desc->layout) {
    case Layout::kNchw:
    case Layout::kNhwc:
      if (block != 1) {
        return Status::InvalidArgument("%s channel_block = %d: must be 1 for layout %s", name, block,
                                       LayoutName(desc->layout));
      }
      break;
    case Layout::kNchwc:
      if (block != 4 && block != 8 && block != 16) {
        return Status::InvalidArgument("%s channel_block = %d: must be 4, 8 or 16 for layout NCHWc", name, block);
      }
      break;
    default: return Status::InvalidArgument("%s layout = %d: not a Layout", name, static_cast<int>(desc->layout));
  }
  if (desc->n < 0) return Status::InvalidArgument("%s n = %" PRId64 ": must not be negative", name, desc->n);
  if (desc->c < 0) return Status::InvalidArgument("%s c = %" PRId64 ": must not be negative", name, desc->c);
  if (desc->c > std::numeric_limits<int64_t>::max() - 16) {
    return Status::InvalidArgument("%s c = %" PRId64 ": the tensor's extent exceeds 2^63 bytes", name, desc->c);
  }
  for (int axis = 0; axis < rank; ++axis) {
    if (desc->size[axis] < 0) {
      return Status::InvalidArgument("%s size[%s] = %" PRId64 ": must not be negative", name, AxisName(rank, axis),
                                     desc->size[axis]);
    }
  }

  const auto* stride_names = kStrideNames[rank - 1];
  const int last = rank - 1;
  Status status;
  Levels levels{name, 1, 1};
  const auto add_spatial = [&](int begin) {
    for (int axis = begin; axis >= 0 && status.ok(); --axis) {
      status = levels.Add(stride_names[axis], desc->size[axis], &desc->stride[axis]);
    }
  };
  switch (desc->layout) {
    case Layout::kNhwc:
      status = FixedStride(name, "stride_c", desc->c, 1, &desc->stride_c);
      if (status.ok()) status = levels.Add("stride_c", desc->c, &desc->stride_c);
      if (status.ok()) add_spatial(last);
      break;
    case Layout::kNchw:
    case Layout::kNchwc:
      levels.extent = levels.dense = block;
      status = FixedStride(name, stride_names[last], desc->size[last], block, &desc->stride[last]);
      if (status.ok()) add_spatial(last);
      if (status.ok()) status = levels.Add("stride_c", ChannelSteps(*desc), &desc->stride_c);
      break;
  }
  if (status.ok()) status = levels.Add("stride_n", desc->n, &desc->stride_n);
  if (!status.ok()) return status;
  int64_t bytes = 0;
  if (!CheckedMul(std::max(levels.extent, levels.dense), element, &bytes)) {
    return Status::InvalidArgument("%s n = %" PRId64 ", c = %" PRId64 ", size = %" PRId64 "x%" PRId64
                                   ": the tensor's extent exceeds 2^63 bytes",
                                   name, desc->n, desc->c, desc->size[0], desc->size[1]);
  }
  return Status();
}

bool IsEmpty(const TensorDesc& desc) {
  bool empty = desc.n == 0 || desc.c == 0;
  for (int axis = 0; axis < desc.spatial_rank; ++axis) empty = empty || desc.size[axis] == 0;
  return empty;
}

int64_t ExtentElements(const TensorDesc& desc) {
  if (IsEmpty(desc)) return 0;
  int64_t last = (desc.n - 1) * desc.stride_n + (ChannelSteps(desc) - 1) * desc.stride_c + desc.channel_block;
  for (int axis = 0; axis < desc.spatial_rank; ++axis) last += (desc.size[axis] - 1) * desc.stride[axis];
  return last;
}

Status InferOutput(const TensorDesc& input, const TensorDesc* requested, int64_t c, const SpatialSizes& size,
                   TensorDesc* output) {
  *output = requested != nullptr ? *requested : TensorDesc();
  if (requested == nullptr) {
    output->layout = input.layout;
    output->channel_block = input.channel_block;
    output->dtype = input.dtype;
    output->spatial_rank = input.spatial_rank;
  }
  if (output->dtype != input.dtype) {
    return Status::InvalidArgument("output dtype = %d: must be the input's, %d", static_cast<int>(output->dtype),
                                   static_cast<int>(input.dtype));
  }
  if (output->spatial_rank != input.spatial_rank) {
    return Status::InvalidArgument("output spatial_rank = %d: must be the input's, %d", output->spatial_rank,
                                   input.spatial_rank);
  }
  const auto infer = [](const char* what, int64_t inferred, int64_t* value) {
    if (*value != 0 && *value != inferred) {
      return Status::InvalidArgument("output %s = %" PRId64 ": the op yields %" PRId64, what, *value, inferred);
    }
    *value = inferred;
    return Status();
  };
  Status status = infer("n", input.n, &output->n);
  if (status.ok()) status = infer("c", c, &output->c);
  for (int axis = 0; axis < input.spatial_rank && status.ok(); ++axis) {
    char what[] = "size[?]";
    what[5] = AxisName(input.spatial_rank, axis)[0];
    status = infer(what, size[axis], &output->size[axis]);
  }
  return status.ok() ? NormalizeTensor("output", output) : status;
}

}  // namespace polyphase::internal
