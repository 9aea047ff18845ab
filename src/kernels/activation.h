// Parameters of the activations of an epilogue.
#ifndef POLYPHASE_SRC_KERNELS_ACTIVATION_H_
#define POLYPHASE_SRC_KERNELS_ACTIVATION_H_

namespace polyphase::internal {

// The fields are those of Epilogue. kPRelu's slopes are not among them, because every lane has its own.
struct ActivationParameters {
  float negative_slope = 0.01f;  // kLeakyRelu
  float lower = 0.0f;            // kClamp
  float upper = 6.0f;            // kClamp
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_ACTIVATION_H_
