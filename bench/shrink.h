// Shrunk: a row of the workload table made small enough to be run one instruction at a time.
#ifndef POLYPHASE_BENCH_SHRINK_H_
#define POLYPHASE_BENCH_SHRINK_H_

#include "bench/workloads.h"

namespace polyphase::bench {

// Returns the multiply-adds of the direct op plus the values that are read and written.
double Work(const Workload& workload);

// Returns the row with fewer images, channels and pixels: the largest of these is halved until the work is at most
// `limit` or nothing is left that may be halved. Whatever decides which code runs stays: op, mode, kernel, stride,
// padding, dilation and factor; whether it is dense, grouped or depthwise; channels and the width modulo 16, the other
// axes modulo 2; and enough of each size to fill register tiles. A resize to a size keeps its scale as nearly as whole
// numbers allow.
Workload Shrunk(const Workload& workload, double limit);

}  // namespace polyphase::bench

#endif  // POLYPHASE_BENCH_SHRINK_H_
