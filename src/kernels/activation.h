// The parameters of an activation, for kernels.
#ifndef POLYPHASE_SRC_KERNELS_ACTIVATION_H_
#define POLYPHASE_SRC_KERNELS_ACTIVATION_H_

namespace polyphase::internal {

struct ActivationParameters {
  float negative_slope, lower, upper;
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_ACTIVATION_H_
