// Convert: the same tensor in another layout (NCHW, NHWC, NCHWc) or another float type.
#ifndef POLYPHASE_CONVERT_H_
#define POLYPHASE_CONVERT_H_

#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/status.h"

namespace polyphase {

// The output has the layout and the type of PlanOptions::output. Elements of any DataType are copied bit for bit. f32,
// f16 and bf16 are also converted into each other: to nearest, ties to even, and what is too large becomes infinite.
// Empty tensors are a success.
POLYPHASE_EXPORT StatusOr<Operator> CreateConvert(const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_CONVERT_H_
