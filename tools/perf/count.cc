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
#include <cerrno>
#include <cstddef>
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

namespace {
bool counting = false;
long heap_calls = 0;
}  // namespace

// glibc lets a program replace the whole family, and has these names for the originals. Operators new and delete end
// here as well.
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* pointer, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* pointer);

static void CountCall() { heap_calls += counting; }

void* malloc(size_t bytes) {
  CountCall();
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  CountCall();
  return __libc_calloc(count, bytes);
}
void* realloc(void* pointer, size_t bytes) {
  CountCall();
  return __libc_realloc(pointer, bytes);
}
void* memalign(size_t alignment, size_t bytes) {
  CountCall();
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  CountCall();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** pointer, size_t alignment, size_t bytes) {
  CountCall();
  *pointer = __libc_memalign(alignment, bytes);
  return *pointer != nullptr ? 0 : ENOMEM;
}
void free(void* pointer) {
  CountCall();
  __libc_free(pointer);
}
}  // extern "C"

namespace polyphase::bench {
namespace {

// About a million instructions with AVX2, two with SSE4.
constexpr double kWork = 2e6;

void Count(const Workload& workload, const std::string& layout, const std::string& target) {
  const Problem problem(Shrunk(workload, kWork));
  Case run(problem, {LayoutName(layout), target, 1});
  static const bool warm = (run.Run(), true);  // what the process does once
  (void)warm;
  const std::string name = workload.id + " " + layout;
  heap_calls = 0;
  counting = true;
  CALLGRIND_ZERO_STATS;
  run.Run();
  CALLGRIND_DUMP_STATS_AT(name.c_str());
  counting = false;
  std::printf("%s\t%s\t%ld\t%s\n", workload.id.c_str(), layout.c_str(), heap_calls, run.plan().Describe().c_str());
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
