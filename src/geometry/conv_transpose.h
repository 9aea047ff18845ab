// ConvTranspose: validation and output sizes.
#ifndef POLYPHASE_SRC_GEOMETRY_CONV_TRANSPOSE_H_
#define POLYPHASE_SRC_GEOMETRY_CONV_TRANSPOSE_H_

#include <cstdint>

#include "geometry/phases.h"
#include "polyphase/conv_transpose.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// Expands the axes (see geometry/tensor.h). Fails on an invalid spatial rank.
Status ExpandConvTranspose(ConvTransposeAttributes* attributes);
// Checks every attribute that does not depend on the input.
Status ValidateConvTranspose(const ConvTransposeAttributes& attributes);

// Resolves ONNX's auto_pad and output_shape (see ConvTransposeAttributes) and PyTorch's `output_size` (expanded; all 0
// means that it is not given). Messages name the attribute.
Status ResolveConvTranspose(const ConvTransposeAttributes& attributes, const SpatialSizes& input_size,
                            const SpatialSizes& output_size, PhaseShape* shape);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_CONV_TRANSPOSE_H_
