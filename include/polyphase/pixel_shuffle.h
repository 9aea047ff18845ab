// PixelShuffle: depth to space and back, as torch.nn.PixelShuffle, PixelUnshuffle and ONNX DepthToSpace, SpaceToDepth.
#ifndef POLYPHASE_PIXEL_SHUFFLE_H_
#define POLYPHASE_PIXEL_SHUFFLE_H_

#include <cstdint>

#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/polyphase_c.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase {

enum class ShuffleDirection : int32_t {
  kDepthToSpace = PPH_DEPTH_TO_SPACE,
  kSpaceToDepth = PPH_SPACE_TO_DEPTH,
};

// Which channel of the deep tensor holds offset (i, j) of the ry x rx block of channel c; C is the shallow tensor's
// channel count. The same holds in 1-D and 3-D, where the offset is (h, i, j) of rz x ry x rx.
enum class ChannelOrder : int32_t {
  kCrd = PPH_CRD,      // (c * ry + i) * rx + j: PyTorch, ONNX mode CRD
  kDcr = PPH_DCR,      // (i * rx + j) * C + c: ONNX's default, TensorFlow
  kFocus = PPH_FOCUS,  // (j * ry + i) * C + c: YOLOv5's Focus
};

struct PixelShuffleAttributes {
  int32_t spatial_rank = 2;      // 1, 2 or 3
  SpatialSizes factor{2, 2, 2};  // >= 1, per axis
  ShuffleDirection direction = ShuffleDirection::kDepthToSpace;
  ChannelOrder channel_order = ChannelOrder::kCrd;
};

// Elements of any DataType are copied bit for bit. Input and output have the same type; their layouts need not agree.
// Errors of MakePlan: the product of the factors does not divide the channels (kDepthToSpace), or a factor does not
// divide its axis (kSpaceToDepth). Empty tensors are a success.
POLYPHASE_EXPORT StatusOr<Operator> CreatePixelShuffle(const PixelShuffleAttributes& attributes,
                                                       const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_PIXEL_SHUFFLE_H_
