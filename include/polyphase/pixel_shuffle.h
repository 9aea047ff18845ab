// PixelShuffle: depth to space and back, as torch.nn.PixelShuffle, PixelUnshuffle and ONNX DepthToSpace, SpaceToDepth.
#ifndef POLYPHASE_PIXEL_SHUFFLE_H_
#define POLYPHASE_PIXEL_SHUFFLE_H_

#include <cstdint>

#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase {

enum class ShuffleDirection : int32_t { kDepthToSpace = 0, kSpaceToDepth = 1 };

// Which channel of the deep tensor holds offset (i, j) of the ry x rx block of channel c; C is the shallow tensor's
// channel count. 1-D and 3-D (offset (h, i, j) of rz x ry x rx) likewise.
enum class ChannelOrder : int32_t {
  kCrd = 0,    // (c * ry + i) * rx + j: PyTorch, ONNX mode CRD
  kDcr = 1,    // (i * rx + j) * C + c: ONNX's default, TensorFlow
  kFocus = 2,  // (j * ry + i) * C + c: YOLOv5's Focus
};

struct PixelShuffleAttributes {
  int32_t spatial_rank = 2;      // 1, 2 or 3
  SpatialSizes factor{2, 2, 2};  // r >= 1, of each axis
  ShuffleDirection direction = ShuffleDirection::kDepthToSpace;
  ChannelOrder channel_order = ChannelOrder::kCrd;
};

// Any DataType, moved bit for bit; input and output have the same one, in any layout each. Errors of MakePlan: channels
// (kDepthToSpace) that the product of the factors, or sizes (kSpaceToDepth) that their factor does not divide. Empty
// tensors are a success.
POLYPHASE_EXPORT StatusOr<Operator> CreatePixelShuffle(const PixelShuffleAttributes& attributes,
                                                       const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_PIXEL_SHUFFLE_H_
