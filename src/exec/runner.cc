// The default runner: oneTBB in the caller's arena.
#include "exec/runner.h"

#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task.h>
#include <tbb/task_arena.h>

namespace polyphase::internal {

size_t TbbThreads() noexcept {
  // A task that ran our tasks in parallel could be handed, while it waits, an unrelated task of its caller.
  if (tbb::task::current_context() != nullptr) return 1;
  return static_cast<size_t>(tbb::this_task_arena::max_concurrency());
}

void ParallelFor(const Runtime& runtime, size_t count, pph_task task, void* context) {
  if (runtime.parallel_for != nullptr) return runtime.parallel_for(runtime.context, count, task, context);
  if (TbbThreads() == 1) {
    for (size_t i = 0; i < count; ++i) task(context, i);
    return;
  }
  tbb::parallel_for(
      size_t{0}, count, [=](size_t i) { task(context, i); }, tbb::simple_partitioner());
}

}  // namespace polyphase::internal
