// Sets tiles, tasks and workspace of MaxPool, AvgPool and AvgUnpool.
#include "plan/pool.h"

#include <algorithm>
#include <cinttypes>
#include <limits>
#include <utility>

#include "base/checked_math.h"
#include "base/format.h"
#include "base/status.h"
#include "geometry/enum_names.h"
#include "plan/addressing.h"
#include "plan/conversion.h"

namespace polyphase::internal {
namespace {

// The inputs and outputs of a tile should stay in L2 beside the tensors that pass through it.
constexpr int64_t kTileBytes = 256 * 1024;
constexpr int64_t kMinTile = 16;
// At most this many pointers to rows of a box are kept at once.
constexpr int64_t kMaxBoxRows = 1024;
// Fewer inputs than this (about 10 microseconds) are not worth a task of their own.
constexpr double kTaskInputs = 128 * 1024;

Status CheckType(const PoolOperator& op, DataType dtype, Conversion* conversion) {
  const bool bytes = dtype == DataType::kU8 && op.kind != PoolKind::kAverageUnpool;
  if (IsFloat(dtype) || bytes) {
    *conversion = bytes ? Conversion::kU8 : FloatConversion(dtype);
    return Status();
  }
  return Status::Unsupported("%s input dtype = %s: must be kF32, kF16%s", op.name, EnumName(dtype).c_str(),
                             op.kind == PoolKind::kAverageUnpool ? " or kBF16" : ", kBF16 or kU8");
}

// Completes `op`, which has its kind and attributes.
Status Finish(const char* name, const std::shared_ptr<PoolOperator>& op, const OperatorOptions& options,
              std::shared_ptr<OperatorImpl>* result) {
  const bool unpool = op->kind == PoolKind::kAverageUnpool;
  op->name = name;
  op->takes.output_indices = op->kind == PoolKind::kMax;
  op->takes.output_size = unpool;
  POLYPHASE_RETURN_IF_ERROR(ExpandPoolWindow(name, &op->window));
  POLYPHASE_RETURN_IF_ERROR(ValidatePoolWindow(name, op->window, unpool));
  POLYPHASE_RETURN_IF_ERROR(ValidateIndexConvention(name, op->window, op->index_convention));
  POLYPHASE_RETURN_IF_ERROR(ValidateDivisor(name, op->divisor_override));
  POLYPHASE_RETURN_IF_ERROR(SelectKernels(options.isa, &op->kernels));
  *result = op;
  return Status();
}

// Fails unless the positions within one window, which are added up in 32 bits, fit.
Status CheckWindowPositions(const PoolPlan& plan) {
  int64_t last = 0;
  bool fits = true;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const PoolAxis& a = plan.axes[axis];
    const int64_t step = plan.index_map.window ? 1 : a.dilation;
    int64_t steps = 0;
    fits = fits && CheckedMul(a.MaxElements() - 1, step, &steps) &&
           CheckedMul(steps, plan.index_map.step[axis], &steps) && CheckedAdd(last, steps, &last);
  }
  if (fits && last <= std::numeric_limits<int32_t>::max()) return Status();
  return Status::Unsupported("%s kernel = %" PRId64 "x%" PRId64 "x%" PRId64
                             ": the first and the last index of a window are more than 2^31 - 1 apart",
                             plan.op.name, plan.axes[kDepth].kernel, plan.axes[kRow].kernel, plan.axes[kColumn].kernel);
}

// Returns whether the divisors of the windows differ, because one sticks out of what counts.
bool DivisorsDiffer(const PoolPlan& plan) {
  const PoolOperator& op = plan.op;
  if (!op.divide || op.divisor_override != 0) return false;
  for (const PoolAxis& axis : plan.axes) {
    if (axis.Count(0, op.count_include_pad) != axis.kernel ||
        axis.Count(axis.pooled - 1, op.count_include_pad) != axis.kernel) {
      return true;
    }
  }
  return false;
}

// Returns the most input columns that `tile` neighbouring outputs read.
int64_t TileInputs(const PoolPlan& plan, int64_t tile) {
  const PoolAxis& x = plan.axes[kColumn];
  const int64_t in = plan.input.size[kColumn];
  if (plan.unpool()) return std::min(in, (tile - 1) / x.stride + 1 + x.MaxWindows());
  if (x.EffectiveKernel() >= in || tile - 1 > (in - x.EffectiveKernel()) / x.stride) return in;
  return (tile - 1) * x.stride + x.EffectiveKernel();
}

// Returns the slots of a ring along an axis: the inputs that one output reads must be in different slots.
int64_t RingSlots(const PoolPlan& plan, int axis) {
  return plan.unpool() ? plan.axes[axis].MaxWindows()
                       : std::min(plan.axes[axis].EffectiveKernel(), plan.input.size[axis]);
}

// Sets the outputs of a tile and the slots of the strip.
void SetTile(PoolPlan* plan) {
  const bool lines = plan->conversion == Conversion::kF32 && plan->input.c % kLineLanes == 0 && IsLine(plan->input, 0);
  const bool packs = plan->divide_inputs || !lines;
  // Each output has a value, a position and two words of index.
  const int64_t output_bytes = kLineBytes * (plan->indices ? 4 : 1);
  const double ring_rows = static_cast<double>(RingSlots(*plan, kRow)) * static_cast<double>(RingSlots(*plan, kDepth));
  const auto tile_bytes = [&](int64_t tile) {
    return static_cast<double>(tile) * static_cast<double>(output_bytes) +
           (packs ? ring_rows * static_cast<double>(TileInputs(*plan, tile)) * static_cast<double>(kLineBytes) : 0.0);
  };
  int64_t tile = plan->output.size[kColumn];
  // A tile is not made so small that neighbouring tiles read mostly the same inputs.
  while (tile > kMinTile && tile_bytes(tile) > kTileBytes &&
         (tile > kTileBytes / 2 / output_bytes || TileInputs(*plan, tile) > 2 * TileInputs(*plan, 1))) {
    tile = DivCeil(tile, 2);
  }
  // With a large stride even one row of such a tile may be too long.
  while (packs && tile > 1 && TileInputs(*plan, tile) > kTileBytes / kLineBytes &&
         TileInputs(*plan, tile) > 2 * TileInputs(*plan, 1)) {
    tile = DivCeil(tile, 2);
  }
  plan->columns = CutEvery(plan->output.size[kColumn], tile);
  const int64_t box_rows =
      std::min(plan->MaxInputs(kRow), kMaxBoxRows) * std::min(plan->MaxInputs(kDepth), kMaxBoxRows);
  plan->box_rows = std::min(box_rows, kMaxBoxRows);
  if (!packs) return;
  plan->tile_inputs = TileInputs(*plan, tile);
  if (tile_bytes(tile) <= kTileBytes) {
    plan->ring_y = RingSlots(*plan, kRow);
    plan->ring_z = RingSlots(*plan, kDepth);
    plan->slots = plan->ring_y * plan->ring_z;
  } else {
    plan->box_rows = std::min(plan->box_rows, std::max<int64_t>(1, kTileBytes / kLineBytes / plan->tile_inputs));
    plan->slots = plan->box_rows;
  }
}

}  // namespace

