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

// Ops that only move elements are so fast that outputs of up to this size, which stay in an L3 of 32 MiB, take 0.4 to
// 0.8 of the time without it, and 1.3 times from 18 MiB on (Zen 4). Linear and cubic resizes of 4 to 8 MiB took 0.8 to
// 1.4 times there, most of them longer, and convolutions 1.0 to 1.1 times.
constexpr int64_t kMoveStreamBytes = 2 * kStreamBytes;

inline bool ShouldStream(const TensorDesc& output, int64_t least = kStreamBytes) {
  return ExtentElements(output) * static_cast<int64_t>(ElementSize(output.dtype)) >= least;
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_STREAMING_H_
