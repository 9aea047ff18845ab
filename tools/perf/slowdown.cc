// The rows module with a regression in it, for `perf prove`: every run of a row whose op is PERF_SLOWDOWN_OP is
// followed by PERF_SLOWDOWN times as much waiting as an undisturbed run takes.
#define rows_open Open
#define rows_run_on RunOn
#include "bench/rows.cc"
#undef rows_open
#undef rows_run_on

#include <chrono>

namespace {

using Clock = std::chrono::steady_clock;

Clock::duration wait{};  // of the row that was opened last

}  // namespace

extern "C" {

ROWS_EXPORT rows_case* rows_open(const rows_options* options) {
  rows_case* const c = Open(options);
  wait = {};
  if (c == nullptr || c->problem.workload().op != PERF_SLOWDOWN_OP) return c;
  Clock::duration fastest = Clock::duration::max();
  for (int i = 0; i < 8; ++i) {
    const Clock::time_point start = Clock::now();
    if (rows_run(c) != 0) return rows_close(c), nullptr;
    fastest = std::min(fastest, Clock::now() - start);
  }
  wait = std::chrono::duration_cast<Clock::duration>(fastest * double{PERF_SLOWDOWN});
  return c;
}

ROWS_EXPORT int rows_run_on(rows_case* c, const rows_buffers* buffers) {
  const int result = RunOn(c, buffers);
  for (const Clock::time_point end = Clock::now() + wait; Clock::now() < end;) {
  }
  return result;
}

}  // extern "C"
