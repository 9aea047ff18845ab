// Validation of tensor descriptors.
#include "geometry/tensor.h"

#include <algorithm>
#include <cinttypes>
#include <limits>

#include "base/checked_math.h"
#include "base/status.h"
#include "geometry/enum_names.h"

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
    case DataType::kF64:
    case DataType::kI64: return 8;
  }
  return 0;
}

TensorDesc TensorDesc::Make(int64_t n, int64_t c, std::initializer_list<int64_t> size) {
  TensorDesc desc;
  // A rank that is too large stays visible, so that MakePlan refuses it.
  desc.spatial_rank = static_cast<int32_t>(size.size());
  desc.n = n;
  desc.c = c;
  std::copy_n(size.begin(), std::min<size_t>(size.size(), kMaxSpatialRank), desc.size.begin());
  return desc;
}

TensorDesc TensorDesc::Nchw(int64_t n, int64_t c, int64_t h, int64_t w) { return Make(n, c, {h, w}); }

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
  int64_t extent;  // elements from the first to the last of the levels so far
  int64_t dense;   // size times stride of the last level, which is the next one's default stride

  // Adds a level of `size` steps of `*stride` elements.
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

constexpr const char* kStrideNames[kMaxSpatialRank] = {"stride[D]", "stride[H]", "stride[W]"};

}  // namespace

const char* AxisName(int axis) {
  static constexpr const char* kNames[] = {"D", "H", "W"};
  return kNames[axis];
}

const char* TypeName(DataType type) {
  switch (type) {
    case DataType::kF32: return "f32";
    case DataType::kF16: return "f16";
    case DataType::kBF16: return "bf16";
    case DataType::kU8: return "u8";
    case DataType::kI8: return "i8";
    case DataType::kU16: return "u16";
    case DataType::kI16: return "i16";
    case DataType::kI32: return "i32";
    case DataType::kF64: return "f64";
    case DataType::kI64: return "i64";
  }
  return nullptr;
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
  if (spatial_rank >= 1 && spatial_rank <= kMaxSpatialRank) return Status();
  return Status::InvalidArgument("%s spatial_rank = %d: must be 1, 2 or 3", name, spatial_rank);
}

Status CheckInputRank(const char* op, int32_t spatial_rank, const TensorDesc& input) {
  if (input.spatial_rank == spatial_rank) return Status();
  return Status::InvalidArgument("input spatial_rank = %d: must be that of the %s, %d", input.spatial_rank, op,
                                 spatial_rank);
}

namespace {

// Does what NormalizeTensor does, on a descriptor whose axes are expanded.
Status NormalizeExpanded(const char* name, TensorDesc* desc) {
  const int64_t element = static_cast<int64_t>(ElementSize(desc->dtype));
  if (element == 0) {
    return Status::InvalidArgument("%s dtype = %d: not a DataType", name, static_cast<int>(desc->dtype));
  }
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
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (desc->size[axis] < 0) {
      return Status::InvalidArgument("%s size[%s] = %" PRId64 ": must not be negative", name, AxisName(axis),
                                     desc->size[axis]);
    }
  }

  Levels levels{name, 1, 1};
  const auto add_spatial = [&] {
    for (int axis = kColumn; axis >= 0; --axis) {
      POLYPHASE_RETURN_IF_ERROR(levels.Add(kStrideNames[axis], desc->size[axis], &desc->stride[axis]));
    }
    return Status();
  };
  switch (desc->layout) {
    case Layout::kNhwc:
      POLYPHASE_RETURN_IF_ERROR(FixedStride(name, "stride_c", desc->c, 1, &desc->stride_c));
      POLYPHASE_RETURN_IF_ERROR(levels.Add("stride_c", desc->c, &desc->stride_c));
      POLYPHASE_RETURN_IF_ERROR(add_spatial());
      break;
    case Layout::kNchw:
    case Layout::kNchwc:
      levels.extent = levels.dense = block;
      POLYPHASE_RETURN_IF_ERROR(
          FixedStride(name, kStrideNames[kColumn], desc->size[kColumn], block, &desc->stride[kColumn]));
      POLYPHASE_RETURN_IF_ERROR(add_spatial());
      POLYPHASE_RETURN_IF_ERROR(levels.Add("stride_c", ChannelSteps(*desc), &desc->stride_c));
      break;
  }
  POLYPHASE_RETURN_IF_ERROR(levels.Add("stride_n", desc->n, &desc->stride_n));
  int64_t bytes = 0;
  if (!CheckedMul(std::max(levels.extent, levels.dense), element, &bytes)) {
    return Status::InvalidArgument("%s n = %" PRId64 ", c = %" PRId64 ", size = %" PRId64 "x%" PRId64 "x%" PRId64
                                   ": the tensor's extent exceeds 2^63 bytes",
                                   name, desc->n, desc->c, desc->size[0], desc->size[1], desc->size[2]);
  }
  return Status();
}

