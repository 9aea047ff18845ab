// Runs a plan's tasks on the injected threads.
#ifndef POLYPHASE_SRC_EXEC_RUNNER_H_
#define POLYPHASE_SRC_EXEC_RUNNER_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/arena.h"
#include "plan/operator.h"

namespace polyphase::internal {

// Returns the threads that oneTBB would use in the arena of the calling thread, or 1 inside somebody's task.
size_t TbbThreads() noexcept;

// Calls task(context, i) for i in [0, count) on the runtime's threads.
void ParallelFor(const Runtime& runtime, size_t count, pph_task task, void* context);

// Calls body(task, arena) once for every task in [0, tasks), at most context.workers at a time. The arena has the
// worker_bytes of the worker that runs the task; calls of one worker never overlap. Tasks are handed out one by one,
// because the cores of a shared machine are never equally fast.
template <class Body>
void RunTasks(const RunContext& context, int64_t tasks, int64_t worker_bytes, const Body& body) {
  const auto arena = [&](size_t worker) {
    return Arena(static_cast<char*>(context.workspace) + static_cast<int64_t>(worker) * worker_bytes, worker_bytes);
  };
  const size_t workers = std::min(context.workers, static_cast<size_t>(tasks));
  if (workers <= 1) {
    for (int64_t task = 0; task < tasks; ++task) body(task, arena(0));
    return;
  }
  std::atomic<int64_t> next{0};
  const auto work = [&](size_t worker) {
    for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) body(task, arena(worker));
  };
  using Work = decltype(work);
  ParallelFor(
      context.runtime, workers, [](void* shared, size_t worker) { (*static_cast<Work*>(shared))(worker); },
      const_cast<std::remove_const_t<Work>*>(&work));
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_RUNNER_H_
