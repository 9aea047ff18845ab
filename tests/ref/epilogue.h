// Computes epilogue and prologue in double.
#ifndef POLYPHASE_TESTS_REF_EPILOGUE_H_
#define POLYPHASE_TESTS_REF_EPILOGUE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "polyphase/epilogue.h"
#include "tests/ref/activation.h"
#include "tests/ref/tensor.h"

namespace polyphase::ref {

// Bounds |Activate'|, by which errors in x grow, and the error of the activation itself at values up to |x|, in units
// of 2^-24.
struct ActivationError {
  double slope = 1, relative = 0;
};

inline ActivationError ErrorOf(const Epilogue& e, int64_t channel) {
  switch (e.activation) {
    case Activation::kLeakyRelu: return {std::max(1.0, std::fabs(static_cast<double>(e.negative_slope))), 1};
    case Activation::kPRelu: return {std::max(1.0, std::fabs(static_cast<double>(e.slope[channel]))), 1};
    case Activation::kSigmoid:
    case Activation::kTanh: return {1, 8};
    case Activation::kSilu:
    case Activation::kGelu:
    case Activation::kGeluTanh: return {1.2, 8};
    case Activation::kHardSwish: return {1.5, 4};
    default: return {};
  }
}

// Takes `value` through the epilogue, and `bound`, the error of an f32 computation, if it is not null. `residual` is
// null or has the same shape.
template <typename T>
void ApplyEpilogue(const Epilogue& e, const Tensor<T>* residual, Tensor<double>& value, Tensor<double>* bound) {
  constexpr double kRounding = 0x1p-24;
  for (size_t i = 0; i < value.data.size(); ++i) {
    const int64_t c = static_cast<int64_t>(i) / value.plane() % value.c;
    const double added = residual == nullptr ? 0.0 : static_cast<double>(residual->data[i]);
    double x = value.data[i];
    double error = bound == nullptr ? 0.0 : bound->data[i];
    if (e.scale != nullptr) x *= static_cast<double>(e.scale[c]);
    if (e.scale != nullptr) error = error * std::fabs(static_cast<double>(e.scale[c])) + kRounding * std::fabs(x);
    if (e.shift != nullptr) x += static_cast<double>(e.shift[c]);
    if (e.shift != nullptr) error += kRounding * (std::fabs(x) + std::fabs(static_cast<double>(e.shift[c])));
    if (e.residual == Residual::kBeforeActivation) {
      x += added;
      error += kRounding * std::fabs(x);
    }
    const ActivationError activation = ErrorOf(e, c);
    error = error * activation.slope + kRounding * activation.relative * std::max(1.0, std::fabs(x));
    x = Activate(e, x, c);
    if (e.residual == Residual::kAfterActivation) {
      x += added;
      error += kRounding * std::fabs(x);
    }
    value.data[i] = x;
    if (bound != nullptr) bound->data[i] = error;
  }
}

// Returns the input as the op sees it: rounded to f32 once more.
inline Tensor<float> ApplyPrologue(const Prologue& prologue, Tensor<float> input) {
  Epilogue e;
  e.activation = prologue.activation;
  e.negative_slope = prologue.negative_slope;
  for (float& x : input.data) x = static_cast<float>(Activate(e, x));
  return input;
}

}  // namespace polyphase::ref

#endif  // POLYPHASE_TESTS_REF_EPILOGUE_H_
