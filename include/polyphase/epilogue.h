// Epilogue, which is applied to every output value before it is stored, and Prologue, which is applied to every input
// value as it is loaded.
#ifndef POLYPHASE_EPILOGUE_H_
#define POLYPHASE_EPILOGUE_H_

#include <cstdint>

#include "polyphase/export.h"
#include "polyphase/polyphase_c.h"
#include "polyphase/status.h"

namespace polyphase {

// All of them map NaN to NaN. At -infinity kSilu, kGelu, kGeluTanh and kHardSwish return their limit, a zero of either
// sign; PyTorch computes NaN there.
enum class Activation : int32_t {
  kNone = PPH_ACTIVATION_NONE,
  kRelu = PPH_RELU,             // max(x, 0)
  kLeakyRelu = PPH_LEAKY_RELU,  // x >= 0 ? x : negative_slope * x
  kClamp = PPH_CLAMP,           // min(max(x, lower), upper); ReLU6 is 0, 6
  kPRelu = PPH_PRELU,           // x >= 0 ? x : slope[channel] * x
  kSigmoid = PPH_SIGMOID,       // 1 / (1 + exp(-x))
  kTanh = PPH_TANH,             // tanh(x)
  kSilu = PPH_SILU,             // x * sigmoid(x)
  kGelu = PPH_GELU,             // x / 2 * (1 + erf(x / sqrt(2))): PyTorch's GELU(approximate='none')
  kGeluTanh = PPH_GELU_TANH,    // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))): GELU(approximate='tanh')
  kHardSwish = PPH_HARD_SWISH,  // x * min(max(x + 3, 0), 6) / 6
};

// Whether and where a tensor of the output's shape is added. PlanOptions::residual describes it, RunOptions::residual
// points to it.
enum class Residual : int32_t {
  kNone = PPH_RESIDUAL_NONE,
  kBeforeActivation = PPH_RESIDUAL_BEFORE_ACTIVATION,
  kAfterActivation = PPH_RESIDUAL_AFTER_ACTIVATION,
};

// output = activation(scale[c] * x + shift[c] (+ residual)) (+ residual), where x is the op's own value of channel c,
// its bias included. It is computed in f32 whatever the output's type, and rounded once.
struct Epilogue {
  Activation activation = Activation::kNone;
  float negative_slope = 0.01f;  // kLeakyRelu; not NaN
  float lower = 0.0f;            // kClamp; lower <= upper, neither NaN
  float upper = 6.0f;            // kClamp
  Residual residual = Residual::kNone;
  // Constants per channel, which Create copies.
  const float* scale = nullptr;  // null: 1
  const float* shift = nullptr;  // null: 0
  const float* slope = nullptr;  // kPRelu, which requires it
  // The length of these arrays: the output's number of channels. It is ignored if all of them are null.
  int64_t channels = 0;
};

// An activation of the input of a conv_transpose or a conv.
struct Prologue {
  Activation activation = Activation::kNone;  // or kRelu, kLeakyRelu
  float negative_slope = 0.01f;               // kLeakyRelu; not NaN
};

// Computes Epilogue's scale and shift from an inference-time batch normalisation:
//   scale = gamma / sqrt(variance + epsilon), shift = beta - mean * scale, in double, rounded once.
// All arrays have `channels` elements. A null gamma means 1, a null beta 0. Errors: other null pointers, channels < 1,
// a variance + epsilon that is not positive.
POLYPHASE_EXPORT Status FoldBatchNorm(const float* gamma, const float* beta, const float* mean, const float* variance,
                                      double epsilon, int64_t channels, float* scale, float* shift);

}  // namespace polyphase

#endif  // POLYPHASE_EPILOGUE_H_
