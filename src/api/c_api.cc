// The C API: calls the C++ API with converted structs and keeps the last message of each thread.
#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "api/c_structs.h"
#include "base/status.h"
#include "base/try.h"
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
using polyphase::StatusOr;
using polyphase::internal::CheckFlag;
using polyphase::internal::FromC;
using polyphase::internal::FromOptionalC;
using polyphase::internal::NullError;
using polyphase::internal::Pair;
using polyphase::internal::ToC;
using polyphase::internal::Try;

thread_local char last_error[Status::kMaxMessage + 1];

pph_status Report(const Status& status) {
  if (!status.ok()) std::memcpy(last_error, status.message(), sizeof(last_error));
  return static_cast<pph_status>(status.code());
}

pph_status ReportOutOfMemory() { return Report(Status::Make(StatusCode::kOutOfMemory, "out of memory")); }

// The body of every create function: `create(options)` gives the C++ operator.
template <class Create>
pph_status CreateOperator(const pph_operator_options* c_options, pph_operator** op, const Create& create) {
  if (op == nullptr) return Report(NullError("op"));
  *op = nullptr;
  const auto body = [&] {
    polyphase::OperatorOptions options;
    if (Status status = FromOptionalC("options", c_options, &options); !status.ok()) return Report(status);
    StatusOr<polyphase::Operator> result = create(options);
    if (result.ok()) *op = new pph_operator{std::move(result).value()};
    return Report(result.status());
  };
  return Try(body, ReportOutOfMemory);
}

// The body for an op with attributes: `create(attributes, options)` gives the C++ operator.
template <class C, class Create>
pph_status CreateFrom(const C* c_attributes, const pph_operator_options* options, pph_operator** op,
                      const Create& create) {
  return CreateOperator(options, op, [&](const polyphase::OperatorOptions& o) -> StatusOr<polyphase::Operator> {
    typename Pair<C>::Cpp attributes;
    POLYPHASE_RETURN_IF_ERROR(FromC("attributes", c_attributes, &attributes));
    return create(attributes, o);
  });
}

// The body for a convolution: `create(attributes, weights, bias, options)` gives the C++ operator.
template <class C, class Create>
pph_status CreateConvolution(const C* c_attributes, const pph_weights* c_weights, const float* bias,
                             const pph_operator_options* options, pph_operator** op, const Create& create) {
  return CreateFrom(c_attributes, options, op,
                    [&](const auto& attributes, const auto& o) -> StatusOr<polyphase::Operator> {
                      polyphase::Weights weights;
                      POLYPHASE_RETURN_IF_ERROR(FromC("weights", c_weights, &weights));
                      return create(attributes, weights, bias, o);
                    });
}

// Gives the caller one of a plan's tensors, which is null if the op does not have it.
pph_status GetTensor(const char* name, const polyphase::TensorDesc* tensor, pph_tensor_desc* desc) {
  if (tensor == nullptr) return Report(Status::InvalidArgument("plan: has no %s", name));
  return Report(ToC("desc", *tensor, desc));
}

}  // namespace

