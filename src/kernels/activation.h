// The numbers that the activations of an epilogue take.
#ifndef POLYPHASE_SRC_KERNELS_ACTIVATION_H_
#define POLYPHASE_SRC_KERNELS_ACTIVATION_H_

namespace polyphase::internal {

// As in Epilogue; the slopes of kPRelu are per lane and no part of this.
struct ActivationParameters {
  float negative_slope = 0.01f;  // kLeakyRelu
  float lower = 0.0f;            // kClamp
  float upper = 6.0f;            // kClamp
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_ACTIVATION_H_
