// Conv: validation and output sizes.
#ifndef POLYPHASE_SRC_GEOMETRY_CONV_H_
#define POLYPHASE_SRC_GEOMETRY_CONV_H_

#include <cstdint>

#include "geometry/phases.h"
#include "polyphase/conv.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// Expands the axes (see geometry/tensor.h). Fails on an invalid spatial rank.
Status ExpandConv(ConvAttributes* attributes);
// Checks every attribute that does not depend on the input, and turns auto_pad into paddings.
Status ValidateConv(ConvAttributes* attributes);
ConvAxis MakeConvAxis(const ConvAttributes& attributes, int axis);
// Returns the product of the pixel shuffle's factors.
inline int64_t ShuffledPixels(const ConvAttributes& a) { return a.shuffle[0] * a.shuffle[1] * a.shuffle[2]; }
// Returns the convolution's channel that becomes channel c of the output at offset `shuffled` of the pixel shuffle.
int64_t ConvChannel(const ConvAttributes& attributes, int64_t c, const SpatialSizes& shuffled);
// Sets the output's size and leaves the origin alone. Messages name the attribute.
Status ResolveConv(const ConvAttributes& attributes, const SpatialSizes& input_size, PhaseShape* shape);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_CONV_H_
