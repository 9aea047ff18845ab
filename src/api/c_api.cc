// The C API: converts structs, calls the C++ API, keeps the last message of the thread.
#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "polyphase/polyphase.h"
#include "polyphase/polyphase_c.h"

struct pph_operator {
  polyphase::Operator op;
};

struct pph_plan {
  polyphase::Plan plan;
};

namespace {

using polyphase::Status;
using polyphase::StatusCode;

thread_local char last_error[Status::kMaxMessage + 1];

pph_status Report(const Status& status) {
  if (!status.ok()) std::memcpy(last_error, status.message(), sizeof(last_error));
  return static_cast<pph_status>(status.code());
}

Status NullError(const char* name) { return Status::InvalidArgument("%s = null: must not be null", name); }

template <class T>
Status CheckStruct(const char* name, const T* value) {
  if (value == nullptr) return NullError(name);
  if (value->struct_size == sizeof(T)) return Status();
  return Status::InvalidArgument("%s struct_size = %zu: must be %zu; use the matching PPH_..._INIT", name,
                                 value->struct_size, sizeof(T));
}

template <class T>
Status CheckOptional(const char* name, const T* value) {
  return value == nullptr ? Status() : CheckStruct(name, value);
}

polyphase::SpatialSizes Sizes(const int64_t (&values)[PPH_MAX_SPATIAL_RANK]) {
  return {values[0], values[1], values[2]};
}

void Copy(const polyphase::SpatialSizes& from, int64_t (&to)[PPH_MAX_SPATIAL_RANK]) {
  std::copy(from.begin(), from.end(), to);
}

polyphase::TensorDesc FromC(const pph_tensor_desc& c) {
  polyphase::TensorDesc desc;
  desc.dtype = static_cast<polyphase::DataType>(c.dtype);
  desc.layout = static_cast<polyphase::Layout>(c.layout);
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

Status ToC(const polyphase::TensorDesc& desc, pph_tensor_desc* c) {
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

polyphase::Epilogue FromC(const pph_epilogue& c) {
  return {static_cast<polyphase::Activation>(c.activation),
          c.negative_slope,
          c.lower,
          c.upper,
          static_cast<polyphase::Residual>(c.residual),
          c.scale,
          c.shift,
          c.slope,
          c.channels};
}

Status CheckBool(const char* name, int32_t value) {
  if (value == 0 || value == 1) return Status();
  return Status::InvalidArgument("%s = %d: must be 0 or 1", name, static_cast<int>(value));
}

polyphase::PoolWindow FromC(const pph_pool_window& c) {
  polyphase::PoolWindow window;
  window.spatial_rank = c.spatial_rank;
  window.kernel = Sizes(c.kernel);
  window.stride = Sizes(c.stride);
  window.padding_begin = Sizes(c.padding_begin);
  window.padding_end = Sizes(c.padding_end);
  window.dilation = Sizes(c.dilation);
  window.ceil_mode = c.ceil_mode != 0;
  window.auto_pad = static_cast<polyphase::AutoPad>(c.auto_pad);
  return window;
}

Status FromC(const pph_operator_options* c, polyphase::OperatorOptions* options) {
  if (c == nullptr) return Status();
  if (Status status = CheckStruct("options", c); !status.ok()) return status;
  if (c->isa != nullptr) options->isa = c->isa;
  if (Status status = CheckOptional("runtime", c->runtime); !status.ok()) return status;
  if (c->runtime != nullptr) options->runtime = *c->runtime;
  if (Status status = CheckOptional("input_hint", c->input_hint); !status.ok()) return status;
  if (c->input_hint != nullptr) options->input_hint = FromC(*c->input_hint);
  return Status();
}

Status CheckFlag(const char* name, int32_t value) {
  if (value == 0 || value == 1) return Status();
  return Status::InvalidArgument("%s = %d: must be 0 or 1", name, static_cast<int>(value));
}

Status FromC(const pph_resize_attributes* c, polyphase::ResizeAttributes* a) {
  Status status = CheckStruct("attributes", c);
  if (!status.ok()) return status;
  status = CheckFlag("resize exclude_outside", c->exclude_outside);
  if (status.ok()) status = CheckFlag("resize copy_unchanged_axes", c->copy_unchanged_axes);
  if (status.ok()) status = CheckFlag("resize recompute_scale_factor", c->recompute_scale_factor);
  if (!status.ok()) return status;
  a->spatial_rank = c->spatial_rank;
  a->mode = static_cast<polyphase::ResizeMode>(c->mode);
  a->coordinate_transformation = static_cast<polyphase::CoordinateTransformation>(c->coordinate_transformation);
  a->coordinate_precision = static_cast<polyphase::CoordinatePrecision>(c->coordinate_precision);
  a->nearest_mode = static_cast<polyphase::NearestMode>(c->nearest_mode);
  a->cubic_coeff_a = c->cubic_coeff_a;
  a->antialias = static_cast<polyphase::Antialias>(c->antialias);
  a->exclude_outside = c->exclude_outside != 0;
  a->copy_unchanged_axes = c->copy_unchanged_axes != 0;
  a->size = Sizes(c->size);
  std::copy_n(c->scale, PPH_MAX_SPATIAL_RANK, a->scale.begin());
  a->output_size_rule = static_cast<polyphase::OutputSizeRule>(c->output_size_rule);
  a->keep_aspect_ratio_policy = static_cast<polyphase::KeepAspectRatioPolicy>(c->keep_aspect_ratio_policy);
  a->recompute_scale_factor = c->recompute_scale_factor != 0;
  std::copy_n(c->roi_begin, PPH_MAX_SPATIAL_RANK, a->roi_begin.begin());
  std::copy_n(c->roi_end, PPH_MAX_SPATIAL_RANK, a->roi_end.begin());
  a->extrapolation_value = c->extrapolation_value;
  a->u8_rounding = static_cast<polyphase::U8Rounding>(c->u8_rounding);
  a->n = c->n;
  a->c = c->c;
  a->epilogue = FromC(c->epilogue);
  return Status();
}

// Of a preset, which has no epilogue.
void ToC(const polyphase::ResizeAttributes& a, pph_resize_attributes* c) {
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

Status FromC(const pph_onnx_resize* c, polyphase::OnnxResize* node) {
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
  node->mode = static_cast<polyphase::ResizeMode>(c->mode);
  node->coordinate_transformation = static_cast<polyphase::CoordinateTransformation>(c->coordinate_transformation);
  node->nearest_mode = static_cast<polyphase::NearestMode>(c->nearest_mode);
  node->cubic_coeff_a = c->cubic_coeff_a;
  node->exclude_outside = c->exclude_outside != 0;
  node->antialias = c->antialias != 0;
  node->extrapolation_value = c->extrapolation_value;
  node->keep_aspect_ratio_policy = static_cast<polyphase::KeepAspectRatioPolicy>(c->keep_aspect_ratio_policy);
  node->output_size_rule = static_cast<polyphase::OutputSizeRule>(c->output_size_rule);
  return Status();
}

// The body of every create function: `create(options)` gives the C++ operator.
template <class Create>
pph_status CreateOperator(const pph_operator_options* c_options, pph_operator** op, const Create& create) {
  if (op == nullptr) return Report(NullError("op"));
  *op = nullptr;
  try {
    polyphase::OperatorOptions options;
    if (Status status = FromC(c_options, &options); !status.ok()) return Report(status);
    polyphase::StatusOr<polyphase::Operator> result = create(options);
    if (result.ok()) *op = new pph_operator{std::move(result).value()};
    return Report(result.status());
  } catch (const std::bad_alloc&) {
    return Report(Status::Make(StatusCode::kOutOfMemory, "out of memory"));
  }
}

// The enums are passed on as numbers.
static_assert(static_cast<int>(StatusCode::kOutOfMemory) == PPH_OUT_OF_MEMORY);
static_assert(static_cast<int>(polyphase::DataType::kI64) == PPH_I64);
static_assert(static_cast<int>(polyphase::Layout::kNchwc) == PPH_NCHWC);
static_assert(static_cast<int>(polyphase::Activation::kHardSwish) == PPH_HARD_SWISH);
static_assert(static_cast<int>(polyphase::Residual::kAfterActivation) == PPH_RESIDUAL_AFTER_ACTIVATION);
static_assert(static_cast<int>(polyphase::AutoPad::kValid) == PPH_PAD_VALID);
static_assert(static_cast<int>(polyphase::Algorithm::kGemmCol2im) == PPH_GEMM_COL2IM);
static_assert(static_cast<int>(polyphase::ResizeMode::kLanczos) == PPH_LANCZOS);
static_assert(static_cast<int>(polyphase::CoordinateTransformation::kTfHalfPixelForNn) == PPH_TF_HALF_PIXEL_FOR_NN);
static_assert(static_cast<int>(polyphase::CoordinatePrecision::kF64) == PPH_COORDINATES_F64);
static_assert(static_cast<int>(polyphase::NearestMode::kSimple) == PPH_SIMPLE);
static_assert(static_cast<int>(polyphase::Antialias::kOnnx) == PPH_ANTIALIAS_ONNX);
static_assert(static_cast<int>(polyphase::OutputSizeRule::kOnnxRuntime) == PPH_SIZE_ONNX_RUNTIME);
static_assert(static_cast<int>(polyphase::KeepAspectRatioPolicy::kNotSmaller) == PPH_NOT_SMALLER);
static_assert(static_cast<int>(polyphase::U8Rounding::kFixed22) == PPH_FIXED22);
static_assert(static_cast<int>(polyphase::PyTorchMode::kLanczos) == PPH_PYTORCH_LANCZOS);
static_assert(static_cast<int>(polyphase::ShuffleDirection::kSpaceToDepth) == PPH_SPACE_TO_DEPTH);
static_assert(static_cast<int>(polyphase::ChannelOrder::kFocus) == PPH_FOCUS);
static_assert(static_cast<int>(polyphase::IndexConvention::kWindow) == PPH_INDEX_WINDOW);
static_assert(static_cast<int>(polyphase::AvgUnpoolMode::kCopy) == PPH_UNPOOL_COPY);
static_assert(polyphase::kMaxSpatialRank == PPH_MAX_SPATIAL_RANK);
static_assert(polyphase::kWorkspaceAlignment == PPH_WORKSPACE_ALIGNMENT);

}  // namespace

extern "C" {

pph_status pph_create_conv_transpose(const pph_conv_transpose_attributes* c, const float* weights, const float* bias,
                                     const pph_operator_options* options, pph_operator** op) {
  return CreateOperator(
      options, op, [&](const polyphase::OperatorOptions& o) -> polyphase::StatusOr<polyphase::Operator> {
        if (Status status = CheckStruct("attributes", c); !status.ok()) return status;
        polyphase::ConvTransposeAttributes a;
        a.spatial_rank = c->spatial_rank;
        a.input_channels = c->input_channels;
        a.output_channels = c->output_channels;
        a.groups = c->groups;
        a.kernel = Sizes(c->kernel);
        a.stride = Sizes(c->stride);
        a.padding_begin = Sizes(c->padding_begin);
        a.padding_end = Sizes(c->padding_end);
        a.output_padding = Sizes(c->output_padding);
        a.dilation = Sizes(c->dilation);
        a.auto_pad = static_cast<polyphase::AutoPad>(c->auto_pad);
        a.output_shape = Sizes(c->output_shape);
        a.prologue = {static_cast<polyphase::Activation>(c->prologue.activation), c->prologue.negative_slope};
        a.epilogue = FromC(c->epilogue);
        return polyphase::CreateConvTranspose(a, weights, bias, o);
      });
}

pph_status pph_create_resize(const pph_resize_attributes* c, const pph_operator_options* options, pph_operator** op) {
  return CreateOperator(options, op,
                        [&](const polyphase::OperatorOptions& o) -> polyphase::StatusOr<polyphase::Operator> {
                          polyphase::ResizeAttributes a;
                          if (Status status = FromC(c, &a); !status.ok()) return status;
                          return polyphase::CreateResize(a, o);
                        });
}

pph_status pph_resize_pytorch(int32_t mode, int32_t align_corners, int32_t antialias, pph_resize_attributes* c) {
  if (c == nullptr) return Report(NullError("attributes"));
  if (mode < PPH_PYTORCH_NEAREST || mode > PPH_PYTORCH_LANCZOS) {
    return Report(Status::InvalidArgument("resize pytorch_mode = %d: not a pph_pytorch_mode", mode));
  }
  Status status = CheckFlag("resize align_corners", align_corners);
  if (status.ok()) status = CheckFlag("resize antialias", antialias);
  if (status.ok()) {
    ToC(polyphase::ResizeAttributes::PyTorch(static_cast<polyphase::PyTorchMode>(mode), align_corners != 0,
                                             antialias != 0),
        c);
  }
  return Report(status);
}

pph_status pph_resize_pillow(int32_t mode, pph_resize_attributes* c) {
  if (c == nullptr) return Report(NullError("attributes"));
  const auto a = polyphase::ResizeAttributes::Pillow(static_cast<polyphase::ResizeMode>(mode));
  if (mode < 0 || static_cast<int32_t>(a.mode) != mode) {
    return Report(Status::InvalidArgument(
        "resize resize_mode = %d: must be PPH_NEAREST, PPH_LINEAR, PPH_CUBIC or PPH_LANCZOS", mode));
  }
  ToC(a, c);
  return Report(Status());
}

pph_status pph_resize_onnx(const pph_onnx_resize* node, pph_resize_attributes* c) {
  if (c == nullptr) return Report(NullError("attributes"));
  try {
    polyphase::OnnxResize n;
    if (Status status = FromC(node, &n); !status.ok()) return Report(status);
    const polyphase::StatusOr<polyphase::ResizeAttributes> result = polyphase::ResizeAttributes::Onnx(n);
    if (result.ok()) ToC(*result, c);
    return Report(result.status());
  } catch (const std::bad_alloc&) {
    return Report(Status::Make(StatusCode::kOutOfMemory, "out of memory"));
  }
}

pph_status pph_create_pixel_shuffle(const pph_pixel_shuffle_attributes* c, const pph_operator_options* options,
                                    pph_operator** op) {
  return CreateOperator(options, op,
                        [&](const polyphase::OperatorOptions& o) -> polyphase::StatusOr<polyphase::Operator> {
                          if (Status status = CheckStruct("attributes", c); !status.ok()) return status;
                          polyphase::PixelShuffleAttributes a;
                          a.spatial_rank = c->spatial_rank;
                          a.factor = Sizes(c->factor);
                          a.direction = static_cast<polyphase::ShuffleDirection>(c->direction);
                          a.channel_order = static_cast<polyphase::ChannelOrder>(c->channel_order);
                          return polyphase::CreatePixelShuffle(a, o);
                        });
}

pph_status pph_create_max_pool(const pph_max_pool_attributes* c, const pph_operator_options* options,
                               pph_operator** op) {
  return CreateOperator(options, op,
                        [&](const polyphase::OperatorOptions& o) -> polyphase::StatusOr<polyphase::Operator> {
                          Status status = CheckStruct("attributes", c);
                          if (status.ok()) status = CheckBool("max_pool ceil_mode", c->window.ceil_mode);
                          if (status.ok()) status = CheckBool("max_pool column_major", c->column_major);
                          if (!status.ok()) return status;
                          polyphase::MaxPoolAttributes a;
                          a.window = FromC(c->window);
                          a.index_convention = static_cast<polyphase::IndexConvention>(c->index_convention);
                          a.column_major = c->column_major != 0;
                          return polyphase::CreateMaxPool(a, o);
                        });
}

pph_status pph_create_max_unpool(const pph_max_unpool_attributes* c, const pph_operator_options* options,
                                 pph_operator** op) {
  return CreateOperator(options, op,
                        [&](const polyphase::OperatorOptions& o) -> polyphase::StatusOr<polyphase::Operator> {
                          Status status = CheckStruct("attributes", c);
                          if (status.ok()) status = CheckBool("max_unpool ceil_mode", c->window.ceil_mode);
                          if (status.ok())
                            status = CheckBool("max_unpool indices_in_default_size", c->indices_in_default_size);
                          if (!status.ok()) return status;
                          polyphase::MaxUnpoolAttributes a;
                          a.window = FromC(c->window);
                          a.index_convention = static_cast<polyphase::IndexConvention>(c->index_convention);
                          a.indices_in_default_size = c->indices_in_default_size != 0;
                          return polyphase::CreateMaxUnpool(a, o);
                        });
}

pph_status pph_create_avg_pool(const pph_avg_pool_attributes* c, const pph_operator_options* options,
                               pph_operator** op) {
  return CreateOperator(options, op,
                        [&](const polyphase::OperatorOptions& o) -> polyphase::StatusOr<polyphase::Operator> {
                          Status status = CheckStruct("attributes", c);
                          if (status.ok()) status = CheckBool("avg_pool ceil_mode", c->window.ceil_mode);
                          if (status.ok()) status = CheckBool("avg_pool count_include_pad", c->count_include_pad);
                          if (!status.ok()) return status;
                          polyphase::AvgPoolAttributes a;
                          a.window = FromC(c->window);
                          a.count_include_pad = c->count_include_pad != 0;
                          a.divisor_override = c->divisor_override;
                          return polyphase::CreateAvgPool(a, o);
                        });
}

pph_status pph_create_avg_unpool(const pph_avg_unpool_attributes* c, const pph_operator_options* options,
                                 pph_operator** op) {
  return CreateOperator(options, op,
                        [&](const polyphase::OperatorOptions& o) -> polyphase::StatusOr<polyphase::Operator> {
                          Status status = CheckStruct("attributes", c);
                          if (status.ok()) status = CheckBool("avg_unpool ceil_mode", c->window.ceil_mode);
                          if (status.ok()) status = CheckBool("avg_unpool count_include_pad", c->count_include_pad);
                          if (!status.ok()) return status;
                          polyphase::AvgUnpoolAttributes a;
                          a.window = FromC(c->window);
                          a.mode = static_cast<polyphase::AvgUnpoolMode>(c->mode);
                          a.count_include_pad = c->count_include_pad != 0;
                          a.divisor_override = c->divisor_override;
                          return polyphase::CreateAvgUnpool(a, o);
                        });
}

pph_status pph_create_convert(const pph_operator_options* options, pph_operator** op) {
  return CreateOperator(options, op, [](const polyphase::OperatorOptions& o) { return polyphase::CreateConvert(o); });
}

pph_status pph_fold_batch_norm(const float* gamma, const float* beta, const float* mean, const float* variance,
                               double epsilon, int64_t channels, float* scale, float* shift) {
  return Report(polyphase::FoldBatchNorm(gamma, beta, mean, variance, epsilon, channels, scale, shift));
}

void pph_operator_destroy(pph_operator* op) { delete op; }

size_t pph_operator_describe(const pph_operator* op, char* buffer, size_t capacity) {
  if (op == nullptr) return 0;
  try {
    const std::string text = op->op.Describe();
    if (buffer != nullptr && capacity > 0) {
      const size_t length = std::min(text.size(), capacity - 1);
      std::memcpy(buffer, text.data(), length);
      buffer[length] = 0;
    }
    return text.size();
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

pph_status pph_make_plan(const pph_operator* op, const pph_tensor_desc* input, const pph_plan_options* c_options,
                         pph_plan** plan) {
  if (plan == nullptr) return Report(NullError("plan"));
  *plan = nullptr;
  if (op == nullptr) return Report(NullError("op"));
  if (Status status = CheckStruct("input", input); !status.ok()) return Report(status);
  polyphase::PlanOptions options;
  if (c_options != nullptr) {
    if (Status status = CheckStruct("options", c_options); !status.ok()) return Report(status);
    if (Status status = CheckOptional("output", c_options->output); !status.ok()) return Report(status);
    if (c_options->output != nullptr) options.output = FromC(*c_options->output);
    options.output_size = Sizes(c_options->output_size);
    options.algorithm = static_cast<polyphase::Algorithm>(c_options->algorithm);
    options.num_threads = c_options->num_threads;
    if (Status status = CheckOptional("residual", c_options->residual); !status.ok()) return Report(status);
    if (c_options->residual != nullptr) options.residual = FromC(*c_options->residual);
    if (Status status = CheckOptional("indices", c_options->indices); !status.ok()) return Report(status);
    if (c_options->indices != nullptr) options.indices = FromC(*c_options->indices);
  }
  polyphase::StatusOr<polyphase::Plan> result = op->op.MakePlan(FromC(*input), options);
  if (result.ok()) {
    *plan = new (std::nothrow) pph_plan{std::move(result).value()};
    if (*plan == nullptr) return Report(Status::Make(StatusCode::kOutOfMemory, "out of memory"));
  }
  return Report(result.status());
}

void pph_plan_destroy(pph_plan* plan) { delete plan; }

pph_status pph_plan_input(const pph_plan* plan, pph_tensor_desc* desc) {
  return Report(plan == nullptr ? NullError("plan") : ToC(plan->plan.input(), desc));
}

pph_status pph_plan_output(const pph_plan* plan, pph_tensor_desc* desc) {
  return Report(plan == nullptr ? NullError("plan") : ToC(plan->plan.output(), desc));
}

pph_status pph_plan_residual(const pph_plan* plan, pph_tensor_desc* desc) {
  if (plan == nullptr) return Report(NullError("plan"));
  const polyphase::TensorDesc* residual = plan->plan.residual();
  if (residual == nullptr) return Report(Status::InvalidArgument("plan: has no residual"));
  return Report(ToC(*residual, desc));
}

pph_status pph_plan_indices(const pph_plan* plan, pph_tensor_desc* desc) {
  if (plan == nullptr) return Report(NullError("plan"));
  const polyphase::TensorDesc* indices = plan->plan.indices();
  if (indices == nullptr) return Report(Status::InvalidArgument("plan: has no indices"));
  return Report(ToC(*indices, desc));
}

size_t pph_plan_workspace_bytes(const pph_plan* plan) { return plan == nullptr ? 0 : plan->plan.workspace_bytes(); }

const char* pph_plan_describe(const pph_plan* plan) { return plan == nullptr ? "" : plan->plan.Describe().c_str(); }

pph_status pph_run(const pph_plan* plan, const void* input, void* output, const pph_run_options* c_options) {
  if (plan == nullptr) return Report(NullError("plan"));
  polyphase::RunOptions options;
  polyphase::Runtime runtime;
  if (c_options != nullptr) {
    if (Status status = CheckStruct("options", c_options); !status.ok()) return Report(status);
    if (Status status = CheckOptional("runtime", c_options->runtime); !status.ok()) return Report(status);
    options.workspace = c_options->workspace;
    options.workspace_bytes = c_options->workspace_bytes;
    options.residual = c_options->residual;
    options.input_indices = c_options->input_indices;
    options.output_indices = c_options->output_indices;
    if (c_options->runtime != nullptr) {
      runtime = *c_options->runtime;
      options.runtime = &runtime;
    }
  }
  return Report(plan->plan.Run(input, output, options));
}

const char* pph_last_error(void) { return last_error; }

const char* pph_version(void) { return polyphase::Version(); }

const char* pph_target(size_t index, int32_t* supported, int32_t* chosen) {
  try {
    // The names live in a copy per thread, so that the pointer stays valid without a global constructor.
    thread_local char name[32];
    const std::vector<polyphase::TargetInfo> targets = polyphase::Targets();
    if (index >= targets.size()) return nullptr;
    if (supported != nullptr) *supported = targets[index].supported;
    if (chosen != nullptr) *chosen = targets[index].chosen;
    std::strncpy(name, targets[index].name.c_str(), sizeof(name) - 1);
    return name;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void pph_caches(size_t* l1, size_t* l2, size_t* l3) {
  const polyphase::CacheSizes sizes = polyphase::Caches();
  if (l1 != nullptr) *l1 = sizes.l1;
  if (l2 != nullptr) *l2 = sizes.l2;
  if (l3 != nullptr) *l3 = sizes.l3;
}

size_t pph_default_threads(void) { return polyphase::DefaultThreads(); }

}  // extern "C"
