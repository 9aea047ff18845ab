// The threads of a run that has none injected. The CMake option POLYPHASE_THREADS chooses which file implements them:
// threads_tbb.cc, threads_std.cc or threads_none.cc.
#ifndef POLYPHASE_SRC_EXEC_THREADS_H_
#define POLYPHASE_SRC_EXEC_THREADS_H_

#include <cstddef>

#include "polyphase/runtime.h"

namespace polyphase::internal {

// Returns the value of POLYPHASE_THREADS.
const char* ThreadsName() noexcept;

// Returns how many threads RunOnThreads would use if this thread called it, at least 1.
size_t ThreadCount() noexcept;

// Calls task(context, i) once for every i in [0, count), or for fewer where there is no memory for threads, and returns
// or throws when all of them have returned.
void RunOnThreads(size_t count, pph_task task, void* context);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_EXEC_THREADS_H_