PoolScratch::PoolScratch(const PoolPlan& plan, Arena& arena)
    : held(arena.Take<int64_t>("held rows", {plan.slots})),
      rows(arena.Take<const float*>("rows", {plan.box_rows})),
      row_positions(arena.Take<int32_t>("row positions", {plan.box_rows})),
      strip(arena.Take<float>("input rows", {plan.slots, plan.tile_inputs, kLineLanes})),
      values(arena.Take<float>("values", {plan.columns.length, kLineLanes})),
      positions(arena.Take<int32_t>("positions", {plan.indices ? plan.columns.length : 0, kLineLanes})),
      indices(arena.Take<int64_t>("indices", {plan.indices ? plan.columns.length : 0, kLineLanes})) {}

std::string PoolOperator::Describe() const {
  return Format("%s kernel %" PRId64 "x%" PRId64 "x%" PRId64 " stride %" PRId64 "x%" PRId64 "x%" PRId64 "; target %s",
                name, window.kernel[kDepth], window.kernel[kRow], window.kernel[kColumn], window.stride[kDepth],
                window.stride[kRow], window.stride[kColumn], kernels.target.name);
}

Status CreateMaxPoolOperator(const MaxPoolAttributes& attributes, const OperatorOptions& options,
                             std::shared_ptr<OperatorImpl>* result) {
  auto op = std::make_shared<PoolOperator>();
  op->kind = PoolKind::kMax;
  op->window = attributes.window;
  op->index_convention = attributes.index_convention;
  op->column_major = attributes.column_major;
  return Finish("max_pool", op, options, result);
}

