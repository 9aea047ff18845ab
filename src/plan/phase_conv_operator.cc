// What all dense ops' operators have in common: joined phases, packed weights, epilogue, description.
#include <cinttypes>
#include <optional>
#include <string>

#include "base/checked_math.h"
#include "base/format.h"
#include "plan/phase_conv.h"

namespace polyphase::internal {
namespace {

// Columns of joined phases: their panel stays in L1.
constexpr int64_t kMaxJoinedColumns = 512;

// Joins the phases of x, of y and x, or of all axes where that takes fewer vector multiplications: outputs of few channels
// leave lanes empty, which those of other phases fill. Less than 10 % would be lost to taking them apart.
void ChooseJoin(PhaseConvOperator* op, int64_t oc, int64_t lanes) {
  double best = 0;
  for (int first = kMaxSpatialRank; first >= 0; --first) {  // axes from this one on are joined
    int64_t columns = oc;
    double taps = 1;
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      const AxisPhases& phases = op->phases[axis];
      if (axis < first) {
        double all = 0;
        for (const AxisPhase& phase : phases.table) all += static_cast<double>(phase.taps);
        taps *= phases.table.empty() ? static_cast<double>(phases.slots) : all;
        continue;
      }
      if (phases.stride > kMaxJoinedColumns) return;
      const std::optional<AxisPhases> joined = JoinPhases(phases);
      columns *= phases.stride;
      if (!joined || columns > kMaxJoinedColumns) return;
      op->joined[axis] = *joined;
      taps *= static_cast<double>(joined->slots);
    }
    const double cost = taps * static_cast<double>(DivCeil(columns, lanes));
    if (first < kMaxSpatialRank && cost > 0.9 * best) continue;
    best = cost;
    for (int axis = first; axis < kMaxSpatialRank; ++axis) op->join[axis] = op->phases[axis].stride;
  }
}

std::string SizesText(const SpatialSizes& values, int32_t rank) {
  std::string text;
  for (int axis = kMaxSpatialRank - rank; axis < kMaxSpatialRank; ++axis) {
    text += (text.empty() ? "" : "x") + std::to_string(values[axis]);
  }
  return text;
}

std::string DescribeLayer(const ConvTransposeAttributes& a) {
  return SizesText(a.kernel, a.spatial_rank) + " stride " + SizesText(a.stride, a.spatial_rank);
}

std::string DescribeLayer(const ConvAttributes& a) {
  std::string text = SizesText(a.kernel, a.spatial_rank);
  if (a.upsample != SpatialSizes{1, 1, 1}) {
    text += " of nearest upsampling by " + SizesText(a.upsample, a.spatial_rank);
  }
  if (a.shuffle != SpatialSizes{1, 1, 1}) text += " and pixel shuffle by " + SizesText(a.shuffle, a.spatial_rank);
  return text;
}

}  // namespace

std::string PhaseConvOperator::Describe() const {
  return std::visit(
      [&](const auto& a) {
        return Format("%s %s, %" PRId64 " -> %" PRId64 " channels, groups %" PRId64
                      "%s; target %s; %zu bytes of weights held",
                      name, DescribeLayer(a).c_str(), input_channels, output_channels, a.groups,
                      DescribeSaving().c_str(), kernels.target.name, weights.bytes());
      },
      attributes);
}

std::string PhaseConvOperator::DescribeSaving() const {
  if (saving == 1) return "";
  return saving > 1 ? Format(", %.3g times fewer multiplications than unfused", saving)
                    : Format(", %.3g times more multiplications than unfused", 1 / saving);
}

Status FinishPhaseConvOperator(const Epilogue& epilogue, ConvWeightsSource source, const OperatorOptions& options,
                               const std::shared_ptr<PhaseConvOperator>& op) {
  Status status = SelectKernels(options.isa, &op->kernels);
  if (!status.ok()) return status;
  const ConvTileKernels& kernels = op->kernels.conv;
  if (source.ic > 1 || source.groups == 1) ChooseJoin(op.get(), source.oc, kernels.lanes);
  source.phases = &op->phases;
  source.joined = &op->joined;
  source.join = op->join;
  source.gemm = op->gemm;
  status = op->weights.Init(op->name, source, options.runtime, kernels.lanes, kernels.max_vectors);
  if (!status.ok()) return status;
  Epilogue rest = epilogue;
  rest.scale = rest.shift = nullptr;
  status = op->epilogue.Init(op->name, rest, options.runtime);
  if (!status.ok()) return status;
  if (op->spatial_rank == 1 && op->weights.HasForms()) {
    // The length decides nothing but the last percents; this one is about a second of speech.
    TensorDesc input = TensorDesc::Make(1, op->input_channels, {1024});
    PhaseConvPlan plan;
    std::string reason;
    status = NormalizeTensor("input", &input);
    if (status.ok()) status = MakePhaseConvPlan(op, input, {}, 1, &plan, &reason);
    if (status.code() == StatusCode::kOutOfMemory) return status;
    if (status.ok()) op->algorithm = plan.algorithm;  // otherwise the layer has no output of this length
  }
  return Status();
}

}  // namespace polyphase::internal
