// Validation of weights, other constants and numerics, for all ops.
#ifndef POLYPHASE_SRC_GEOMETRY_WEIGHTS_H_
#define POLYPHASE_SRC_GEOMETRY_WEIGHTS_H_

#include "base/float_mode.h"
#include "polyphase/status.h"
#include "polyphase/weights.h"

namespace polyphase::internal {

// Fails unless the weights are f32, f16 or bf16. `name` is the op and the attribute, for messages: "conv weights".
Status CheckWeights(const char* name, const Weights& weights);

// Fails unless the array, which may be null, is aligned to its elements.
Status CheckFloats(const char* op, const char* name, const float* values);

Status CheckNumerics(Numerics numerics);

// Returns what sums of products do with denormal numbers. With 5 % of the weights at 1e-41, a convolution took 80 times
// as long.
inline Denormals DenormalsOf(Numerics numerics) {
  return numerics == Numerics::kStrict ? Denormals::kKeep : Denormals::kFlush;
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_WEIGHTS_H_
