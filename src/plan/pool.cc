// Tiles, tasks and workspace of MaxPool, AvgPool and AvgUnpool.
#include "plan/pool.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <limits>
#include <utility>

#include "base/checked_math.h"
#include "base/format.h"

namespace polyphase::internal {
namespace {

// What a tile reads and writes should stay in L2 beside the tensors that pass through it.
constexpr int64_t kTileBytes = 256 * 1024;
constexpr int64_t kMinTile = 16;
// Pointers to more rows of a box than this are not kept at once.
constexpr int64_t kMaxBoxRows = 1024;
// A worker's memory, far beyond what any machine has, that cannot overflow when it is multiplied by kMaxThreads.
constexpr int64_t kMaxWorkerBytes = int64_t{1} << 48;
// Fewer inputs than this (about 10 microseconds) are not worth a task of their own.
constexpr double kTaskInputs = 128 * 1024;

constexpr int64_t kPixelBytes = kLineLanes * int64_t{sizeof(float)};

Status CheckType(const PoolOperator& op, DataType dtype, Conversion* conversion) {
  switch (dtype) {
    case DataType::kF32: *conversion = Conversion::kF32; return Status();
    case DataType::kF16: *conversion = Conversion::kF16; return Status();
    case DataType::kBF16: *conversion = Conversion::kBF16; return Status();
    case DataType::kU8:
      if (op.kind == PoolKind::kAverageUnpool) break;
      *conversion = Conversion::kU8;
      return Status();
    default: break;
  }
  return Status::Unsupported("%s input dtype = %d: must be kF32, kF16%s", op.name(), static_cast<int>(dtype),
                             op.kind == PoolKind::kAverageUnpool ? " or kBF16" : ", kBF16 or kU8");
}

Status Create(PoolOperator op, const OperatorOptions& options, std::shared_ptr<const PoolOperator>* result) {
  const bool unpool = op.kind == PoolKind::kAverageUnpool;
  Status status = ExpandPoolWindow(op.name(), &op.window);
  if (status.ok()) status = ValidatePoolWindow(op.name(), op.window, unpool);
  if (status.ok()) status = ValidateIndexConvention(op.name(), op.window, op.index_convention);
  if (status.ok()) status = ValidateDivisor(op.name(), op.divisor_override);
  if (status.ok()) status = SelectKernels(options.isa, &op.kernels);
  if (!status.ok()) return status;
  *result = std::make_shared<PoolOperator>(std::move(op));
  return Status();
}

// The positions within one window are added up in 32 bits.
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
                             plan.op->name(), plan.axes[kDepth].kernel, plan.axes[kRow].kernel,
                             plan.axes[kColumn].kernel);
}

// Whether the windows' divisors differ: one sticks out of what counts.
bool DivisorsDiffer(const PoolPlan& plan) {
  const PoolOperator& op = *plan.op;
  if (!op.divide || op.divisor_override != 0) return false;
  for (const PoolAxis& axis : plan.axes) {
    if (axis.Count(0, op.count_include_pad) != axis.kernel ||
        axis.Count(axis.pooled - 1, op.count_include_pad) != axis.kernel) {
      return true;
    }
  }
  return false;
}

// Most input columns that `tile` neighbouring outputs read.
int64_t TileInputs(const PoolPlan& plan, int64_t tile) {
  const PoolAxis& x = plan.axes[kColumn];
  const int64_t in = plan.input.size[kColumn];
  if (plan.unpool()) return std::min(in, (tile - 1) / x.stride + 1 + x.MaxWindows());
  if (x.EffectiveKernel() >= in || tile - 1 > (in - x.EffectiveKernel()) / x.stride) return in;
  return (tile - 1) * x.stride + x.EffectiveKernel();
}

// Slots of a ring along an axis: the inputs that one output reads are in different ones.
int64_t RingSlots(const PoolPlan& plan, int axis) {
  return plan.unpool() ? plan.axes[axis].MaxWindows()
                       : std::min(plan.axes[axis].EffectiveKernel(), plan.input.size[axis]);
}

