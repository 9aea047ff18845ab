// No threads: a run is serial unless a runner is injected.
#include "exec/threads.h"

namespace polyphase::internal {

const char* ThreadsName() noexcept { return "none"; }

size_t ThreadCount() noexcept { return 1; }

void RunOnThreads(size_t count, pph_task task, void* context) {
  for (size_t i = 0; i < count; ++i) task(context, i);
}

}  // namespace polyphase::internal
