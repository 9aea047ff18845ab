// ConvexUpsample: validation and the shapes of the mask and the output.
#ifndef POLYPHASE_SRC_GEOMETRY_CONVEX_UPSAMPLE_H_
#define POLYPHASE_SRC_GEOMETRY_CONVEX_UPSAMPLE_H_

#include <cstdint>

#include "geometry/tensor.h"
#include "polyphase/convex_upsample.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase::internal {

// The neighbourhood is 3x3.
constexpr int kConvexTaps = 9;

// Sets the scale to the factor where it is not given.
Status ValidateConvexUpsample(ConvexUpsampleAttributes* attributes);
// Infers the output and the mask of `tensors`, which have an input. The requested ones may be null.
Status InferConvexUpsample(const ConvexUpsampleAttributes& attributes, const TensorDesc* output, const TensorDesc* mask,
                           PlanTensors* tensors);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_CONVEX_UPSAMPLE_H_