// Outputs of a tile, slots of the strip, workspace.
Status SetTile(PoolPlan* plan) {
  const bool packs = plan->divide_inputs || !(plan->input.c % kLineLanes == 0 && IsPoolPanel(plan->input, 0));
  const int64_t box_rows =
      std::min(plan->MaxInputs(kRow), kMaxBoxRows) * std::min(plan->MaxInputs(kDepth), kMaxBoxRows);
  // Values, positions and two words of index for each output.
  const int64_t output_bytes = kPixelBytes * (plan->indices ? 4 : 1);
  const double ring_rows = static_cast<double>(RingSlots(*plan, kRow)) * static_cast<double>(RingSlots(*plan, kDepth));
  const auto tile_bytes = [&](int64_t tile) {
    return static_cast<double>(tile) * static_cast<double>(output_bytes) +
           (packs ? ring_rows * static_cast<double>(TileInputs(*plan, tile)) * static_cast<double>(kPixelBytes) : 0.0);
  };
  plan->tile = plan->output.size[kColumn];
  // Not so small that neighbouring tiles read mostly the same inputs.
  while (plan->tile > kMinTile && tile_bytes(plan->tile) > kTileBytes &&
         (plan->tile > kTileBytes / 2 / output_bytes || TileInputs(*plan, plan->tile) > 2 * TileInputs(*plan, 1))) {
    plan->tile = DivCeil(plan->tile, 2);
  }
  // Strides so large that one row is too long.
  while (packs && plan->tile > 1 && TileInputs(*plan, plan->tile) > kTileBytes / kPixelBytes &&
         TileInputs(*plan, plan->tile) > 2 * TileInputs(*plan, 1)) {
    plan->tile = DivCeil(plan->tile, 2);
  }
  plan->tile_inputs = packs ? TileInputs(*plan, plan->tile) : 0;
  plan->box_rows = std::min(box_rows, kMaxBoxRows);
  if (packs) {
    int64_t row_bytes = 0;
    const bool fits = CheckedMul(plan->tile_inputs, kPixelBytes, &row_bytes) && row_bytes <= kMaxWorkerBytes / 2;
    if (!fits) {
      return Status::InvalidArgument("%s input size[W] = %" PRId64 ": a row of it exceeds any memory", plan->op->name(),
                                     plan->input.size[kColumn]);
    }
    if (tile_bytes(plan->tile) <= kTileBytes) {
      plan->ring_y = RingSlots(*plan, kRow);
      plan->ring_z = RingSlots(*plan, kDepth);
      plan->slots = plan->ring_y * plan->ring_z;
    } else {
      plan->box_rows = std::min(plan->box_rows, std::max<int64_t>(1, kTileBytes / row_bytes));
      plan->slots = plan->box_rows;
    }
  }
  plan->worker_bytes =
      RoundUp(plan->slots * int64_t{sizeof(int64_t)}, 64) + RoundUp(plan->box_rows * int64_t{sizeof(float*)}, 64) +
      RoundUp(plan->box_rows * int64_t{sizeof(int32_t)}, 64) + plan->strip_bytes() + plan->tile * output_bytes;
  return Status();
}

}  // namespace

bool IsPoolPanel(const TensorDesc& desc, int64_t channel) {
  if (desc.dtype != DataType::kF32 || channel + kLineLanes > desc.c) return false;
  return desc.layout == Layout::kNhwc || desc.channel_block == kLineLanes;
}

const char* PoolOperator::name() const {
  switch (kind) {
    case PoolKind::kMax: return "max_pool";
    case PoolKind::kAverage: return "avg_pool";
    case PoolKind::kAverageUnpool: return "avg_unpool";
  }
  return "?";
}

std::string PoolOperator::Describe() const {
  return Format("%s kernel %" PRId64 "x%" PRId64 "x%" PRId64 " stride %" PRId64 "x%" PRId64 "x%" PRId64 "; target %s",
                name(), window.kernel[kDepth], window.kernel[kRow], window.kernel[kColumn], window.stride[kDepth],
                window.stride[kRow], window.stride[kColumn], kernels.target.name);
}

Status CreateMaxPoolOperator(const MaxPoolAttributes& attributes, const OperatorOptions& options,
                             std::shared_ptr<const PoolOperator>* result) {
  PoolOperator op;
  op.kind = PoolKind::kMax;
  op.window = attributes.window;
  op.index_convention = attributes.index_convention;
  op.column_major = attributes.column_major;
  return Create(std::move(op), options, result);
}

