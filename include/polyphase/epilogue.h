// Epilogue: what is applied to every output value in registers, before it is stored; Prologue: to every input value, as
// it is loaded.
#ifndef POLYPHASE_EPILOGUE_H_
#define POLYPHASE_EPILOGUE_H_

#include <cstdint>

#include "polyphase/export.h"
#include "polyphase/status.h"

namespace polyphase {

// A NaN stays a NaN in all of them. At -infinity kSilu, kGelu, kGeluTanh and kHardSwish have their limit, a zero of
// either sign, where PyTorch computes a NaN.
enum class Activation : int32_t {
  kNone = 0,
  kRelu = 1,        // max(x, 0)
  kLeakyRelu = 2,   // x >= 0 ? x : negative_slope * x
  kClamp = 3,       // min(max(x, lower), upper); ReLU6 is 0, 6
  kPRelu = 4,       // x >= 0 ? x : slope[channel] * x
  kSigmoid = 5,     // 1 / (1 + exp(-x))
  kTanh = 6,        // tanh(x)
  kSilu = 7,        // x * sigmoid(x)
  kGelu = 8,        // x / 2 * (1 + erf(x / sqrt(2))): PyTorch's GELU(approximate='none')
  kGeluTanh = 9,    // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))): GELU(approximate='tanh')
  kHardSwish = 10,  // x * min(max(x + 3, 0), 6) / 6
};

// A tensor of the output's shape that is added; Run takes it as RunOptions::residual, PlanOptions::residual describes it.
enum class Residual : int32_t {
  kNone = 0,
  kBeforeActivation = 1,
  kAfterActivation = 2,
};

// output = activation(scale[c] * x + shift[c] (+ residual)) (+ residual), where x is the op's own value of channel c,
// its bias included. Computed in f32 whatever the output's type, and rounded once.
struct Epilogue {
  Activation activation = Activation::kNone;
  float negative_slope = 0.01f;  // kLeakyRelu; not NaN
  float lower = 0.0f;            // kClamp; lower <= upper, neither NaN
  float upper = 6.0f;            // kClamp
  Residual residual = Residual::kNone;
  // Constants per channel, copied by Create; null: 1, 0, and (kPRelu) an error.
  const float* scale = nullptr;
  const float* shift = nullptr;
  const float* slope = nullptr;  // kPRelu
  // How many channels the constants have: those of the output. Not looked at where all of them are null.
  int64_t channels = 0;
};

// What is applied to the input of a conv_transpose or a conv.
struct Prologue {
  Activation activation = Activation::kNone;  // or kRelu, kLeakyRelu
  float negative_slope = 0.01f;               // kLeakyRelu; not NaN
};

// Scale and shift of an inference-time batch normalisation, for Epilogue (which the convolutions fold into their weights):
//   scale = gamma / sqrt(variance + epsilon), shift = beta - mean * scale, in double, rounded once.
// All arrays have `channels` elements; gamma may be null for 1, beta for 0. Errors: null pointers, channels < 1, and a
// variance + epsilon that is not positive.
POLYPHASE_EXPORT Status FoldBatchNorm(const float* gamma, const float* beta, const float* mean, const float* variance,
                                      double epsilon, int64_t channels, float* scale, float* shift);

}  // namespace polyphase

#endif  // POLYPHASE_EPILOGUE_H_
