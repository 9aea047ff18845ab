// The Create functions, one line for each op.
#include <memory>
#include <utility>

#include "api/impl.h"
#include "base/float_mode.h"
#include "base/status.h"
#include "base/try.h"
#include "geometry/weights.h"
#include "phase_conv/lower.h"
#include "plan/convex_upsample.h"
#include "plan/max_unpool.h"
#include "plan/pool.h"
#include "plan/rearrange.h"
#include "plan/resize.h"
#include "polyphase/polyphase.h"

namespace polyphase {
namespace {

// Runs create(&op) and makes an Operator of its result. Makes the hinted plan once, so that its weights are packed.
template <class Create>
StatusOr<Operator> MakeOperator(const OperatorOptions& options, const Create& create) {
  const auto body = [&]() -> StatusOr<Operator> {
    POLYPHASE_RETURN_IF_ERROR(internal::CheckRuntime(options.runtime));
    POLYPHASE_RETURN_IF_ERROR(internal::CheckNumerics(options.numerics));
    const internal::FloatMode mode(internal::Denormals::kKeep);
    std::shared_ptr<internal::OperatorImpl> op;
    POLYPHASE_RETURN_IF_ERROR(create(&op));
    op->runtime = options.runtime;
    Operator result = internal::HandleAccess::Make<Operator>(std::shared_ptr<const internal::OperatorImpl>(op));
    if (options.input_hint) {
      if (auto plan = result.MakePlan(*options.input_hint); !plan.ok()) return plan.status();
    }
    return result;
  };
  return internal::Try(body, []() -> StatusOr<Operator> { return internal::OutOfMemory(); });
}

}  // namespace

StatusOr<Operator> CreateConvTranspose(const ConvTransposeAttributes& attributes, const Weights& weights,
                                       const float* bias, const OperatorOptions& options) {
  return MakeOperator(
      options, [&](auto* op) { return internal::CreateConvTransposeOperator(attributes, weights, bias, options, op); });
}

StatusOr<Operator> CreateConv(const ConvAttributes& attributes, const Weights& weights, const float* bias,
                              const OperatorOptions& options) {
  return MakeOperator(options,
                      [&](auto* op) { return internal::CreateConvOperator(attributes, weights, bias, options, op); });
}

StatusOr<Operator> CreateResize(const ResizeAttributes& attributes, const OperatorOptions& options) {
  return MakeOperator(options, [&](auto* op) { return internal::CreateResizeOperator(attributes, options, op); });
}

StatusOr<Operator> CreatePixelShuffle(const PixelShuffleAttributes& attributes, const OperatorOptions& options) {
  return MakeOperator(options, [&](auto* op) { return internal::CreateRearrangeOperator(&attributes, options, op); });
}

StatusOr<Operator> CreateMaxPool(const MaxPoolAttributes& attributes, const OperatorOptions& options) {
  return MakeOperator(options, [&](auto* op) { return internal::CreateMaxPoolOperator(attributes, options, op); });
}

StatusOr<Operator> CreateMaxUnpool(const MaxUnpoolAttributes& attributes, const OperatorOptions& options) {
  return MakeOperator(options, [&](auto* op) { return internal::CreateMaxUnpoolOperator(attributes, options, op); });
}

StatusOr<Operator> CreateAvgPool(const AvgPoolAttributes& attributes, const OperatorOptions& options) {
  return MakeOperator(options, [&](auto* op) { return internal::CreateAvgPoolOperator(attributes, options, op); });
}

StatusOr<Operator> CreateAvgUnpool(const AvgUnpoolAttributes& attributes, const OperatorOptions& options) {
  return MakeOperator(options, [&](auto* op) { return internal::CreateAvgUnpoolOperator(attributes, options, op); });
}

StatusOr<Operator> CreateConvexUpsample(const ConvexUpsampleAttributes& attributes, const OperatorOptions& options) {
  return MakeOperator(options,
                      [&](auto* op) { return internal::CreateConvexUpsampleOperator(attributes, options, op); });
}

StatusOr<Operator> CreateConvert(const OperatorOptions& options) {
  return MakeOperator(options, [&](auto* op) { return internal::CreateRearrangeOperator(nullptr, options, op); });
}

}  // namespace polyphase
