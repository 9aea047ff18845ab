// AutoPad: ONNX's auto_pad, which derives the paddings from the size of the input.
#ifndef POLYPHASE_AUTO_PAD_H_
#define POLYPHASE_AUTO_PAD_H_

#include <cstdint>

#include "polyphase/polyphase_c.h"

namespace polyphase {

// Every value but kNotSet requires padding_begin and padding_end to be 0.
enum class AutoPad : int32_t {
  kNotSet = PPH_PAD_NOT_SET,
  kSameUpper = PPH_PAD_SAME_UPPER,
  kSameLower = PPH_PAD_SAME_LOWER,
  kValid = PPH_PAD_VALID,
};

}  // namespace polyphase

#endif  // POLYPHASE_AUTO_PAD_H_
