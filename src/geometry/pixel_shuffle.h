// PixelShuffle: validation and the output shape.
#ifndef POLYPHASE_SRC_GEOMETRY_PIXEL_SHUFFLE_H_
#define POLYPHASE_SRC_GEOMETRY_PIXEL_SHUFFLE_H_

#include <cstdint>

#include "polyphase/pixel_shuffle.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase::internal {

// Expands the axes (see geometry/tensor.h). Fails on an invalid spatial rank.
Status ExpandPixelShuffle(PixelShuffleAttributes* attributes);
Status ValidatePixelShuffle(const PixelShuffleAttributes& attributes);
Status PixelShuffleOutput(const PixelShuffleAttributes& attributes, const TensorDesc& input, int64_t* channels,
                          SpatialSizes* size);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_PIXEL_SHUFFLE_H_
