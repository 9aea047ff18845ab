// Runs a plan's tasks on the injected threads, or on those of exec/threads.h.
#ifndef POLYPHASE_SRC_EXEC_RUNNER_H_
#define POLYPHASE_SRC_EXEC_RUNNER_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/arena.h"
#include "base/float_mode.h"
#include "base/try.h"
#include "exec/threads.h"
#include "plan/operator.h"

namespace polyphase::internal {

// Calls run(task) once for every task in [0, tasks), at most context.workers at a time. Each worker has a `run` of its
// own, make(arena) with worker_bytes of memory. Tasks are handed out one by one, because the cores of a shared machine
// are never equally fast.
template <class Make>
void RunWorkers(const RunContext& context, int64_t tasks, int64_t worker_bytes, const Make& make) {
  std::atomic<int64_t> next{0};
  const auto work = [&](size_t worker) {
    const FloatMode mode(context.denormals);
    char* const memory = static_cast<char*>(context.workspace) + static_cast<int64_t>(worker) * worker_bytes;
    auto run = make(Arena(memory, worker_bytes));
    for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) run(task);
  };
  const size_t workers = std::min(context.workers, static_cast<size_t>(tasks));
  if (workers <= 1) return work(0);
  using Work = decltype(work);
  const pph_task task = [](void* shared, size_t worker) { (*static_cast<Work*>(shared))(worker); };
  void* const shared = const_cast<std::remove_const_t<Work>*>(&work);
  const Runtime& runtime = context.runtime;
  if (runtime.parallel_for != nullptr) {
    runtime.parallel_for(runtime.context, workers, task, shared);
  } else {
    // oneTBB throws where it finds no memory, when what it began has returned.
    Try([&] { RunOnThreads(workers, task, shared); }, [] {});
  }
  // Whoever had no memory for threads called fewer workers than it should have, or none.
  if (next.load(std::memory_order_relaxed) < tasks) work(0);
}

// Calls body(task, arena): tasks carve their scratch themselves.
template <class Body>
void RunTasks(const RunContext& context, int64_t tasks, int64_t worker_bytes, const Body& body) {
  RunWorkers(context, tasks, worker_bytes,
             [&body](const Arena& arena) { return [&body, arena](int64_t task) { body(task, arena); }; });
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_RUNNER_H_
