// The line: 64 bytes, the unit in which strips, packed weights and workspaces are measured.
#ifndef POLYPHASE_SRC_BASE_LINE_H_
#define POLYPHASE_SRC_BASE_LINE_H_

#include <cstdint>

namespace polyphase::internal {

// Every x86 and most Arm cores have cache lines of this size. All workspaces are aligned to it.
constexpr int64_t kLineBytes = 64;
// A line has this many 32-bit elements: kernels take as many channels side by side, whatever the vector length.
constexpr int kLineLanes = 16;

struct Line {
  char bytes[kLineBytes];
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_BASE_LINE_H_
