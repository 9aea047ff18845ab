// The threads of oneTBB, in the arena of the caller.
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task.h>
#include <tbb/task_arena.h>

#include <atomic>

#include "base/try.h"
#include "exec/threads.h"

namespace polyphase::internal {

const char* ThreadsName() noexcept { return "tbb"; }

size_t ThreadCount() noexcept {
  // oneTBB makes its structures in its first call. Without memory for them it throws, and some of its later calls would
  // then wait for ever for the first to end: it is not called again.
  static std::atomic<bool> has_memory{true};
  if (!has_memory.load(std::memory_order_relaxed)) return 1;
  // If a task ran our tasks in parallel, it could be handed an unrelated task of its caller while it waits.
  const auto count = [] {
    return tbb::task::current_context() != nullptr ? 1 : static_cast<size_t>(tbb::this_task_arena::max_concurrency());
  };
  return Try(count, [] {
    has_memory.store(false, std::memory_order_relaxed);
    return size_t{1};
  });
}

void RunOnThreads(size_t count, pph_task task, void* context) {
  if (ThreadCount() == 1) {
    for (size_t i = 0; i < count; ++i) task(context, i);
    return;
  }
  tbb::parallel_for(
      size_t{0}, count, [=](size_t i) { task(context, i); }, tbb::simple_partitioner());
}

}  // namespace polyphase::internal
