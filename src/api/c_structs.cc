// The structs of the C API to those of the C++ API and back.
#include "api/c_structs.h"

#include <algorithm>
#include <vector>

namespace polyphase::internal {

// The enums are passed on as numbers.
static_assert(static_cast<int>(StatusCode::kOutOfMemory) == PPH_OUT_OF_MEMORY);
static_assert(static_cast<int>(DataType::kI64) == PPH_I64);
static_assert(static_cast<int>(Layout::kNchwc) == PPH_NCHWC);
static_assert(static_cast<int>(Activation::kHardSwish) == PPH_HARD_SWISH);
static_assert(static_cast<int>(Residual::kAfterActivation) == PPH_RESIDUAL_AFTER_ACTIVATION);
static_assert(static_cast<int>(AutoPad::kValid) == PPH_PAD_VALID);
static_assert(static_cast<int>(PaddingMode::kCircular) == PPH_PAD_CIRCULAR);
static_assert(static_cast<int>(Algorithm::kGemmCol2im) == PPH_GEMM_COL2IM);
static_assert(static_cast<int>(ResizeMode::kLanczos) == PPH_LANCZOS);
static_assert(static_cast<int>(CoordinateTransformation::kTfHalfPixelForNn) == PPH_TF_HALF_PIXEL_FOR_NN);
static_assert(static_cast<int>(CoordinatePrecision::kF64) == PPH_COORDINATES_F64);
static_assert(static_cast<int>(NearestMode::kPillow) == PPH_NEAREST_PILLOW);
static_assert(static_cast<int>(Antialias::kOnnx) == PPH_ANTIALIAS_ONNX);
static_assert(static_cast<int>(OutputSizeRule::kOnnxRuntime) == PPH_SIZE_ONNX_RUNTIME);
static_assert(static_cast<int>(KeepAspectRatioPolicy::kNotSmaller) == PPH_NOT_SMALLER);
static_assert(static_cast<int>(U8Rounding::kFixed22) == PPH_FIXED22);
static_assert(static_cast<int>(PyTorchMode::kLanczos) == PPH_PYTORCH_LANCZOS);
static_assert(static_cast<int>(ShuffleDirection::kSpaceToDepth) == PPH_SPACE_TO_DEPTH);
static_assert(static_cast<int>(ChannelOrder::kFocus) == PPH_FOCUS);
static_assert(static_cast<int>(IndexConvention::kWindow) == PPH_INDEX_WINDOW);
static_assert(static_cast<int>(AvgUnpoolMode::kCopy) == PPH_UNPOOL_COPY);
static_assert(kMaxSpatialRank == PPH_MAX_SPATIAL_RANK);
static_assert(kWorkspaceAlignment == PPH_WORKSPACE_ALIGNMENT);

Status NullError(const char* name) { return Status::InvalidArgument("%s = null: must not be null", name); }

Status CheckFlag(const char* name, int32_t value) {
  if (value == 0 || value == 1) return Status();
  return Status::InvalidArgument("%s = %d: must be 0 or 1", name, static_cast<int>(value));
}

namespace {

void Copy(const SpatialSizes& from, int64_t (&to)[PPH_MAX_SPATIAL_RANK]) { std::copy(from.begin(), from.end(), to); }

}  // namespace

TensorDesc FromC(const pph_tensor_desc& c) {
  TensorDesc desc;
  desc.dtype = static_cast<DataType>(c.dtype);
  desc.layout = static_cast<Layout>(c.layout);
  desc.channel_block = c.channel_block;
  desc.spatial_rank = c.spatial_rank;
  desc.n = c.n;
  desc.c = c.c;
  desc.size = Sizes(c.size);
  desc.stride_n = c.stride_n;
  desc.stride_c = c.stride_c;
  desc.stride = Sizes(c.stride);
  return desc;
}

Status ToC(const TensorDesc& desc, pph_tensor_desc* c) {
  if (Status status = CheckStruct("desc", c); !status.ok()) return status;
  c->dtype = static_cast<int32_t>(desc.dtype);
  c->layout = static_cast<int32_t>(desc.layout);
  c->channel_block = desc.channel_block;
  c->spatial_rank = desc.spatial_rank;
  c->n = desc.n;
  c->c = desc.c;
  Copy(desc.size, c->size);
  c->stride_n = desc.stride_n;
  c->stride_c = desc.stride_c;
  Copy(desc.stride, c->stride);
  return Status();
}

namespace {

Epilogue FromC(const pph_epilogue& c) {
  return {static_cast<Activation>(c.activation),
          c.negative_slope,
          c.lower,
          c.upper,
          static_cast<Residual>(c.residual),
          c.scale,
          c.shift,
          c.slope,
          c.channels};
}

Status FromC(const char* ceil_mode, const pph_pool_window& c, PoolWindow* window) {
  window->spatial_rank = c.spatial_rank;
  window->kernel = Sizes(c.kernel);
  window->stride = Sizes(c.stride);
  window->padding_begin = Sizes(c.padding_begin);
  window->padding_end = Sizes(c.padding_end);
  window->dilation = Sizes(c.dilation);
  window->ceil_mode = c.ceil_mode != 0;
  window->auto_pad = static_cast<AutoPad>(c.auto_pad);
  return CheckFlag(ceil_mode, c.ceil_mode);
}

}  // namespace

Status FromC(const pph_operator_options* c, OperatorOptions* options) {
  if (c == nullptr) return Status();
  if (Status status = CheckStruct("options", c); !status.ok()) return status;
  if (c->isa != nullptr) options->isa = c->isa;
  if (Status status = CheckOptional("runtime", c->runtime); !status.ok()) return status;
  if (c->runtime != nullptr) options->runtime = *c->runtime;
  if (Status status = CheckOptional("input_hint", c->input_hint); !status.ok()) return status;
  if (c->input_hint != nullptr) options->input_hint = FromC(*c->input_hint);
  return Status();
}

Status FromC(const pph_resize_attributes* c, ResizeAttributes* a) {
  Status status = CheckStruct("attributes", c);
  if (!status.ok()) return status;
  status = CheckFlag("resize exclude_outside", c->exclude_outside);
  if (status.ok()) status = CheckFlag("resize copy_unchanged_axes", c->copy_unchanged_axes);
  if (status.ok()) status = CheckFlag("resize recompute_scale_factor", c->recompute_scale_factor);
  if (!status.ok()) return status;
  a->spatial_rank = c->spatial_rank;
  a->mode = static_cast<ResizeMode>(c->mode);
  a->coordinate_transformation = static_cast<CoordinateTransformation>(c->coordinate_transformation);
  a->coordinate_precision = static_cast<CoordinatePrecision>(c->coordinate_precision);
  a->nearest_mode = static_cast<NearestMode>(c->nearest_mode);
  a->cubic_coeff_a = c->cubic_coeff_a;
  a->antialias = static_cast<Antialias>(c->antialias);
  a->exclude_outside = c->exclude_outside != 0;
  a->copy_unchanged_axes = c->copy_unchanged_axes != 0;
  a->size = Sizes(c->size);
  std::copy_n(c->scale, PPH_MAX_SPATIAL_RANK, a->scale.begin());
  a->output_size_rule = static_cast<OutputSizeRule>(c->output_size_rule);
  a->keep_aspect_ratio_policy = static_cast<KeepAspectRatioPolicy>(c->keep_aspect_ratio_policy);
  a->recompute_scale_factor = c->recompute_scale_factor != 0;
  std::copy_n(c->roi_begin, PPH_MAX_SPATIAL_RANK, a->roi_begin.begin());
  std::copy_n(c->roi_end, PPH_MAX_SPATIAL_RANK, a->roi_end.begin());
  a->extrapolation_value = c->extrapolation_value;
  a->u8_rounding = static_cast<U8Rounding>(c->u8_rounding);
  a->n = c->n;
  a->c = c->c;
  a->epilogue = FromC(c->epilogue);
  a->pointwise = {c->pointwise.weights, c->pointwise.bias, c->pointwise.input_channels, c->pointwise.output_channels};
  return Status();
}

// Of a preset, which has neither epilogue nor 1x1 convolution.
void ToC(const ResizeAttributes& a, pph_resize_attributes* c) {
  *c = PPH_RESIZE_ATTRIBUTES_INIT;
  c->spatial_rank = a.spatial_rank;
  c->mode = static_cast<int32_t>(a.mode);
  c->coordinate_transformation = static_cast<int32_t>(a.coordinate_transformation);
  c->coordinate_precision = static_cast<int32_t>(a.coordinate_precision);
  c->nearest_mode = static_cast<int32_t>(a.nearest_mode);
  c->cubic_coeff_a = a.cubic_coeff_a;
  c->antialias = static_cast<int32_t>(a.antialias);
  c->exclude_outside = a.exclude_outside ? 1 : 0;
  c->copy_unchanged_axes = a.copy_unchanged_axes ? 1 : 0;
  Copy(a.size, c->size);
  std::copy(a.scale.begin(), a.scale.end(), c->scale);
  c->output_size_rule = static_cast<int32_t>(a.output_size_rule);
  c->keep_aspect_ratio_policy = static_cast<int32_t>(a.keep_aspect_ratio_policy);
  c->recompute_scale_factor = a.recompute_scale_factor ? 1 : 0;
  std::copy(a.roi_begin.begin(), a.roi_begin.end(), c->roi_begin);
  std::copy(a.roi_end.begin(), a.roi_end.end(), c->roi_end);
  c->extrapolation_value = a.extrapolation_value;
  c->u8_rounding = static_cast<int32_t>(a.u8_rounding);
  c->n = a.n;
  c->c = a.c;
}

namespace {

template <class T>
Status FromC(const char* name, const T* values, size_t count, std::vector<T>* result) {
  if (values == nullptr && count > 0) {
    return Status::InvalidArgument("resize %s = null: must not be null for %s_count = %zu", name, name, count);
  }
  constexpr size_t kMost = 2 * (2 + PPH_MAX_SPATIAL_RANK);
  if (count > kMost) {
    return Status::InvalidArgument("resize %s_count = %zu: must be at most %zu", name, count, kMost);
  }
  if (count > 0) result->assign(values, values + count);
  return Status();
}

}  // namespace

Status FromC(const pph_onnx_resize* c, OnnxResize* node) {
  Status status = CheckStruct("node", c);
  if (!status.ok()) return status;
  status = CheckFlag("ONNX resize exclude_outside", c->exclude_outside);
  if (status.ok()) status = CheckFlag("ONNX resize antialias", c->antialias);
  if (status.ok()) status = FromC("axes", c->axes, c->axes_count, &node->axes);
  if (status.ok()) status = FromC("scales", c->scales, c->scales_count, &node->scales);
  if (status.ok()) status = FromC("sizes", c->sizes, c->sizes_count, &node->sizes);
  if (status.ok()) status = FromC("roi", c->roi, c->roi_count, &node->roi);
  if (!status.ok()) return status;
  node->rank = c->rank;
  node->mode = static_cast<ResizeMode>(c->mode);
  node->coordinate_transformation = static_cast<CoordinateTransformation>(c->coordinate_transformation);
  node->nearest_mode = static_cast<NearestMode>(c->nearest_mode);
  node->cubic_coeff_a = c->cubic_coeff_a;
  node->exclude_outside = c->exclude_outside != 0;
  node->antialias = c->antialias != 0;
  node->extrapolation_value = c->extrapolation_value;
  node->keep_aspect_ratio_policy = static_cast<KeepAspectRatioPolicy>(c->keep_aspect_ratio_policy);
  node->output_size_rule = static_cast<OutputSizeRule>(c->output_size_rule);
  return Status();
}

Status FromC(const pph_conv_transpose_attributes* c, ConvTransposeAttributes* a) {
  if (Status status = CheckStruct("attributes", c); !status.ok()) return status;
  a->spatial_rank = c->spatial_rank;
  a->input_channels = c->input_channels;
  a->output_channels = c->output_channels;
  a->groups = c->groups;
  a->kernel = Sizes(c->kernel);
  a->stride = Sizes(c->stride);
  a->padding_begin = Sizes(c->padding_begin);
  a->padding_end = Sizes(c->padding_end);
  a->output_padding = Sizes(c->output_padding);
  a->dilation = Sizes(c->dilation);
  a->auto_pad = static_cast<AutoPad>(c->auto_pad);
  a->output_shape = Sizes(c->output_shape);
  a->prologue = {static_cast<Activation>(c->prologue.activation), c->prologue.negative_slope};
  a->epilogue = FromC(c->epilogue);
  return Status();
}

Status FromC(const pph_conv_attributes* c, ConvAttributes* a) {
  if (Status status = CheckStruct("attributes", c); !status.ok()) return status;
  a->spatial_rank = c->spatial_rank;
  a->input_channels = c->input_channels;
  a->output_channels = c->output_channels;
  a->groups = c->groups;
  a->kernel = Sizes(c->kernel);
  a->padding_begin = Sizes(c->padding_begin);
  a->padding_end = Sizes(c->padding_end);
  a->dilation = Sizes(c->dilation);
  a->padding_mode = static_cast<PaddingMode>(c->padding_mode);
  a->auto_pad = static_cast<AutoPad>(c->auto_pad);
  a->upsample = Sizes(c->upsample);
  a->shuffle = Sizes(c->shuffle);
  a->channel_order = static_cast<ChannelOrder>(c->channel_order);
  a->prologue = {static_cast<Activation>(c->prologue.activation), c->prologue.negative_slope};
  a->epilogue = FromC(c->epilogue);
  return Status();
}

Status FromC(const pph_pixel_shuffle_attributes* c, PixelShuffleAttributes* a) {
  if (Status status = CheckStruct("attributes", c); !status.ok()) return status;
  a->spatial_rank = c->spatial_rank;
  a->factor = Sizes(c->factor);
  a->direction = static_cast<ShuffleDirection>(c->direction);
  a->channel_order = static_cast<ChannelOrder>(c->channel_order);
  return Status();
}

Status FromC(const pph_max_pool_attributes* c, MaxPoolAttributes* a) {
  Status status = CheckStruct("attributes", c);
  if (status.ok()) status = FromC("max_pool ceil_mode", c->window, &a->window);
  if (status.ok()) status = CheckFlag("max_pool column_major", c->column_major);
  if (!status.ok()) return status;
  a->index_convention = static_cast<IndexConvention>(c->index_convention);
  a->column_major = c->column_major != 0;
  return Status();
}

Status FromC(const pph_max_unpool_attributes* c, MaxUnpoolAttributes* a) {
  Status status = CheckStruct("attributes", c);
  if (status.ok()) status = FromC("max_unpool ceil_mode", c->window, &a->window);
  if (status.ok()) status = CheckFlag("max_unpool indices_in_default_size", c->indices_in_default_size);
  if (!status.ok()) return status;
  a->index_convention = static_cast<IndexConvention>(c->index_convention);
  a->indices_in_default_size = c->indices_in_default_size != 0;
  return Status();
}

Status FromC(const pph_avg_pool_attributes* c, AvgPoolAttributes* a) {
  Status status = CheckStruct("attributes", c);
  if (status.ok()) status = FromC("avg_pool ceil_mode", c->window, &a->window);
  if (status.ok()) status = CheckFlag("avg_pool count_include_pad", c->count_include_pad);
  if (!status.ok()) return status;
  a->count_include_pad = c->count_include_pad != 0;
  a->divisor_override = c->divisor_override;
  return Status();
}

Status FromC(const pph_avg_unpool_attributes* c, AvgUnpoolAttributes* a) {
  Status status = CheckStruct("attributes", c);
  if (status.ok()) status = FromC("avg_unpool ceil_mode", c->window, &a->window);
  if (status.ok()) status = CheckFlag("avg_unpool count_include_pad", c->count_include_pad);
  if (!status.ok()) return status;
  a->mode = static_cast<AvgUnpoolMode>(c->mode);
  a->count_include_pad = c->count_include_pad != 0;
  a->divisor_override = c->divisor_override;
  return Status();
}

}  // namespace polyphase::internal
