// Chooses what is in the lanes of ConvexUpsample, and sets tiles and tasks.
#include "plan/convex_upsample.h"

#include <algorithm>
#include <cinttypes>
#include <utility>

#include "base/format.h"
#include "base/line.h"
#include "base/status.h"
#include "geometry/convex_upsample.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "convex_upsample";
// The inputs and outputs of a tile should stay in L1 and L2.
constexpr double kTileFloats = 16 * 1024;
constexpr int64_t kMinTile = 16;
// A weight costs as much as so many multiplications, mostly for its exponential.
constexpr double kWeightMacs = 12;

}  // namespace

std::string ConvexUpsampleOperator::Describe() const {
  return Format("%s factor %" PRId64 " scale %s mask_scale %s; target %s", kOp, attributes.factor,
                ExactText(attributes.scale).c_str(), ExactText(attributes.mask_scale).c_str(), kernels.target.name);
}

ConvexUpsampleScratch::ConvexUpsampleScratch(const ConvexUpsamplePlan& plan, Arena& arena)
    : row_step(plan.columns.length + 2) {
  const int64_t tile = plan.columns.length;
  const int64_t channels = plan.input.c;
  values = arena.Take<float>("input rows", {3, channels, row_step});
  mask = arena.Take<float>("mask", {plan.mask_in_place ? 0 : plan.mask->c, plan.lanes_are_pixels ? tile : 1});
  panel = arena.Take<float>("outputs", {plan.lanes_are_pixels ? plan.factor() : plan.phases(), channels, tile});
  line = arena.Take<float>("row", {plan.output.layout == Layout::kNchw ? 0 : channels, plan.factor(), tile});
}

Status CreateConvexUpsampleOperator(const ConvexUpsampleAttributes& attributes, const OperatorOptions& options,
                                    std::shared_ptr<OperatorImpl>* result) {
  auto op = std::make_shared<ConvexUpsampleOperator>();
  op->name = kOp;
  op->takes.mask = true;
  op->attributes = attributes;
  POLYPHASE_RETURN_IF_ERROR(ValidateConvexUpsample(&op->attributes));
  POLYPHASE_RETURN_IF_ERROR(SelectKernels(options.isa, &op->kernels));
  *result = op;
  return Status();
}

Status ConvexUpsampleOperator::MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                                        std::unique_ptr<PlanImpl>* result) const {
  auto owned = std::make_unique<ConvexUpsamplePlan>(*this);
  ConvexUpsamplePlan* const plan = owned.get();
  *result = std::move(owned);
  plan->input = input;
  POLYPHASE_RETURN_IF_ERROR(InferConvexUpsample(attributes, options.output ? &*options.output : nullptr,
                                                options.mask ? &*options.mask : nullptr, plan));
  const TensorDesc& mask = *plan->mask;
  const int64_t phases = plan->phases();
  const bool planes = mask.layout == Layout::kNchw;
  const bool blocks = mask.layout == Layout::kNchwc && phases % mask.channel_block == 0;
  plan->lanes_are_pixels = planes || phases < kLineLanes;
  plan->mask_in_place = plan->lanes_are_pixels ? planes : mask.layout == Layout::kNhwc || blocks;
  plan->group = blocks ? mask.channel_block : phases;
  plan->choice = Format("%s, lanes are %s", kOp, plan->lanes_are_pixels ? "pixels" : "the outputs of a pixel");
  plan->reason = plan->mask_in_place      ? "the mask is read where it is"
                 : plan->lanes_are_pixels ? "the mask is transposed into planes"
                                          : "the mask is copied pixel by pixel";
  if (IsEmpty(input)) return Status();

  const double outputs = static_cast<double>(plan->lanes_are_pixels ? plan->factor() : plan->phases());
  const double row = plan->output.layout == Layout::kNchw ? 0.0 : static_cast<double>(plan->factor());
  const bool has_planes = plan->lanes_are_pixels && !plan->mask_in_place;
  const double column_floats =
      static_cast<double>(input.c) * (3 + outputs + row) + (has_planes ? static_cast<double>(mask.c) : 0.0);
  const int64_t tile = std::max(kMinTile, static_cast<int64_t>(kTileFloats / column_floats));
  plan->columns = CutEvery(input.size[kColumn], std::min(input.size[kColumn], tile));
  const double work = static_cast<double>(input.n) * static_cast<double>(input.size[kRow]) *
                      static_cast<double>(input.size[kColumn]) * static_cast<double>(mask.c) *
                      (kWeightMacs + static_cast<double>(input.c)) / kTaskMacs;
  plan->rows = CutForTasks(input.size[kRow], WantedTasks(threads, work), input.n * plan->columns.count);
  plan->tasks = input.n * plan->columns.count * plan->rows.count;
  Arena arena;
  ConvexUpsampleScratch(*plan, arena);
  plan->worker_bytes = arena.bytes();
  return arena.Check(kOp);
}

}  // namespace polyphase::internal