Status CreateAvgPoolOperator(const AvgPoolAttributes& attributes, const OperatorOptions& options,
                             std::shared_ptr<const PoolOperator>* result) {
  PoolOperator op;
  op.kind = PoolKind::kAverage;
  op.window = attributes.window;
  op.count_include_pad = attributes.count_include_pad;
  op.divisor_override = attributes.divisor_override;
  return Create(std::move(op), options, result);
}

Status CreateAvgUnpoolOperator(const AvgUnpoolAttributes& attributes, const OperatorOptions& options,
                               std::shared_ptr<const PoolOperator>* result) {
  PoolOperator op;
  op.kind = PoolKind::kAverageUnpool;
  op.window = attributes.window;
  op.count_include_pad = attributes.count_include_pad;
  op.divisor_override = attributes.divisor_override;
  if (attributes.mode != AvgUnpoolMode::kAdjoint && attributes.mode != AvgUnpoolMode::kCopy) {
    return Status::InvalidArgument("%s mode = %d: not an AvgUnpoolMode", op.name(), static_cast<int>(attributes.mode));
  }
  op.divide = attributes.mode == AvgUnpoolMode::kAdjoint;
  return Create(std::move(op), options, result);
}

Status MakePoolPlan(std::shared_ptr<const PoolOperator> shared_op, const TensorDesc& input, const PlanOptions& options,
                    size_t threads, PoolPlan* plan, std::string* reason) {
  plan->op = std::move(shared_op);
  const PoolOperator& op = *plan->op;
  plan->input = input;
  Status status = CheckType(op, input.dtype, &plan->conversion);
  if (!status.ok()) return status;
  status = plan->unpool()
               ? MakeUnpoolAxes(op.name(), op.window, input,
                                ExpandOutputSize(options.output_size, op.window.spatial_rank), &plan->axes, nullptr)
               : MakePoolAxes(op.name(), op.window, input, &plan->axes);
  if (!status.ok()) return status;
  SpatialSizes size{};
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    size[axis] = plan->unpool() ? plan->axes[axis].full : plan->axes[axis].pooled;
  }
  status = InferOutput(input, options.output ? &*options.output : nullptr, input.c, size, &plan->output);
  if (status.ok() && op.kind == PoolKind::kMax) {
    plan->index_map = MakeIndexMap(op.index_convention, op.column_major, op.window, input.n, input.c, input.size);
    status = InferIndices(op.name(), plan->index_map, plan->output, options.indices ? &*options.indices : nullptr,
                          &plan->indices.emplace());
    if (status.ok()) status = CheckWindowPositions(*plan);
  }
  if (!status.ok()) return status;
  plan->divide_inputs = plan->unpool() && DivisorsDiffer(*plan);
  if (status = SetTile(plan); !status.ok()) return status;
  *reason = plan->tile_inputs == 0 ? "rows are read where they are"
            : plan->divide_inputs  ? "rows are packed and divided"
            : plan->ring_y > 0     ? "rows are packed into a ring"
                                   : "rows are packed for each window";
  if (input.n == 0) return Status();

  plan->block_tasks = DivCeil(input.c, kLineLanes);
  plan->tile_tasks = DivCeil(size[kColumn], plan->tile);
  const int64_t rows = plan->output_rows();
  double inputs = static_cast<double>(input.n) * static_cast<double>(input.c);
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    inputs *= static_cast<double>(size[axis]) * static_cast<double>(plan->MaxInputs(axis));
  }
  const double wanted = threads <= 1 ? 1 : std::min(4.0 * static_cast<double>(threads), inputs / kTaskInputs);
  const double others =
      static_cast<double>(input.n) * static_cast<double>(plan->block_tasks) * static_cast<double>(plan->tile_tasks);
  const auto row_tasks = static_cast<int64_t>(std::ceil(wanted / others));
  // Every further task packs rows that its neighbour packs as well, hence not too short ones.
  const int64_t min_rows = std::min<int64_t>(rows, plan->tile_inputs > 0 ? 8 : 1);
  plan->rows_per_task = std::max(min_rows, DivCeil(rows, std::max<int64_t>(1, row_tasks)));
  plan->row_tasks = DivCeil(rows, plan->rows_per_task);
  return Status();
}

}  // namespace polyphase::internal
