// polyphase_bench: rows of the workload table as Google Benchmark cases, and the demo.
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <vector>

#include "bench/demo.h"
#include "bench/options.h"
#include "bench/roofline.h"
#include "bench/suite.h"
#include "bench/workloads.h"

namespace polyphase::bench {
namespace {

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  const std::vector<Workload> workloads = ReadWorkloadsFile(options.workloads);
  const Roofline roofline;
  if (!options.demo) return RunSuite(options, workloads, roofline);
  if (!options.rest.empty()) throw std::runtime_error("--demo does not take " + options.rest.front());
  return RunDemo(workloads, roofline, options.demo_record) ? 0 : 1;
}

}  // namespace
}  // namespace polyphase::bench

int main(int argc, char** argv) {
  try {
    return polyphase::bench::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "polyphase_bench: %s\n", error.what());
    return 2;
  }
}
