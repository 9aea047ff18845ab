// Says what an op is to the API: an operator makes plans, and a plan runs.
#ifndef POLYPHASE_SRC_PLAN_OPERATOR_H_
#define POLYPHASE_SRC_PLAN_OPERATOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/float_mode.h"
#include "geometry/tensor.h"
#include "plan/kernels.h"
#include "polyphase/operator.h"
#include "polyphase/runtime.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// Memory and threads of one run. `workspace` holds the worker_bytes of the plan `workers` times. residual,
// input_indices, output_indices and mask are null where the op has no such tensor.
struct RunContext {
  const void* input;
  void* output;
  const void* residual;
  const void* input_indices;
  void* output_indices;
  const void* mask;
  void* workspace;
  size_t workers;
  const Runtime& runtime;
  Denormals denormals;
};

// A plan of an op. It refers to its operator.
class PlanImpl : public PlanTensors {
 public:
  virtual ~PlanImpl() = default;
  // Writes the output. It neither allocates nor locks. Only max_unpool fails, on the values of its indices.
  virtual Status Run(const RunContext& context) const = 0;

  // MakePlan sets these. `choice` and `reason` tell Describe() what was chosen and why.
  int64_t tasks = 0;
  int64_t worker_bytes = 0;  // workspace of one worker, in whole lines
  std::string choice, reason;

  // The API sets the rest: the tensors in the caller's form, and what all ops have in common.
  TensorDesc public_input, public_output;
  std::optional<TensorDesc> public_residual, public_indices, public_mask;
  std::shared_ptr<const OperatorImpl> owner;  // keeps the operator alive
  Runtime runtime;
  size_t workers = 1;
  size_t workspace_bytes = 0;
  std::string description;
};

// Says which of the plan options that not every op has are taken.
struct PlanOptionsTaken {
  bool algorithm = false;
  bool output_size = false;
  bool residual = false;
  bool input_indices = false;   // indices that Run reads
  bool output_indices = false;  // indices that Run may write
  bool mask = false;
};

class OperatorImpl {
 public:
  virtual ~OperatorImpl() = default;
  // `input` is normalized, `options` has nothing that the op does not take, and `threads` >= 1. For n == 0 the plan has
  // only its tensors.
  virtual Status MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                          std::unique_ptr<PlanImpl>* plan) const = 0;
  virtual std::string Describe() const = 0;

  const char* name = "";
  PlanOptionsTaken takes;
  Kernels kernels;
  Denormals denormals = Denormals::kKeep;
  Runtime runtime;  // set by the API
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_OPERATOR_H_
