// Suite: the rows of the table as Google Benchmark cases.
#ifndef POLYPHASE_BENCH_SUITE_H_
#define POLYPHASE_BENCH_SUITE_H_

#include <vector>

#include "bench/options.h"
#include "bench/roofline.h"
#include "bench/workloads.h"

namespace polyphase::bench {

// Runs the cases that Google Benchmark's options choose, and returns the exit status of the program.
int RunSuite(const Options& options, const std::vector<Workload>& workloads, const Roofline& roofline);

}  // namespace polyphase::bench

#endif  // POLYPHASE_BENCH_SUITE_H_