extern "C" {

#define PPH_DEFINE_INIT(CStruct) \
  void CStruct##_init(CStruct* c, size_t struct_size) { polyphase::internal::Init(c, struct_size); }
PPH_DEFINE_INIT(pph_runtime)
PPH_DEFINE_INIT(pph_tensor_desc)
PPH_DEFINE_INIT(pph_weights)
PPH_DEFINE_INIT(pph_epilogue)
PPH_DEFINE_INIT(pph_prologue)
PPH_DEFINE_INIT(pph_operator_options)
PPH_DEFINE_INIT(pph_plan_options)
PPH_DEFINE_INIT(pph_run_options)
PPH_DEFINE_INIT(pph_conv_transpose_attributes)
PPH_DEFINE_INIT(pph_conv_attributes)
PPH_DEFINE_INIT(pph_pointwise)
PPH_DEFINE_INIT(pph_resize_attributes)
PPH_DEFINE_INIT(pph_onnx_resize)
PPH_DEFINE_INIT(pph_pixel_shuffle_attributes)
PPH_DEFINE_INIT(pph_max_pool_attributes)
PPH_DEFINE_INIT(pph_max_unpool_attributes)
PPH_DEFINE_INIT(pph_avg_pool_attributes)
PPH_DEFINE_INIT(pph_avg_unpool_attributes)
PPH_DEFINE_INIT(pph_convex_upsample_attributes)
#undef PPH_DEFINE_INIT

pph_status pph_create_conv_transpose(const pph_conv_transpose_attributes* attributes, const pph_weights* weights,
                                     const float* bias, const pph_operator_options* options, pph_operator** op) {
  return CreateConvolution(attributes, weights, bias, options, op, polyphase::CreateConvTranspose);
}

pph_status pph_create_conv(const pph_conv_attributes* attributes, const pph_weights* weights, const float* bias,
                           const pph_operator_options* options, pph_operator** op) {
  return CreateConvolution(attributes, weights, bias, options, op, polyphase::CreateConv);
}

pph_status pph_create_resize(const pph_resize_attributes* attributes, const pph_operator_options* options,
                             pph_operator** op) {
  return CreateFrom(attributes, options, op, polyphase::CreateResize);
}

pph_status pph_resize_pytorch(int32_t mode, int32_t align_corners, int32_t antialias, pph_resize_attributes* c) {
  if (mode < PPH_PYTORCH_NEAREST || mode > PPH_PYTORCH_LANCZOS) {
    return Report(Status::InvalidArgument("resize pytorch_mode = %d: not a pph_pytorch_mode", mode));
  }
  Status status = CheckFlag("resize", "align_corners", align_corners);
  if (status.ok()) status = CheckFlag("resize", "antialias", antialias);
  if (!status.ok()) return Report(status);
  const auto a = polyphase::ResizeAttributes::PyTorch(static_cast<polyphase::PyTorchMode>(mode), align_corners != 0,
                                                      antialias != 0);
  return Report(ToC("attributes", a, c));
}

pph_status pph_resize_pillow(int32_t mode, pph_resize_attributes* c) {
  const auto a = polyphase::ResizeAttributes::Pillow(static_cast<polyphase::ResizeMode>(mode));
  if (mode < 0 || static_cast<int32_t>(a.mode) != mode) {
    return Report(Status::InvalidArgument(
        "resize resize_mode = %d: must be PPH_NEAREST, PPH_LINEAR, PPH_CUBIC or PPH_LANCZOS", mode));
  }
  return Report(ToC("attributes", a, c));
}

pph_status pph_resize_onnx(const pph_onnx_resize* node, pph_resize_attributes* c) {
  const auto body = [&] {
    polyphase::OnnxResize n;
    if (Status status = FromC("node", node, &n); !status.ok()) return Report(status);
    const StatusOr<polyphase::ResizeAttributes> result = polyphase::ResizeAttributes::Onnx(n);
    return Report(result.ok() ? ToC("attributes", *result, c) : result.status());
  };
  return Try(body, ReportOutOfMemory);
}

pph_status pph_create_pixel_shuffle(const pph_pixel_shuffle_attributes* attributes, const pph_operator_options* options,
                                    pph_operator** op) {
  return CreateFrom(attributes, options, op, polyphase::CreatePixelShuffle);
}

pph_status pph_create_max_pool(const pph_max_pool_attributes* attributes, const pph_operator_options* options,
                               pph_operator** op) {
  return CreateFrom(attributes, options, op, polyphase::CreateMaxPool);
}

pph_status pph_create_max_unpool(const pph_max_unpool_attributes* attributes, const pph_operator_options* options,
                                 pph_operator** op) {
  return CreateFrom(attributes, options, op, polyphase::CreateMaxUnpool);
}

pph_status pph_create_avg_pool(const pph_avg_pool_attributes* attributes, const pph_operator_options* options,
                               pph_operator** op) {
  return CreateFrom(attributes, options, op, polyphase::CreateAvgPool);
}

pph_status pph_create_avg_unpool(const pph_avg_unpool_attributes* attributes, const pph_operator_options* options,
                                 pph_operator** op) {
  return CreateFrom(attributes, options, op, polyphase::CreateAvgUnpool);
}

pph_status pph_create_convex_upsample(const pph_convex_upsample_attributes* attributes,
                                      const pph_operator_options* options, pph_operator** op) {
  return CreateFrom(attributes, options, op, polyphase::CreateConvexUpsample);
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
  const auto body = [&]() -> size_t {
    const std::string text = op->op.Describe();
    if (buffer != nullptr && capacity > 0) {
      const size_t length = std::min(text.size(), capacity - 1);
      std::memcpy(buffer, text.data(), length);
      buffer[length] = 0;
    }
    return text.size();
  };
  return Try(body, []() -> size_t { return 0; });
}

pph_status pph_make_plan(const pph_operator* op, const pph_tensor_desc* input, const pph_plan_options* c_options,
                         pph_plan** plan) {
  if (plan == nullptr) return Report(NullError("plan"));
  *plan = nullptr;
  if (op == nullptr) return Report(NullError("op"));
  polyphase::TensorDesc tensor;
  if (Status status = FromC("input", input, &tensor); !status.ok()) return Report(status);
  polyphase::PlanOptions options;
  if (Status status = FromOptionalC("options", c_options, &options); !status.ok()) return Report(status);
  StatusOr<polyphase::Plan> result = op->op.MakePlan(tensor, options);
  if (result.ok()) {
    *plan = new (std::nothrow) pph_plan{std::move(result).value()};
    if (*plan == nullptr) return ReportOutOfMemory();
  }
  return Report(result.status());
}

void pph_plan_destroy(pph_plan* plan) { delete plan; }

pph_status pph_plan_input(const pph_plan* plan, pph_tensor_desc* desc) {
  return plan == nullptr ? Report(NullError("plan")) : GetTensor("input", &plan->plan.input(), desc);
}

pph_status pph_plan_output(const pph_plan* plan, pph_tensor_desc* desc) {
  return plan == nullptr ? Report(NullError("plan")) : GetTensor("output", &plan->plan.output(), desc);
}

pph_status pph_plan_residual(const pph_plan* plan, pph_tensor_desc* desc) {
  return plan == nullptr ? Report(NullError("plan")) : GetTensor("residual", plan->plan.residual(), desc);
}

pph_status pph_plan_indices(const pph_plan* plan, pph_tensor_desc* desc) {
  return plan == nullptr ? Report(NullError("plan")) : GetTensor("indices", plan->plan.indices(), desc);
}

pph_status pph_plan_mask(const pph_plan* plan, pph_tensor_desc* desc) {
  return plan == nullptr ? Report(NullError("plan")) : GetTensor("mask", plan->plan.mask(), desc);
}

size_t pph_plan_workspace_bytes(const pph_plan* plan) { return plan == nullptr ? 0 : plan->plan.workspace_bytes(); }

const char* pph_plan_describe(const pph_plan* plan) { return plan == nullptr ? "" : plan->plan.Describe().c_str(); }

pph_status pph_run(const pph_plan* plan, const void* input, void* output, const pph_run_options* c_options) {
  if (plan == nullptr) return Report(NullError("plan"));
  polyphase::RunOptions options;
  if (Status status = FromOptionalC("options", c_options, &options); !status.ok()) return Report(status);
  return Report(plan->plan.Run(input, output, options));
}

const char* pph_last_error(void) { return last_error; }

const char* pph_version(void) { return polyphase::Version(); }

const char* pph_target(size_t index, int32_t* supported, int32_t* chosen) {
  const auto body = [&]() -> const char* {
    // The names live in copies per thread, so that the pointers stay valid without a global constructor.
    constexpr size_t kMost = 32;
    thread_local char names[kMost][32];
    const std::vector<polyphase::TargetInfo> targets = polyphase::Targets();
    if (index >= std::min(targets.size(), kMost)) return nullptr;
    if (supported != nullptr) *supported = targets[index].supported;
    if (chosen != nullptr) *chosen = targets[index].chosen;
    std::strncpy(names[index], targets[index].name.c_str(), sizeof(names[index]) - 1);
    return names[index];
  };
  return Try(body, []() -> const char* { return nullptr; });
}

const char* pph_bf16_instruction(void) { return polyphase::Bf16Instruction(); }

void pph_caches(size_t* l1, size_t* l2, size_t* l3) {
  const polyphase::CacheSizes sizes = polyphase::Caches();
  if (l1 != nullptr) *l1 = sizes.l1;
  if (l2 != nullptr) *l2 = sizes.l2;
  if (l3 != nullptr) *l3 = sizes.l3;
}

const char* pph_default_thread_pool(void) { return polyphase::DefaultThreadPool(); }

size_t pph_default_threads(void) { return polyphase::DefaultThreads(); }

}  // extern "C"
