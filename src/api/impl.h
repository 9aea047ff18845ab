// What the public value types Operator and Plan share: the op's own part as a variant, and what all ops have.
#ifndef POLYPHASE_SRC_API_IMPL_H_
#define POLYPHASE_SRC_API_IMPL_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "plan/max_unpool.h"
#include "plan/phase_conv.h"
#include "plan/pool.h"
#include "plan/rearrange.h"
#include "plan/resize.h"
#include "polyphase/runtime.h"
#include "polyphase/tensor.h"

namespace polyphase::internal {

class OperatorImpl {
 public:
  std::variant<std::shared_ptr<const PhaseConvOperator>, std::shared_ptr<const ResizeOperator>,
               std::shared_ptr<const RearrangeOperator>, std::shared_ptr<const PoolOperator>,
               std::shared_ptr<const MaxUnpoolOperator>>
      op;
  Runtime runtime;
};

class PlanImpl {
 public:
  std::variant<PhaseConvPlan, ResizePlan, RearrangePlan, PoolPlan, MaxUnpoolPlan> plan;
  TensorDesc input, output;  // in the caller's form, as the next two
  std::optional<TensorDesc> residual, indices;
  Runtime runtime;
  size_t workers = 1;
  size_t workspace_bytes = 0;
  bool indices_are_input = false;  // max_unpool
  std::string description;
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_API_IMPL_H_
