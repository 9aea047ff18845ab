// Calls the code that was compiled for an explicitly chosen target. Every kernel file includes this after
// hwy/highway.h, outside the per-target part. kernels/compat-inl.h has what differs between Highway versions.
#ifndef POLYPHASE_SRC_KERNELS_SIMD_H_
#define POLYPHASE_SRC_KERNELS_SIMD_H_

#include <cstddef>
#include <cstdint>

#include "hwy/targets.h"

namespace polyphase::internal {

// Returns the row of HWY_EXPORT's table for one target, so that an operator can use a target other than the global best
// without changing Highway's global state. A build for a single target has a table of one row.
inline size_t DispatchRow(int64_t target) {
#if HWY_IDE || ((HWY_TARGETS & (HWY_TARGETS - 1)) == 0)
  (void)target;
  return 0;
#else
  hwy::ChosenTarget chosen;
  chosen.Update(target);
  return chosen.GetIndex();
#endif
}

}  // namespace polyphase::internal

// Expands to the function that HWY_EXPORT(FUNC) holds for `target`.
#define POLYPHASE_DISPATCH(FUNC, target) (*(HWY_DISPATCH_TABLE(FUNC)[polyphase::internal::DispatchRow(target)]))

#endif  // POLYPHASE_SRC_KERNELS_SIMD_H_
