// The choice between comparison and scatter of MaxUnpool, tiles and tasks.
#include "plan/max_unpool.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <utility>

#include "base/checked_math.h"
#include "base/format.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "max_unpool";
// What a tile reads and writes should stay in L1 and L2.
constexpr int64_t kTileBytes = 64 * 1024;
constexpr int64_t kMinTile = 16;
// Fewer outputs than this (about 10 microseconds) are not worth a task of their own.
constexpr double kTaskOutputs = 64 * 1024;

bool IsDisjoint(const PoolAxes& axes) {
  double taps = 1;
  for (const PoolAxis& axis : axes) {
    if (axis.kernel != axis.stride || axis.padding_begin != 0 || axis.padding_end != 0) return false;
    taps *= static_cast<double>(axis.kernel);
  }
  return taps <= kMaxUnpoolTaps;
}

// A tensor of `size` must exist where indices count in one that is not the output.
Status CheckIndexSize(const TensorDesc& output, const SpatialSizes& size) {
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (size[axis] >= 1) continue;
    return Status::InvalidArgument("%s indices_in_default_size = 1: the default output size[%s] is %" PRId64
                                   ", must be at least 1",
                                   kOp, AxisName(axis), size[axis]);
  }
  int64_t count = std::max<int64_t>(output.n, 1);
  bool fits = CheckedMul(count, output.c, &count);
  for (const int64_t s : size) fits = fits && CheckedMul(count, s, &count);
  if (fits) return Status();
  return Status::InvalidArgument("%s indices_in_default_size = 1: the default output has more than 2^63 elements", kOp);
}

}  // namespace

std::string MaxUnpoolOperator::Describe() const {
  const PoolWindow& window = attributes.window;
  return Format("%s kernel %" PRId64 "x%" PRId64 "x%" PRId64 " stride %" PRId64 "x%" PRId64 "x%" PRId64 "; target %s",
                kOp, window.kernel[kDepth], window.kernel[kRow], window.kernel[kColumn], window.stride[kDepth],
                window.stride[kRow], window.stride[kColumn], kernels.target.name);
}

Status CreateMaxUnpoolOperator(const MaxUnpoolAttributes& attributes, const OperatorOptions& options,
                               std::shared_ptr<const MaxUnpoolOperator>* result) {
  auto op = std::make_shared<MaxUnpoolOperator>();
  op->attributes = attributes;
  PoolWindow& window = op->attributes.window;
  Status status = ExpandPoolWindow(kOp, &window);
  if (status.ok()) status = ValidatePoolWindow(kOp, window, true);
  if (status.ok()) status = ValidateIndexConvention(kOp, window, attributes.index_convention);
  if (status.ok()) status = SelectKernels(options.isa, &op->kernels);
  if (!status.ok()) return status;
  *result = std::move(op);
  return Status();
}

Status MakeMaxUnpoolPlan(std::shared_ptr<const MaxUnpoolOperator> shared_op, const TensorDesc& input,
                         const PlanOptions& options, size_t threads, MaxUnpoolPlan* plan, std::string* reason) {
  const MaxUnpoolAttributes& a = shared_op->attributes;
  plan->op = std::move(shared_op);
  plan->input = input;
  SpatialSizes default_size{};
  Status status = MakeUnpoolAxes(kOp, a.window, input, ExpandOutputSize(options.output_size, a.window.spatial_rank),
                                 &plan->axes, &default_size);
  if (!status.ok()) return status;
  SpatialSizes size{};
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) size[axis] = plan->axes[axis].full;
  status = InferOutput(input, options.output ? &*options.output : nullptr, input.c, size, &plan->output);
  if (!status.ok()) return status;
  plan->index_size = a.indices_in_default_size ? default_size : size;
  if (status = CheckIndexSize(plan->output, plan->index_size); !status.ok()) return status;
  plan->index_map = MakeIndexMap(a.index_convention, false, a.window, input.n, input.c, plan->index_size);
  status = InferIndices(kOp, plan->index_map, input, options.indices ? &*options.indices : nullptr,
                        &plan->indices.emplace());
  if (!status.ok()) return status;

  const TensorDesc& indices = *plan->indices;
  plan->element_log2 = 0;
  while ((size_t{1} << plan->element_log2) < ElementSize(input.dtype)) ++plan->element_log2;
  // Lanes are pixels of a row where that is a vector at least; narrower rows were 20 times slower so than with channels.
  const bool planar = input.layout == Layout::kNchw && indices.layout == Layout::kNchw &&
                      plan->output.layout == Layout::kNchw && input.size[kColumn] >= kLineLanes;
  plan->width = planar ? 1 : kLineLanes;
  plan->disjoint = IsDisjoint(plan->axes);
  *reason = plan->disjoint ? "windows do not overlap" : "windows overlap, have gaps, paddings or many taps";
  if (input.n == 0) return Status();

  plan->block_tasks = DivCeil(input.c, plan->width);
  const int64_t planes = input.n * plan->block_tasks;
  const double outputs = static_cast<double>(input.n) * static_cast<double>(input.c) *
                         static_cast<double>(plan->output_rows()) * static_cast<double>(size[kColumn]);
  const double wanted = threads <= 1 ? 1 : std::min(4.0 * static_cast<double>(threads), outputs / kTaskOutputs);
  const auto parts = [&](int64_t others) {
    return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(wanted / static_cast<double>(others))));
  };
  // Every band reads all indices of its plane: only as many as there are threads.
  plan->bands = std::min(std::min(parts(planes), DivCeil(static_cast<int64_t>(threads), planes)), plan->output_plane());
  if (!plan->disjoint) return Status();

  const int64_t element = int64_t{1} << plan->element_log2;
  const int64_t kernel = plan->axes[kColumn].kernel;
  const int64_t bytes = kLineLanes * (element * (1 + kernel) + int64_t{sizeof(int64_t)} + int64_t{sizeof(int32_t)});
  plan->tile = std::min(input.size[kColumn], std::max(kMinTile, kTileBytes / bytes));
  // Planar taps are found for 16 pixels at once; a tile holds whole vectors.
  if (planar) plan->tile = std::min(input.size[kColumn], plan->tile * kLineLanes);
  // Taps are written for whole vectors, from any pixel on.
  const int64_t elements = plan->tile * plan->width + kLineLanes;
  plan->value_bytes = RoundUp(elements * element, 64);
  plan->index_bytes = RoundUp(elements * static_cast<int64_t>(ElementSize(indices.dtype)), 64);
  plan->tap_bytes = RoundUp(elements * int64_t{sizeof(int32_t)}, 64);
  plan->output_bytes = planar ? 0 : RoundUp(plan->tile * kernel * plan->width * element, 64);
  plan->tile_tasks = DivCeil(input.size[kColumn], plan->tile);
  plan->rows_per_task = DivCeil(plan->output_rows(), parts(planes * plan->tile_tasks));
  plan->row_tasks = DivCeil(plan->output_rows(), plan->rows_per_task);
  return Status();
}

}  // namespace polyphase::internal
