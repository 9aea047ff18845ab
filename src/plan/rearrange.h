// Ops that move elements, PixelShuffle and Convert: for one input shape the mapping and the tasks.
#ifndef POLYPHASE_SRC_PLAN_REARRANGE_H_
#define POLYPHASE_SRC_PLAN_REARRANGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "geometry/split.h"
#include "geometry/tensor.h"
#include "plan/operator.h"
#include "polyphase/pixel_shuffle.h"

namespace polyphase::internal {

struct RearrangeOperator : OperatorImpl {
  Status MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                  std::unique_ptr<PlanImpl>* plan) const override;
  std::string Describe() const override;

  std::optional<PixelShuffleAttributes> shuffle;  // none for Convert
};

enum class ShufflePath : int {
  kInterleave,  // NCHW on both sides: rows are interleaved by vectors
  kChannels,    // NHWC on both sides, channels that stay neighbours (DCR, Focus): stretches of channels are copied
  kTranspose,   // NHWC on both sides, CRD: each pixel is a transposition
  kElements,    // everything else: strided copies
};

// Element (c, z * rz + h, y * ry + i, x * rx + j) of the shallow tensor is element (c * channel_step + h *
// offset_step[D] + i * offset_step[H] + j * offset_step[W], z, y, x) of the deep one. A task moves some rows (z, y),
// which count as one axis, of the deep tensor of one image.
struct RearrangePlan : PlanImpl {
  explicit RearrangePlan(const RearrangeOperator& rearrange) : op(rearrange) {}
  Status Run(const RunContext& context) const override;

  const RearrangeOperator& op;
  SpatialSizes factor{1, 1, 1};
  int64_t channel_step = 1;
  SpatialSizes offset_step{1, 1, 1};
  bool to_space = true;  // the input is the deep tensor
  ShufflePath path = ShufflePath::kElements;
  Ranges rows;
  int element_log2 = 2;
  // Where output rows go past the caches, they are made in a buffer in L1, so many pixels of the deep tensor at a time.
  int64_t stream_pixels = 0;
  int64_t buffer_bytes = 0;
  // Between float types, so many elements are f32 in the buffer at a time, of so many channels.
  int64_t convert_elements = 0, convert_channels = 0;

  const TensorDesc& deep() const { return to_space ? input : output; }
  const TensorDesc& shallow() const { return to_space ? output : input; }
};

// Creates a Convert if there are no attributes.
Status CreateRearrangeOperator(const PixelShuffleAttributes* shuffle, const OperatorOptions& options,
                               std::shared_ptr<OperatorImpl>* op);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_REARRANGE_H_
