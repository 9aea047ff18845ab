// The line: 64 bytes, the unit in which strips, packed weights and workspaces are measured.
#ifndef POLYPHASE_SRC_BASE_LINE_H_
#define POLYPHASE_SRC_BASE_LINE_H_

#include <cstdint>

namespace polyphase::internal {

// A cache line of every x86 and most Arm cores, and the alignment of all workspaces.
constexpr int64_t kLineBytes = 64;
// 32-bit elements of a line: the channels that kernels take side by side, whatever the vector length.
constexpr int kLineLanes = 16;

struct Line {
  char bytes[kLineBytes];
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_BASE_LINE_H_
