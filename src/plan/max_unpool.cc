// Chooses between comparison and scatter for MaxUnpool, and sets tiles and tasks.
#include "plan/max_unpool.h"

#include <algorithm>
#include <cinttypes>
#include <utility>

#include "base/checked_math.h"
#include "base/format.h"
#include "base/status.h"
#include "plan/addressing.h"

namespace polyphase::internal {
namespace {

constexpr char kOp[] = "max_unpool";
// The inputs and outputs of a tile should stay in L1 and L2.
constexpr int64_t kTileBytes = 64 * 1024;
constexpr int64_t kMinTile = 16;
// Planes of at most this many bytes stay in L1 between their zeros and their elements, and scattering takes 0.4 to 0.8
// of the time of comparing (deconvnet.unpool5, unpool3, segnet.up4); larger ones take 1.2 to 1.6 times as long
// (segnet.up3, up1; Zen).
constexpr int64_t kFlatBytes = 16 * 1024;
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

// Fails unless a tensor of `size` can exist, where indices count in one that is not the output.
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

MaxUnpoolScratch::MaxUnpoolScratch(const MaxUnpoolPlan& plan, Arena& arena) {
  const int64_t elements = plan.columns.length * plan.width + kLineLanes;
  const int64_t element = int64_t{1} << plan.element_log2;
  values = arena.Take<char>("values", {elements, element});
  indices = arena.Take<char>("indices", {elements, int64_t{1} << plan.index_log2});
  taps = arena.Take<int32_t>("taps", {elements});
  const int64_t outputs = plan.width == 1 ? 0 : plan.columns.length * plan.axes[kColumn].kernel;
  panel = arena.Take<char>("outputs", {outputs, plan.width, element});
}

Status CreateMaxUnpoolOperator(const MaxUnpoolAttributes& attributes, const OperatorOptions& options,
                               std::shared_ptr<OperatorImpl>* result) {
  auto op = std::make_shared<MaxUnpoolOperator>();
  op->name = kOp;
  op->takes.output_size = true;
  op->takes.input_indices = true;
  op->attributes = attributes;
  PoolWindow& window = op->attributes.window;
  POLYPHASE_RETURN_IF_ERROR(ExpandPoolWindow(kOp, &window));
  POLYPHASE_RETURN_IF_ERROR(ValidatePoolWindow(kOp, window, true));
  POLYPHASE_RETURN_IF_ERROR(ValidateIndexConvention(kOp, window, attributes.index_convention));
  POLYPHASE_RETURN_IF_ERROR(SelectKernels(options.isa, &op->kernels));
  *result = op;
  return Status();
}

Status MaxUnpoolOperator::MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                                   std::unique_ptr<PlanImpl>* result) const {
  const MaxUnpoolAttributes& a = attributes;
  auto owned = std::make_unique<MaxUnpoolPlan>(*this);
  MaxUnpoolPlan* const plan = owned.get();
  *result = std::move(owned);
  plan->input = input;
  SpatialSizes default_size{};
  POLYPHASE_RETURN_IF_ERROR(MakeUnpoolAxes(
      kOp, a.window, input, ExpandOutputSize(options.output_size, a.window.spatial_rank), &plan->axes, &default_size));
  SpatialSizes size{};
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) size[axis] = plan->axes[axis].full;
  POLYPHASE_RETURN_IF_ERROR(
      InferOutput(input, options.output ? &*options.output : nullptr, input.c, size, &plan->output));
  plan->index_size = a.indices_in_default_size ? default_size : size;
  POLYPHASE_RETURN_IF_ERROR(CheckIndexSize(plan->output, plan->index_size));
  plan->index_map = MakeIndexMap(a.index_convention, false, a.window, input.n, input.c, plan->index_size);
  POLYPHASE_RETURN_IF_ERROR(InferIndices(kOp, plan->index_map, input, options.indices ? &*options.indices : nullptr,
                                         &plan->indices.emplace()));

  plan->element_log2 = Log2Size(ElementSize(input.dtype));
  plan->index_log2 = Log2Size(ElementSize(plan->indices->dtype));
  // Lanes are pixels of a row that has at least a vector of them. Narrower rows were 20 times slower that way than with
  // channels in lanes.
  const bool planes_alone =
      input.layout == Layout::kNchw && plan->indices->layout == Layout::kNchw && plan->output.layout == Layout::kNchw;
  const bool planar = planes_alone && input.size[kColumn] >= kLineLanes;
  plan->width = planar ? 1 : kLineLanes;
  plan->flat = planes_alone && HasDensePlanes(plan->output) && !plan->index_map.window && plan->index_size == size &&
               size[kDepth] * size[kRow] * size[kColumn] <= kFlatBytes >> plan->element_log2;
  plan->disjoint = IsDisjoint(plan->axes) && !plan->flat;
  plan->choice = Format("max_unpool %s, %s", plan->disjoint ? "by comparison" : "scatter",
                        planar || plan->flat ? "planes" : "blocks of channels");
  plan->reason = plan->disjoint ? "windows do not overlap"
                 : plan->flat   ? "planes stay in L1"
                                : "windows overlap, have gaps, paddings or many taps";
  if (input.n == 0) return Status();

  const int64_t rows = size[kDepth] * size[kRow];
  const double outputs = static_cast<double>(input.n) * static_cast<double>(input.c) * static_cast<double>(rows) *
                         static_cast<double>(size[kColumn]);
  const double wanted = WantedTasks(threads, outputs / kTaskOutputs);
  plan->channels = plan->flat ? CutForTasks(input.c, wanted, input.n) : CutEvery(input.c, plan->width);
  const int64_t planes = input.n * plan->channels.count;
  // Every band reads all indices of its plane, so there are no more bands than threads.
  const double bands = plan->flat ? 1 : std::min(wanted, static_cast<double>(threads));
  plan->bands = CutForTasks(rows * size[kColumn], bands, planes);
  plan->tasks = plan->scatter_tasks();
  if (!plan->disjoint) return Status();

  const int64_t element = int64_t{1} << plan->element_log2;
  const int64_t kernel = plan->axes[kColumn].kernel;
  const int64_t bytes = kLineLanes * (element * (1 + kernel) + int64_t{sizeof(int64_t)} + int64_t{sizeof(int32_t)});
  // Planar taps are found for 16 pixels at once; a tile holds whole vectors.
  const int64_t tile = std::max(kMinTile, kTileBytes / bytes) * (planar ? kLineLanes : 1);
  plan->columns = CutEvery(input.size[kColumn], std::min(input.size[kColumn], tile));
  plan->rows = CutForTasks(rows, wanted, planes * plan->columns.count);
  plan->tasks = plan->compare_tasks();
  Arena arena;
  MaxUnpoolScratch(*plan, arena);
  plan->worker_bytes = arena.bytes();
  return arena.Check(kOp);
}

}  // namespace polyphase::internal
