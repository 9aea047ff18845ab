// Convert: the same tensor in another layout (NCHW, NHWC, NCHWc).
#ifndef POLYPHASE_CONVERT_H_
#define POLYPHASE_CONVERT_H_

#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/status.h"

namespace polyphase {

// The output has the layout of PlanOptions::output. Elements of any DataType are copied bit for bit. Empty tensors are
// a success.
POLYPHASE_EXPORT StatusOr<Operator> CreateConvert(const OperatorOptions& options = {});

}  // namespace polyphase

#endif  // POLYPHASE_CONVERT_H_
