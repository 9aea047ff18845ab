// Demo: layers of well-known networks, checked and timed, as a table for a human.
#ifndef POLYPHASE_BENCH_DEMO_H_
#define POLYPHASE_BENCH_DEMO_H_

#include <string>
#include <vector>

#include "bench/roofline.h"
#include "bench/workloads.h"

namespace polyphase::bench {

// Measures the machine's peaks, then runs the layers on one thread and on all, and prints each with the fraction of the
// peaks that it reaches. Returns false when a result is wrong or a layer cannot be run; the table says which.
//
// Unless `record` is empty it is the path of a file that gets the same numbers, one kind of line each:
//   machine  version  CPU
//   peak     target  threads  FLOP/s
//   memory   threads  bytes/s
//   layer    op  layout  id  network  shape  kind  target  algorithm  rate  threads  seconds  share of the roofline
// with tabs between. Layers that failed have no line. Throws std::runtime_error if it cannot be written.
bool RunDemo(const std::vector<Workload>& workloads, const Roofline& roofline, const std::string& record);

}  // namespace polyphase::bench

#endif  // POLYPHASE_BENCH_DEMO_H_
