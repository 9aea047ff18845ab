// Choice of path, tasks and workspace of Resize.
#include "plan/resize.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>

#include "base/checked_math.h"
#include "base/format.h"
#include "geometry/tensor.h"
#include "plan/streaming.h"

namespace polyphase::internal {
namespace {

// Fewer output elements than this (about 10 microseconds) are not worth a task of their own.
constexpr double kTaskElements = 65536;

// Vectors of outputs that read only inside of the row, the reach of the kernels included.
IndexRange DirectOutputs(const ResizeAxis& axis) {
  int64_t begin = 0;
  while (begin < axis.out && axis.first[begin] < 0) begin += kResizeLanes;
  int64_t end = axis.out / kResizeLanes * kResizeLanes;
  while (end > begin && axis.first[end - 1] + kResizeXReach > axis.in) end -= kResizeLanes;
  return begin < end ? IndexRange{begin, end} : IndexRange{0, 0};
}

// The most pixels from the first to the last source of the same tap of `lanes` neighbouring outputs.
int64_t Spread(const ResizeAxis& axis, int64_t lanes) {
  int64_t spread = 0;
  for (int64_t o = 0; o < axis.out; o += lanes) {
    spread = std::max<int64_t>(spread, axis.first[o + lanes - 1] - axis.first[o]);
  }
  return spread;
}

}  // namespace

const char* ModeName(ResizeMode mode) {
  switch (mode) {
    case ResizeMode::kNearest: return "nearest";
    case ResizeMode::kLinear: return "linear";
    case ResizeMode::kCubic: return "cubic";
  }
  return "?";
}

std::string ResizeOperator::Describe() const {
  return Format("resize %s; target %s", ModeName(attributes.mode), kernels.target.name);
}

Status CreateResizeOperator(const ResizeAttributes& attributes, const OperatorOptions& options,
                            std::shared_ptr<const ResizeOperator>* result) {
  auto op = std::make_shared<ResizeOperator>();
  op->attributes = attributes;
  Status status = ExpandResize(&op->attributes);
  if (status.ok()) status = ValidateResize(op->attributes);
  if (!status.ok()) return status;
  status = SelectKernels(options.isa, &op->kernels);
  if (!status.ok()) return status;
  *result = std::move(op);
  return Status();
}

Status MakeResizePlan(std::shared_ptr<const ResizeOperator> shared_op, const TensorDesc& input,
                      const PlanOptions& options, size_t threads, ResizePlan* plan, std::string* reason) {
  const ResizeOperator& op = *shared_op;
  if (input.dtype != DataType::kF32) {
    return Status::Unsupported("resize input dtype = %d: this version supports f32", static_cast<int>(input.dtype));
  }
  if (input.c < 1) return Status::InvalidArgument("resize input c = %" PRId64 ": must be at least 1", input.c);
  SpatialSizes size{};
  Status status = ResizeOutputSize(op.attributes, input.size, &size);
  if (!status.ok()) return status;
  plan->input = input;
  status = InferOutput(input, options.output ? &*options.output : nullptr, input.c, size, &plan->output);
  if (!status.ok()) return status;
  plan->op = std::move(shared_op);
  if (input.n == 0) {
    *reason = "nothing to do for n = 0";
    return Status();
  }
  plan->y = MakeResizeAxis(op.attributes, kRow, input.size[kRow], size[kRow]);
  plan->x = MakeResizeAxis(op.attributes, kColumn, input.size[kColumn], size[kColumn]);

  const ResizeRowKernels& kernels = op.kernels.resize;
  const bool planar = input.layout == Layout::kNchw && plan->output.layout == Layout::kNchw;
  plan->width = planar ? 1 : kResizeLanes;
  plan->direct_y = planar || plan->output.channel_block == kResizeLanes;
  plan->stream = plan->direct_y && ShouldStream(plan->output);
  const int64_t spread = planar ? Spread(plan->x, kernels.lanes) : 0;
  if (!planar) {
    plan->resize_x = kernels.block_x[plan->x.taps];
    plan->path = "channel_block";
  } else if (spread + plan->x.taps <= kernels.lanes) {
    plan->resize_x = kernels.dense_x[plan->x.taps];
    plan->path = "permute";
  } else if (spread < kernels.lanes) {
    plan->resize_x = kernels.near_x[plan->x.taps];
    plan->path = "permute_per_tap";
  } else {
    plan->resize_x = kernels.far_x[plan->x.taps];
    plan->path = "gather";
  }
  *reason = planar ? "NCHW on both sides" : "layouts other than NCHW";

  // Gathers want their row in L1 (bilinear to half size: 18 against 25 ms).
  if (planar && spread < kernels.lanes) plan->direct_x = DirectOutputs(plan->x);
  const auto packed_pixels = [&](int64_t begin, int64_t end) {
    return begin < end ? plan->x.Sources(begin, end).count() : 0;
  };
  const int64_t pixels =
      std::max(packed_pixels(0, plan->direct_x.begin), packed_pixels(plan->direct_x.end, size[kColumn]));
  plan->source_floats = RoundUp(pixels * plan->width + kResizeXReach, 16);
  plan->row_floats = plan->x.stride * plan->width;
  plan->panel_floats = plan->direct_y ? 0 : plan->row_floats;

  plan->plane_tasks = DivCeil(input.c, plan->width);
  plan->rows_per_task = size[kRow];
  const double elements = static_cast<double>(input.n) * static_cast<double>(plan->plane_tasks * plan->width) *
                          static_cast<double>(size[kRow]) * static_cast<double>(size[kColumn]);
  const double wanted = threads <= 1 ? 1 : std::min(4.0 * static_cast<double>(threads), elements / kTaskElements);
  const double row_tasks = std::ceil(wanted / (static_cast<double>(input.n) * static_cast<double>(plan->plane_tasks)));
  // Every further row task resizes a few source rows once more, hence not too short ones.
  const int64_t min_rows = std::min<int64_t>(size[kRow], 8 * plan->y.taps);
  plan->rows_per_task = std::max(min_rows, DivCeil(size[kRow], std::max<int64_t>(1, static_cast<int64_t>(row_tasks))));
  plan->row_tasks = DivCeil(size[kRow], plan->rows_per_task);
  return Status();
}

}  // namespace polyphase::internal
