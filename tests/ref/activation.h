// Computes the activation of an epilogue in double.
#ifndef POLYPHASE_TESTS_REF_ACTIVATION_H_
#define POLYPHASE_TESTS_REF_ACTIVATION_H_

#include <cmath>
#include <cstdint>
#include <limits>

#include "polyphase/epilogue.h"

namespace polyphase::ref {

// A NaN stays a NaN, as in PyTorch. At -inf, products with a factor that becomes 0 have their limit, which is 0.
inline double Activate(const Epilogue& epilogue, double x, int64_t channel = 0) {
  constexpr double kPi = 3.14159265358979323846;
  constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();
  switch (epilogue.activation) {
    case Activation::kNone: return x;
    case Activation::kRelu: return x < 0 ? 0 : x;
    case Activation::kLeakyRelu: return x < 0 ? static_cast<double>(epilogue.negative_slope) * x : x;
    case Activation::kClamp: return x < epilogue.lower ? epilogue.lower : x > epilogue.upper ? epilogue.upper : x;
    case Activation::kPRelu: return x < 0 ? static_cast<double>(epilogue.slope[channel]) * x : x;
    case Activation::kSigmoid: return 1 / (1 + std::exp(-x));
    case Activation::kTanh: return std::tanh(x);
    case Activation::kSilu: return x == kMinusInfinity ? 0 : x / (1 + std::exp(-x));
    case Activation::kGelu: return x == kMinusInfinity ? 0 : x / 2 * std::erfc(-x / std::sqrt(2.0));
    case Activation::kGeluTanh:  // (1 + tanh(u)) / 2 as a quotient, which does not cancel
      return x == kMinusInfinity ? 0 : x / (1 + std::exp(-2 * std::sqrt(2 / kPi) * (x + 0.044715 * x * x * x)));
    case Activation::kHardSwish: return x < -3 ? 0 : x > 3 ? x : x * (x + 3) / 6;
  }
  return x;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_ACTIVATION_H_
