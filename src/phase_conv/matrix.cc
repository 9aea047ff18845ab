// Computes a phase convolution in the direct form with matrix tiles, whose products are of bf16 numbers: one where the
// numerics round to bf16, and as many as keep the error that they promise otherwise.
#include <memory>

#include "base/format.h"
#include "phase_conv/algorithm.h"
#include "phase_conv/direct.h"

namespace polyphase::internal {
namespace {

bool Applies(const PhaseConvOperator& op, const PhaseLayer& layer) {
  return op.numerics != Numerics::kStrict && (layer.ic > 1 || layer.groups == 1);
}

// Relative to the norm of the output, the error of one product is 2.4e-3, that of three is 4e-6 to 5e-6, and six have
// that of an f32 sum (normal inputs and weights).
int PartsOf(Numerics numerics) {
  switch (numerics) {
    case Numerics::kBf16: return 1;
    case Numerics::kFast: return 2;
    case Numerics::kStrict:
    case Numerics::kDefault: break;
  }
  return 3;
}

bool IsAutomatic(const PhaseConvOperator& op) { return PartsOf(op.numerics) <= op.kernels.matrix.automatic_parts; }

WeightFormat ReadFormat(const PhaseConvOperator& op, const PhaseLayer& layer) {
  const size_t parts = static_cast<size_t>(PartsOf(op.numerics));
  return {WeightFormat::Order::kSlots, layer.joined.any() ? &layer.joined : nullptr,
          &op.kernels.matrix.tiles[parts - 1]};
}

std::unique_ptr<PhasePart> Schedule(const PhaseProblem& problem, const WeightLayout& layout, size_t threads) {
  std::unique_ptr<PhasePart> part = ScheduleDirect(problem, layout, threads);
  const int products = ProductsOf(layout.format.tile->parts);
  const char* const instruction = problem.op.kernels.matrix.instruction;
  part->form = Format(", %d bf16 product%s by %s", products, products == 1 ? "" : "s",
                      instruction != nullptr ? instruction : "f32 multiply-adds") +
               part->form;
  return part;
}

}  // namespace

const PhaseAlgorithm kMatrix = {
    Algorithm::kMatrix,
    "matrix",
    "numerics other than kStrict, and groups of more than one input channel",
    Applies,
    ReadFormat,
    DirectCost,
    Schedule,
    IsAutomatic,
};

}  // namespace polyphase::internal
