// Runs a plan's tasks on the injected threads.
#ifndef POLYPHASE_SRC_EXEC_RUNNER_H_
#define POLYPHASE_SRC_EXEC_RUNNER_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/arena.h"
#include "base/float_mode.h"
#include "plan/operator.h"

namespace polyphase::internal {

// Returns the threads that oneTBB would use in the arena of the calling thread, or 1 inside somebody's task.
size_t TbbThreads() noexcept;

// Calls task(context, i) for i in [0, count) on the runtime's threads.
void ParallelFor(const Runtime& runtime, size_t count, pph_task task, void* context);

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
  ParallelFor(
      context.runtime, workers, [](void* shared, size_t worker) { (*static_cast<Work*>(shared))(worker); },
      const_cast<std::remove_const_t<Work>*>(&work));
}

// Calls body(task, arena): tasks carve their scratch themselves.
template <class Body>
void RunTasks(const RunContext& context, int64_t tasks, int64_t worker_bytes, const Body& body) {
  RunWorkers(context, tasks, worker_bytes,
             [&body](const Arena& arena) { return [&body, arena](int64_t task) { body(task, arena); }; });
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_RUNNER_H_