Status CreateAvgPoolOperator(const AvgPoolAttributes& attributes, const OperatorOptions& options,
                             std::shared_ptr<OperatorImpl>* result) {
  auto op = std::make_shared<PoolOperator>();
  op->kind = PoolKind::kAverage;
  op->window = attributes.window;
  op->count_include_pad = attributes.count_include_pad;
  op->divisor_override = attributes.divisor_override;
  return Finish("avg_pool", op, options, result);
}

Status CreateAvgUnpoolOperator(const AvgUnpoolAttributes& attributes, const OperatorOptions& options,
                               std::shared_ptr<OperatorImpl>* result) {
  constexpr const char* kName = "avg_unpool";
  if (attributes.mode != AvgUnpoolMode::kAdjoint && attributes.mode != AvgUnpoolMode::kCopy) {
    return Status::InvalidArgument("%s mode = %d: not an AvgUnpoolMode", kName, static_cast<int>(attributes.mode));
  }
  auto op = std::make_shared<PoolOperator>();
  op->kind = PoolKind::kAverageUnpool;
  op->window = attributes.window;
  op->count_include_pad = attributes.count_include_pad;
  op->divisor_override = attributes.divisor_override;
  op->divide = attributes.mode == AvgUnpoolMode::kAdjoint;
  return Finish(kName, op, options, result);
}

Status PoolOperator::MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                              std::unique_ptr<PlanImpl>* result) const {
  auto owned = std::make_unique<PoolPlan>(*this);
  PoolPlan* const plan = owned.get();
  *result = std::move(owned);
  plan->input = input;
  POLYPHASE_RETURN_IF_ERROR(CheckType(*this, input.dtype, &plan->conversion));
  POLYPHASE_RETURN_IF_ERROR(plan->unpool() ? MakeUnpoolAxes(name, window, input,
                                                            ExpandOutputSize(options.output_size, window.spatial_rank),
                                                            &plan->axes, nullptr)
                                           : MakePoolAxes(name, window, input, &plan->axes));
  SpatialSizes size{};
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    size[axis] = plan->unpool() ? plan->axes[axis].full : plan->axes[axis].pooled;
  }
  POLYPHASE_RETURN_IF_ERROR(
      InferOutput(input, options.output ? &*options.output : nullptr, input.c, size, &plan->output));
  if (kind == PoolKind::kMax) {
    plan->index_map = MakeIndexMap(index_convention, column_major, window, input.n, input.c, input.size);
    POLYPHASE_RETURN_IF_ERROR(InferIndices(name, plan->index_map, plan->output,
                                           options.indices ? &*options.indices : nullptr, &plan->indices.emplace()));
    POLYPHASE_RETURN_IF_ERROR(CheckWindowPositions(*plan));
  }
  plan->divide_inputs = plan->unpool() && DivisorsDiffer(*plan);
  SetTile(plan);
  Arena arena;
  PoolScratch(*plan, arena);
  POLYPHASE_RETURN_IF_ERROR(arena.Check(name));
  plan->worker_bytes = arena.bytes();
  plan->choice = Format("%s, tiles of %" PRId64 " columns", name, plan->columns.length);
  plan->reason = plan->tile_inputs == 0 ? "rows are read where they are"
                 : plan->divide_inputs  ? "rows are packed and divided"
                 : plan->ring_y > 0     ? "rows are packed into a ring"
                                        : "rows are packed for each window";
  if (input.n == 0) return Status();

  plan->channels = CutEvery(input.c, kLineLanes);
  const int64_t rows = size[kDepth] * size[kRow];
  double inputs = static_cast<double>(input.n) * static_cast<double>(input.c);
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    inputs *= static_cast<double>(size[axis]) * static_cast<double>(plan->MaxInputs(axis));
  }
  const int64_t others = input.n * plan->channels.count * plan->columns.count;
  // Tasks are not too short, because every further one packs rows that its neighbour packs as well.
  plan->rows = CutForTasks(rows, WantedTasks(threads, inputs / kTaskInputs), others, plan->tile_inputs > 0 ? 8 : 1);
  plan->tasks = others * plan->rows.count;
  return Status();
}

}  // namespace polyphase::internal
