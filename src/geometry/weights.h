// Validation of weights and numerics, for all ops.
#ifndef POLYPHASE_SRC_GEOMETRY_WEIGHTS_H_
#define POLYPHASE_SRC_GEOMETRY_WEIGHTS_H_

#include "polyphase/status.h"
#include "polyphase/weights.h"

namespace polyphase::internal {

// Fails unless the weights are f32. `name` is the op and the attribute, for messages: "conv weights".
Status CheckWeights(const char* name, const Weights& weights);

Status CheckNumerics(Numerics numerics);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_WEIGHTS_H_
