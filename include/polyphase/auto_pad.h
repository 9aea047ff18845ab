// AutoPad: ONNX's auto_pad, by which an op derives its paddings from the size of its input.
#ifndef POLYPHASE_AUTO_PAD_H_
#define POLYPHASE_AUTO_PAD_H_

#include <cstdint>

namespace polyphase {

// Anything but kNotSet needs padding_begin and padding_end of 0.
enum class AutoPad : int32_t { kNotSet = 0, kSameUpper = 1, kSameLower = 2, kValid = 3 };

}  // namespace polyphase

#endif  // POLYPHASE_AUTO_PAD_H_
