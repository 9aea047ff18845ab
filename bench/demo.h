// Demo: layers of well-known networks, checked and timed, as a table for a human.
#ifndef POLYPHASE_BENCH_DEMO_H_
#define POLYPHASE_BENCH_DEMO_H_

#include <vector>

#include "bench/roofline.h"
#include "bench/workloads.h"

namespace polyphase::bench {

// Measures the machine's peaks, then runs the layers on one thread and on all, and prints each with the fraction of the
// peaks that it reaches. Returns false when a result is wrong or a layer cannot be run; the table says which.
bool RunDemo(const std::vector<Workload>& workloads, const Roofline& roofline);

}  // namespace polyphase::bench

#endif  // POLYPHASE_BENCH_DEMO_H_
