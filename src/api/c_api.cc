// The C API: calls the C++ API with converted structs, keeps the last message of the thread.
#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "api/c_structs.h"
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
using polyphase::internal::CheckFlag;
using polyphase::internal::CheckOptional;
using polyphase::internal::CheckStruct;
using polyphase::internal::FromC;
using polyphase::internal::NullError;
using polyphase::internal::Sizes;
using polyphase::internal::ToC;

thread_local char last_error[Status::kMaxMessage + 1];

pph_status Report(const Status& status) {
  if (!status.ok()) std::memcpy(last_error, status.message(), sizeof(last_error));
  return static_cast<pph_status>(status.code());
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

// The same for an op with attributes: `create(attributes, arguments..., options)`.
template <class Attributes, class CStruct, class Create, class... Arguments>
pph_status CreateFrom(const CStruct* attributes, const pph_operator_options* options, pph_operator** op,
                      const Create& create, Arguments... arguments) {
  return CreateOperator(options, op,
                        [&](const polyphase::OperatorOptions& o) -> polyphase::StatusOr<polyphase::Operator> {
                          Attributes a;
                          if (Status status = FromC(attributes, &a); !status.ok()) return status;
                          return create(a, arguments..., o);
                        });
}

}  // namespace

extern "C" {

pph_status pph_create_conv_transpose(const pph_conv_transpose_attributes* attributes, const float* weights,
                                     const float* bias, const pph_operator_options* options, pph_operator** op) {
  return CreateFrom<polyphase::ConvTransposeAttributes>(attributes, options, op, polyphase::CreateConvTranspose,
                                                        weights, bias);
}

pph_status pph_create_conv(const pph_conv_attributes* attributes, const float* weights, const float* bias,
                           const pph_operator_options* options, pph_operator** op) {
  return CreateFrom<polyphase::ConvAttributes>(attributes, options, op, polyphase::CreateConv, weights, bias);
}

pph_status pph_create_resize(const pph_resize_attributes* attributes, const pph_operator_options* options,
                             pph_operator** op) {
  return CreateFrom<polyphase::ResizeAttributes>(attributes, options, op, polyphase::CreateResize);
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

pph_status pph_create_pixel_shuffle(const pph_pixel_shuffle_attributes* attributes, const pph_operator_options* options,
                                    pph_operator** op) {
  return CreateFrom<polyphase::PixelShuffleAttributes>(attributes, options, op, polyphase::CreatePixelShuffle);
}

pph_status pph_create_max_pool(const pph_max_pool_attributes* attributes, const pph_operator_options* options,
                               pph_operator** op) {
  return CreateFrom<polyphase::MaxPoolAttributes>(attributes, options, op, polyphase::CreateMaxPool);
}

pph_status pph_create_max_unpool(const pph_max_unpool_attributes* attributes, const pph_operator_options* options,
                                 pph_operator** op) {
  return CreateFrom<polyphase::MaxUnpoolAttributes>(attributes, options, op, polyphase::CreateMaxUnpool);
}

pph_status pph_create_avg_pool(const pph_avg_pool_attributes* attributes, const pph_operator_options* options,
                               pph_operator** op) {
  return CreateFrom<polyphase::AvgPoolAttributes>(attributes, options, op, polyphase::CreateAvgPool);
}

pph_status pph_create_avg_unpool(const pph_avg_unpool_attributes* attributes, const pph_operator_options* options,
                                 pph_operator** op) {
  return CreateFrom<polyphase::AvgUnpoolAttributes>(attributes, options, op, polyphase::CreateAvgUnpool);
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
