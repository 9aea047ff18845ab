// polyphase_count: runs rows of the workload table, shrunk, between callgrind's client requests, so that one process of
// `valgrind --tool=callgrind` counts the instructions of each; and counts the heap calls of each by itself.
//
//     polyphase_count TABLE ISA < CASES    a case is a line "id layout"
//
// Prints a line per case: id, layout, heap calls of a run, what the plan chose; tab-separated. The instructions are in
// callgrind's dump that is triggered by "id layout". `polyphase_count --environment` prints what counts depend on
// beside the code: compiler, Highway, C library. Exit status: 0; 1 when a case cannot be run; 2 for a wrong call.
#include <gnu/libc-version.h>
#include <valgrind/callgrind.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/case.h"
#include "bench/shrink.h"
#include "bench/workloads.h"
#include "hwy/highway.h"
#include "polyphase/runtime.h"
#include "tests/testers/heap_calls.h"

namespace polyphase::bench {
namespace {

// A row takes about a million instructions with AVX2, two with SSE4.
constexpr double kWork = 2e6;

void Count(const Workload& workload, const std::string& layout, const std::string& target) {
  const Problem problem(Shrunk(workload, kWork));
  Case run(problem, {LayoutName(layout), target, 1});
  static const bool warm = (run.Run(), true);  // what the process does once
  (void)warm;
  const std::string name = workload.id + " " + layout;
  const int64_t heap_calls = testing::HeapCallsOf([&] {
    CALLGRIND_ZERO_STATS;
    run.Run();
    CALLGRIND_DUMP_STATS_AT(name.c_str());
  });
  std::printf("%s\t%s\t%" PRId64 "\t%s\n", workload.id.c_str(), layout.c_str(), heap_calls,
              run.plan().Describe().c_str());
}

void CountAll(const std::string& table, const std::string& target, std::istream& cases) {
  const std::vector<TargetInfo> targets = Targets();
  const bool supported = std::any_of(targets.begin(), targets.end(),
                                     [&](const TargetInfo& info) { return info.name == target && info.supported; });
  // The library would take the next best one.
  if (!supported) throw std::runtime_error("this CPU, or valgrind's, cannot run the target '" + target + "'");
  const std::vector<Workload> workloads = ReadWorkloadsFile(table);
  for (std::string line; std::getline(cases, line);) {
    std::string id, layout;
    std::istringstream(line) >> id >> layout;
    const auto row =
        std::find_if(workloads.begin(), workloads.end(), [&id = id](const Workload& w) { return w.id == id; });
    if (row == workloads.end()) throw std::runtime_error(table + " has no row '" + id + "'");
    Count(*row, layout, target);
  }
}

}  // namespace
}  // namespace polyphase::bench

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--environment") {
#ifdef __clang__
    const char* const compiler = "";  // is part of its version
#else
    const char* const compiler = "GCC ";
#endif
    std::printf("%s%s, Highway %d.%d.%d, glibc %s\n", compiler, __VERSION__, HWY_MAJOR, HWY_MINOR, HWY_PATCH,
                gnu_get_libc_version());
    return 0;
  }
  if (argc != 3) {
    std::fprintf(stderr, "usage: polyphase_count TABLE ISA < CASES, or polyphase_count --environment\n");
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // lines are progress as well
  try {
    polyphase::bench::CountAll(argv[1], argv[2], std::cin);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "polyphase_count: %s\n", error.what());
    return 1;
  }
  return 0;
}
