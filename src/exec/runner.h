// Runs a plan's tasks on the injected threads.
#ifndef POLYPHASE_SRC_EXEC_RUNNER_H_
#define POLYPHASE_SRC_EXEC_RUNNER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "polyphase/runtime.h"

namespace polyphase::internal {

// Threads that oneTBB would use in the calling thread's arena; 1 inside somebody's task.
size_t TbbThreads() noexcept;

// Calls task(context, i) for i in [0, count) on the runtime's threads.
void ParallelFor(const Runtime& runtime, size_t count, pph_task task, void* context);

// Calls body(task, worker) once for every task in [0, tasks), at most `workers` at a time; calls with the same worker
// never overlap, so that each worker has its own scratch. Tasks are handed out one by one, because the cores of a
// shared machine are never equally fast.
template <class Body>
void RunTasks(const Runtime& runtime, int64_t tasks, size_t workers, const Body& body) {
  if (workers > static_cast<size_t>(tasks)) workers = static_cast<size_t>(tasks);
  if (workers <= 1) {
    for (int64_t task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  struct Shared {
    const Body& body;
    std::atomic<int64_t> next;
    int64_t tasks;
  } shared{body, {0}, tasks};
  ParallelFor(
      runtime, workers,
      [](void* context, size_t worker) {
        auto& s = *static_cast<Shared*>(context);
        for (int64_t task; (task = s.next.fetch_add(1, std::memory_order_relaxed)) < s.tasks;) s.body(task, worker);
      },
      &shared);
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_RUNNER_H_
