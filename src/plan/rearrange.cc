// Mapping and tasks of PixelShuffle and Convert.
#include "plan/rearrange.h"

#include <algorithm>
#include <cinttypes>

#include "base/checked_math.h"
#include "base/format.h"
#include "geometry/pixel_shuffle.h"
#include "geometry/tensor.h"

namespace polyphase::internal {
namespace {

// Fewer bytes than this (about 10 microseconds) are not worth a task of their own.
constexpr double kTaskBytes = 256 * 1024;

}  // namespace

const char* ShufflePathName(ShufflePath path) {
  constexpr const char* kNames[] = {"interleave", "channel stretches", "transpose", "strided"};
  return kNames[static_cast<int>(path)];
}

std::string RearrangeOperator::Describe() const {
  if (!shuffle) return Format("convert; target %s", kernels.target.name);
  constexpr const char* kOrders[] = {"CRD", "DCR", "Focus"};
  return Format("pixel_shuffle %s factor %" PRId64 "x%" PRId64 "x%" PRId64 " %s; target %s",
                shuffle->direction == ShuffleDirection::kDepthToSpace ? "depth to space" : "space to depth",
                shuffle->factor[kDepth], shuffle->factor[kRow], shuffle->factor[kColumn],
                kOrders[static_cast<int>(shuffle->channel_order)], kernels.target.name);
}

Status CreateRearrangeOperator(const PixelShuffleAttributes* shuffle, const OperatorOptions& options,
                               std::shared_ptr<const RearrangeOperator>* result) {
  auto op = std::make_shared<RearrangeOperator>();
  if (shuffle != nullptr) {
    op->shuffle = *shuffle;
    Status status = ExpandPixelShuffle(&*op->shuffle);
    if (status.ok()) status = ValidatePixelShuffle(*op->shuffle);
    if (!status.ok()) return status;
  }
  if (Status status = SelectKernels(options.isa, &op->kernels); !status.ok()) return status;
  *result = std::move(op);
  return Status();
}

Status MakeRearrangePlan(std::shared_ptr<const RearrangeOperator> op, const TensorDesc& input,
                         const PlanOptions& options, size_t threads, RearrangePlan* plan, std::string* reason) {
  plan->input = input;
  int64_t channels = input.c;
  SpatialSizes size = input.size;
  if (op->shuffle) {
    if (Status status = CheckInputRank("pixel_shuffle", op->shuffle->spatial_rank, input); !status.ok()) return status;
    if (Status status = PixelShuffleOutput(*op->shuffle, input, &channels, &size); !status.ok()) return status;
    plan->factor = op->shuffle->factor;
    plan->to_space = op->shuffle->direction == ShuffleDirection::kDepthToSpace;
  }
  const TensorDesc* requested = options.output ? &*options.output : nullptr;
  if (Status status = InferOutput(input, requested, channels, size, &plan->output); !status.ok()) return status;
  if (op->shuffle) {
    const auto [rz, ry, rx] = plan->factor;
    const int64_t c = plan->shallow().c;
    switch (op->shuffle->channel_order) {
      case ChannelOrder::kCrd:
        plan->channel_step = rz * ry * rx;
        plan->offset_step = {ry * rx, rx, 1};
        break;
      case ChannelOrder::kDcr: plan->offset_step = {c * ry * rx, c * rx, c}; break;
      case ChannelOrder::kFocus: plan->offset_step = {c, c * rz, c * rz * ry}; break;
    }
  }
  plan->op = std::move(op);
  plan->element_log2 = 0;
  while ((size_t{1} << plan->element_log2) < ElementSize(input.dtype)) ++plan->element_log2;
  const auto both = [&](Layout layout) { return input.layout == layout && plan->output.layout == layout; };
  *reason = both(Layout::kNchw) ? "NCHW on both sides" : both(Layout::kNhwc) ? "NHWC on both sides" : "mixed layouts";
  if (both(Layout::kNchw)) plan->path = ShufflePath::kInterleave;
  if (both(Layout::kNhwc)) plan->path = plan->channel_step == 1 ? ShufflePath::kChannels : ShufflePath::kTranspose;
  if (IsEmpty(input)) return Status();

  const int64_t rows = plan->deep_rows();
  const double bytes = static_cast<double>(ExtentElements(input)) * static_cast<double>(ElementSize(input.dtype));
  const double wanted = threads <= 1 ? 1 : std::min(4.0 * static_cast<double>(threads), bytes / kTaskBytes);
  const int64_t row_tasks = std::max<int64_t>(1, static_cast<int64_t>(wanted / static_cast<double>(input.n) + 0.999));
  plan->rows_per_task = DivCeil(rows, row_tasks);
  plan->row_tasks = DivCeil(rows, plan->rows_per_task);
  return Status();
}

}  // namespace polyphase::internal