// Gives axes that the caller's tensor lacks size 1 and stride 0 (dense).
void Expand(TensorDesc* desc) {
  desc->size = ExpandAxes<int64_t>(desc->size, desc->spatial_rank, 1);
  desc->stride = ExpandAxes<int64_t>(desc->stride, desc->spatial_rank, 0);
}

}  // namespace

Status NormalizeTensor(const char* name, TensorDesc* desc) {
  POLYPHASE_RETURN_IF_ERROR(CheckSpatialRank(name, desc->spatial_rank));
  Expand(desc);
  return NormalizeExpanded(name, desc);
}

TensorDesc Collapse(const TensorDesc& desc) {
  TensorDesc result = desc;
  result.size = result.stride = {};
  const int skipped = kMaxSpatialRank - desc.spatial_rank;
  std::copy(desc.size.begin() + skipped, desc.size.end(), result.size.begin());
  std::copy(desc.stride.begin() + skipped, desc.stride.end(), result.stride.begin());
  return result;
}

bool IsEmpty(const TensorDesc& desc) {
  bool empty = desc.n == 0 || desc.c == 0;
  for (const int64_t size : desc.size) empty = empty || size == 0;
  return empty;
}

int64_t ExtentElements(const TensorDesc& desc) {
  if (IsEmpty(desc)) return 0;
  int64_t last = (desc.n - 1) * desc.stride_n + (ChannelSteps(desc) - 1) * desc.stride_c + desc.channel_block;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) last += (desc.size[axis] - 1) * desc.stride[axis];
  return last;
}

Status InferTensor(const char* name, const TensorDesc& like, const TensorDesc* requested, int64_t c,
                   const SpatialSizes& size, TensorDesc* result) {
  if (requested == nullptr) {
    *result = like.WithLayout(like.layout, like.channel_block);
    result->c = c;
    result->size = size;
    return NormalizeExpanded(name, result);
  }
  *result = *requested;
  if (result->spatial_rank != like.spatial_rank) {
    return Status::InvalidArgument("%s spatial_rank = %d: must be the input's, %d", name, result->spatial_rank,
                                   like.spatial_rank);
  }
  Expand(result);
  const auto infer = [&](const char* what, int64_t inferred, int64_t* value) {
    if (*value != 0 && *value != inferred) {
      return Status::InvalidArgument("%s %s = %" PRId64 ": the op yields %" PRId64, name, what, *value, inferred);
    }
    *value = inferred;
    return Status();
  };
  POLYPHASE_RETURN_IF_ERROR(infer("n", like.n, &result->n));
  POLYPHASE_RETURN_IF_ERROR(infer("c", c, &result->c));
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    char what[] = "size[?]";
    what[5] = AxisName(axis)[0];
    POLYPHASE_RETURN_IF_ERROR(infer(what, size[axis], &result->size[axis]));
  }
  return NormalizeExpanded(name, result);
}

namespace {

// Fails unless a tensor may have the type `dtype`, where `model` has the type `like`.
Status CheckType(const char* name, DataType dtype, const char* model, DataType like, TypeRule rule) {
  const bool floats = rule == TypeRule::kAnyFloats && IsFloat(like);
  if (dtype == like || (floats && IsFloat(dtype))) return Status();
  const std::string type = EnumName(dtype);
  return floats ? Status::InvalidArgument("%s dtype = %s: must be kF32, kF16 or kBF16", name, type.c_str())
                : Status::InvalidArgument("%s dtype = %s: must be the %s's, %s", name, type.c_str(), model,
                                          EnumName(like).c_str());
}

}  // namespace

Status InferOutput(const TensorDesc& input, const TensorDesc* requested, int64_t c, const SpatialSizes& size,
                   TensorDesc* output, TypeRule rule) {
  if (requested != nullptr) {
    POLYPHASE_RETURN_IF_ERROR(CheckType("output", requested->dtype, "input", input.dtype, rule));
  }
  return InferTensor("output", input, requested, c, size, output);
}

Status InferResidual(const char* op, const Epilogue& epilogue, const std::optional<TensorDesc>& requested,
                     PlanTensors* tensors, TypeRule rule) {
  if (epilogue.residual == Residual::kNone) {
    if (!requested) return Status();
    return Status::InvalidArgument("residual: the %s has no epilogue residual, must be unset", op);
  }
  const TensorDesc& output = tensors->output;
  if (requested) POLYPHASE_RETURN_IF_ERROR(CheckType("residual", requested->dtype, "output", output.dtype, rule));
  return InferTensor("residual", output, requested ? &*requested : nullptr, output.c, output.size,
                     &tensors->residual.emplace());
}

}  // namespace polyphase::internal
