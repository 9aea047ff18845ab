// Validation of tensor descriptors, once, for all ops.
#ifndef POLYPHASE_SRC_GEOMETRY_TENSOR_H_
#define POLYPHASE_SRC_GEOMETRY_TENSOR_H_

#include <cstdint>

#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase::internal {

// Names of the spatial axes of a tensor of that rank, for messages: "H" and "W" in 2-D.
const char* AxisName(int32_t spatial_rank, int axis);
const char* LayoutName(Layout layout);

// Channel blocks of a kNchwc tensor, channels otherwise: how many times stride_c is stepped.
int64_t ChannelSteps(const TensorDesc& desc);

// Checks dtype, layout, sizes and strides, fills in the strides that are 0, and makes sure that every byte offset fits
// into int64. `name` ("input", "output") begins the messages. Sizes may be 0; what an op forbids it checks itself.
Status NormalizeTensor(const char* name, TensorDesc* desc);

// Elements from the first to one behind the last that a normalized descriptor touches; 0 for an empty tensor.
int64_t ExtentElements(const TensorDesc& desc);
bool IsEmpty(const TensorDesc& desc);

// The output descriptor of an op that yields (n, c, size): `requested` (null: dense, in the input's layout) with what
// is 0 filled in. Errors where it asks for something else, and those of NormalizeTensor.
Status InferOutput(const TensorDesc& input, const TensorDesc* requested, int64_t c, const SpatialSizes& size,
                   TensorDesc* output);

// Errors unless the spatial rank is 2, the only one of this version.
Status CheckSpatialRank(const char* name, int32_t spatial_rank);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_TENSOR_H_
