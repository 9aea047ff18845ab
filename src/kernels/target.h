// Lists the SIMD targets of this build and tells which of them this CPU can run.
#ifndef POLYPHASE_SRC_KERNELS_TARGET_H_
#define POLYPHASE_SRC_KERNELS_TARGET_H_

#include <cstdint>

namespace polyphase::internal {

struct Target {
  int64_t bit = 0;  // Highway's HWY_* constant
  bool supported = false;
  char name[16] = {};  // Highway's name in lower case
};

struct TargetList {
  static constexpr int kMax = 32;
  int count = 0;
  Target targets[kMax];  // best first
};

TargetList CompiledTargets();

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_TARGET_H_
