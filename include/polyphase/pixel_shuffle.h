// PixelShuffle: depth to space and back, as torch.nn.PixelShuffle, PixelUnshuffle and ONNX DepthToSpace, SpaceToDepth.
#ifndef POLYPHASE_PIXEL_SHUFFLE_H_
#define POLYPHASE_PIXEL_SHUFFLE_H_

#include <cstdint>

#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/status.h"

namespace polyphase {

enum class ShuffleDirection : int32_t { kDepthToSpace = 0, kSpaceToDepth = 1 };

// Which channel of the deep tensor holds offset (i, j) of the block of channel c; C is the shallow tensor's channel
// count.
enum class ChannelOrder : int32_t {
  kCrd = 0,  // c * r * r + i * r + j: PyTorch, ONNX mode CRD
  kDcr = 1,  // (i * r + j) * C + c: ONNX's default, TensorFlow
};

struct PixelShuffleAttributes {
  int32_t spatial_rank = 2;  // this version: 2
  int64_t factor = 2;        // r >= 1
  ShuffleDirection direction = ShuffleDirection::kDepthToSpace;
  ChannelOrder channel_order = ChannelOrder::kCrd;
};

// Any DataType, moved bit for bit; input and output have the same one, in any layout each. Errors of MakePlan: channels
// (kDepthToSpace) that r * r, or sizes (kSpaceToDepth) that r does not divide. Empty tensors are a success.
POLYPHASE_EXPORT StatusOr<Operator> CreatePixelShuffle(const PixelShuffleAttributes& attributes,
                                                       const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_PIXEL_SHUFFLE_H_
