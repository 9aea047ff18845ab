// The loop nests: one function per algorithm runs a plan on memory. None allocates or locks, and only RunMaxUnpool can
// fail, on the values of its indices.
#ifndef POLYPHASE_SRC_EXEC_EXEC_H_
#define POLYPHASE_SRC_EXEC_EXEC_H_

#include <cstddef>

#include "kernels/panel.h"
#include "polyphase/runtime.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase::internal {

struct PhaseConvPlan;
struct ResizePlan;
struct RearrangePlan;
struct PoolPlan;
struct MaxUnpoolPlan;

// Memory and threads of one run. `workspace` holds `workers` times the plan's bytes of one worker. Null where the op has
// no such tensor: residual, input_indices, output_indices.
struct RunContext {
  const void* input;
  void* output;
  const void* residual;
  const void* input_indices;
  void* output_indices;
  void* workspace;
  size_t workers;
  const Runtime& runtime;
};

void RunSubpixel(const PhaseConvPlan& plan, const RunContext& context);
void RunGemmCol2im(const PhaseConvPlan& plan, const RunContext& context);
void RunResize(const ResizePlan& plan, const RunContext& context);
void RunRearrange(const RearrangePlan& plan, const RunContext& context);
void RunPool(const PoolPlan& plan, const RunContext& context);
Status RunMaxUnpool(const MaxUnpoolPlan& plan, const RunContext& context);

// How a normalized descriptor places the channels of a pixel.
inline ChannelMap ChannelsOf(const TensorDesc& desc) {
  switch (desc.layout) {
    case Layout::kNhwc: return {desc.c, 0};
    case Layout::kNchw:
    case Layout::kNchwc: break;
  }
  return {desc.channel_block, desc.stride_c};
}

inline int64_t ChannelOffset(const ChannelMap& map, int64_t channel) {
  return channel / map.block * map.block_stride + channel % map.block;
}

// The channel behind which Unpack fills up a block with zeros.
inline int64_t ZeroFrom(const TensorDesc& desc) { return desc.layout == Layout::kNchwc ? desc.c : kNoFill; }

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_EXEC_H_
