// The activation of an epilogue, in double.
#ifndef POLYPHASE_TESTS_REF_ACTIVATION_H_
#define POLYPHASE_TESTS_REF_ACTIVATION_H_

#include "polyphase/epilogue.h"
#include "tests/ref/tensor.h"

namespace polyphase::ref {

// NaN stays NaN, as in PyTorch.
inline double Activate(const Epilogue& epilogue, double x) {
  switch (epilogue.activation) {
    case Activation::kNone: return x;
    case Activation::kRelu: return x < 0 ? 0 : x;
    case Activation::kLeakyRelu: return x < 0 ? static_cast<double>(epilogue.negative_slope) * x : x;
    case Activation::kClamp: return x < epilogue.lower ? epilogue.lower : x > epilogue.upper ? epilogue.upper : x;
  }
  return x;
}

inline void Activate(const Epilogue& epilogue, Tensor<double>& tensor) {
  for (double& x : tensor.data) x = Activate(epilogue, x);
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_ACTIVATION_H_
