// Sets the mapping and the tasks of PixelShuffle and Convert.
#include "plan/rearrange.h"

#include <algorithm>
#include <cinttypes>
#include <numeric>
#include <utility>

#include "base/arena.h"
#include "base/format.h"
#include "base/line.h"
#include "base/status.h"
#include "geometry/pixel_shuffle.h"
#include "plan/streaming.h"

namespace polyphase::internal {
namespace {

// Fewer bytes than this (about 10 microseconds) are not worth a task of their own.
constexpr double kTaskBytes = 256 * 1024;

// Elements that become f32 on their way into another type take 8 KiB of L1. Channels come in whole blocks of every
// layout, which have at most 16.
constexpr int64_t kConvertedElements = 2048, kConvertedChannels = 64;

std::string Choice(const RearrangePlan& plan) {
  if (!plan.op.shuffle) {
    if (plan.input.dtype == plan.output.dtype) return "convert";
    return Format("convert %s to %s", TypeName(plan.input.dtype), TypeName(plan.output.dtype));
  }
  constexpr const char* kPaths[] = {"interleave", "channel stretches", "transpose", "strided"};
  return Format("pixel_shuffle %s, %s x%" PRId64 "%s", kPaths[static_cast<int>(plan.path)],
                plan.to_space ? "depth to space" : "space to depth", plan.factor[kColumn],
                plan.stream_pixels > 0 ? ", streaming stores" : "");
}

// Streams the interleaved rows of large outputs, which took 0.75 to 0.85 of the time (Zen 1; 7.9 MiB took 1.3 times
// as long with it on Zen 4). The transpositions of
// NHWC are bound by their instructions, and took 1.2 times as long with a buffer.
void ChooseStreaming(RearrangePlan* plan) {
  constexpr int64_t kBufferBytes = 16 * 1024;
  if (!plan->to_space || plan->path != ShufflePath::kInterleave) return;
  if (!ShouldStream(plan->output, kMoveStreamBytes)) return;
  const int64_t pixel_bytes = plan->factor[kColumn] << plan->element_log2;
  // Whole lines, so that all pieces of a row are aligned alike.
  const int64_t step = kLineBytes / std::gcd(pixel_bytes, kLineBytes);
  plan->stream_pixels = std::max(kBufferBytes / pixel_bytes / step * step, step);
  plan->buffer_bytes = plan->stream_pixels * pixel_bytes;
}

}  // namespace

std::string RearrangeOperator::Describe() const {
  if (!shuffle) return Format("convert; target %s", kernels.target.name);
  constexpr const char* kOrders[] = {"CRD", "DCR", "Focus"};
  return Format("pixel_shuffle %s factor %" PRId64 "x%" PRId64 "x%" PRId64 " %s; target %s",
                shuffle->direction == ShuffleDirection::kDepthToSpace ? "depth to space" : "space to depth",
                shuffle->factor[kDepth], shuffle->factor[kRow], shuffle->factor[kColumn],
                kOrders[static_cast<int>(shuffle->channel_order)], kernels.target.name);
}

Status CreateRearrangeOperator(const PixelShuffleAttributes* shuffle, const OperatorOptions& options,
                               std::shared_ptr<OperatorImpl>* result) {
  auto op = std::make_shared<RearrangeOperator>();
  op->name = shuffle != nullptr ? "pixel_shuffle" : "convert";
  if (shuffle != nullptr) {
    op->shuffle = *shuffle;
    POLYPHASE_RETURN_IF_ERROR(ExpandPixelShuffle(&*op->shuffle));
    POLYPHASE_RETURN_IF_ERROR(ValidatePixelShuffle(*op->shuffle));
  }
  POLYPHASE_RETURN_IF_ERROR(SelectKernels(options.isa, &op->kernels));
  *result = op;
  return Status();
}

Status RearrangeOperator::MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                                   std::unique_ptr<PlanImpl>* result) const {
  auto owned = std::make_unique<RearrangePlan>(*this);
  RearrangePlan* const plan = owned.get();
  *result = std::move(owned);
  plan->input = input;
  int64_t channels = input.c;
  SpatialSizes size = input.size;
  if (shuffle) {
    POLYPHASE_RETURN_IF_ERROR(CheckInputRank(name, shuffle->spatial_rank, input));
    POLYPHASE_RETURN_IF_ERROR(PixelShuffleOutput(*shuffle, input, &channels, &size));
    plan->factor = shuffle->factor;
    plan->to_space = shuffle->direction == ShuffleDirection::kDepthToSpace;
  }
  const TensorDesc* requested = options.output ? &*options.output : nullptr;
  const TypeRule types = shuffle ? TypeRule::kSame : TypeRule::kAnyFloats;
  POLYPHASE_RETURN_IF_ERROR(InferOutput(input, requested, channels, size, &plan->output, types));
  if (shuffle) {
    const auto [rz, ry, rx] = plan->factor;
    const int64_t c = plan->shallow().c;
    switch (shuffle->channel_order) {
      case ChannelOrder::kCrd:
        plan->channel_step = rz * ry * rx;
        plan->offset_step = {ry * rx, rx, 1};
        break;
      case ChannelOrder::kDcr: plan->offset_step = {c * ry * rx, c * rx, c}; break;
      case ChannelOrder::kFocus: plan->offset_step = {c, c * rz, c * rz * ry}; break;
    }
  }
  plan->element_log2 = Log2Size(ElementSize(input.dtype));
  const auto both = [&](Layout layout) { return input.layout == layout && plan->output.layout == layout; };
  if (both(Layout::kNchw)) plan->path = ShufflePath::kInterleave;
  if (both(Layout::kNhwc)) plan->path = plan->channel_step == 1 ? ShufflePath::kChannels : ShufflePath::kTranspose;
  ChooseStreaming(plan);
  if (input.dtype != plan->output.dtype) {
    plan->convert_elements = kConvertedElements;
    plan->convert_channels = kConvertedChannels;
    plan->buffer_bytes = kConvertedElements * int64_t{sizeof(float)};
  }
  plan->choice = Choice(*plan);
  plan->reason = both(Layout::kNchw)   ? "NCHW on both sides"
                 : both(Layout::kNhwc) ? "NHWC on both sides"
                                       : "mixed layouts";
  if (IsEmpty(input)) return Status();

  const SpatialSizes& deep = plan->deep().size;
  const double bytes = static_cast<double>(ExtentElements(input)) * static_cast<double>(ElementSize(input.dtype));
  plan->rows = CutForTasks(deep[kDepth] * deep[kRow], WantedTasks(threads, bytes / kTaskBytes), input.n);
  plan->tasks = input.n * plan->rows.count;
  Arena arena;
  arena.Take<char>("buffer", {plan->buffer_bytes});
  plan->worker_bytes = arena.bytes();
  return Status();
}

}  // namespace polyphase::internal
