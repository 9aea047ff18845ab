// Decides when an output is written past the caches.
#ifndef POLYPHASE_SRC_PLAN_STREAMING_H_
#define POLYPHASE_SRC_PLAN_STREAMING_H_

#include "geometry/tensor.h"

namespace polyphase::internal {

// A store to memory that is not cached reads the line first. A streaming store does not, which saves up to a third of
// the traffic. It pays where the output would not stay in the caches anyway: bilinear x2 to 4K took 7 instead of 15 ms,
// and conv_transpose layers with outputs of 4 MiB and more took 1 to 5 % less (Zen 4, 1 MiB of L2). On Zen, whose L3
// has 8 MiB, resizes of 4 to 134 MiB take 1.05 to 2.3 times as long without it, and k = s layers 1.0 to 1.4 times.
constexpr int64_t kStreamBytes = 4 * 1024 * 1024;

inline bool ShouldStream(const TensorDesc& output) {
  return ExtentElements(output) * static_cast<int64_t>(ElementSize(output.dtype)) >= kStreamBytes;
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_STREAMING_H_
