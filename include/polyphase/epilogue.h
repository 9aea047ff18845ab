// Epilogue: what is applied to every output value in registers, before it is stored.
#ifndef POLYPHASE_EPILOGUE_H_
#define POLYPHASE_EPILOGUE_H_

#include <cstdint>

namespace polyphase {

enum class Activation : int32_t {
  kNone = 0,
  kRelu = 1,       // max(x, 0)
  kLeakyRelu = 2,  // x >= 0 ? x : negative_slope * x
  kClamp = 3,      // min(max(x, lower), upper)
};

struct Epilogue {
  Activation activation = Activation::kNone;
  float negative_slope = 0.01f;  // kLeakyRelu
  float lower = 0.0f;            // kClamp; lower <= upper, neither NaN
  float upper = 6.0f;            // kClamp
};

}  // namespace polyphase

#endif  // POLYPHASE_EPILOGUE_H_
