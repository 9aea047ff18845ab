// Runtime: the threads and the memory that the caller lends to an operator.
#ifndef POLYPHASE_RUNTIME_H_
#define POLYPHASE_RUNTIME_H_

#include <cstddef>
#include <string>
#include <vector>

#include "polyphase/export.h"
#include "polyphase/polyphase_c.h"

namespace polyphase {

// The fields are those of pph_runtime in polyphase_c.h. A default-constructed Runtime stands for the default threads
// and aligned operator new.
struct Runtime : pph_runtime {
  Runtime() : pph_runtime{sizeof(pph_runtime), nullptr, 0, nullptr, nullptr, nullptr} {}
  Runtime(const pph_runtime& runtime) : pph_runtime(runtime) {}  // NOLINT(google-explicit-constructor)
};

// The alignment in bytes of the workspace that Plan::Run takes.
constexpr size_t kWorkspaceAlignment = PPH_WORKSPACE_ALIGNMENT;

// One SIMD instruction set that the library was compiled for.
struct TargetInfo {
  // The name that OperatorOptions::isa and POLYPHASE_ISA take: "avx3", "avx2", "sse4", "ssse3", "scalar", ...
  std::string name;
  bool supported;  // this CPU can run it
  bool chosen;     // operators use it if OperatorOptions::isa is empty; POLYPHASE_ISA counts
};

// Returns all compiled targets, best first; there is at least one. Thread-safe. Throws std::bad_alloc where there is no
// memory for the list.
POLYPHASE_EXPORT std::vector<TargetInfo> Targets();

// The instruction that multiplies bf16 numbers in operators whose OperatorOptions::isa is empty, "tdpbf16ps" (AMX) or
// "vdpbf16ps" (AVX512_BF16). "" if the CPU has none, or POLYPHASE_ISA excludes it. Asks Linux for the registers of AMX,
// as OperatorOptions::isa says.
POLYPHASE_EXPORT const char* Bf16Instruction() noexcept;

// Data cache sizes of one core in bytes; l3 is the whole shared cache. Unknown sizes are 0.
struct CacheSizes {
  size_t l1 = 0;
  size_t l2 = 0;
  size_t l3 = 0;
};
POLYPHASE_EXPORT CacheSizes Caches() noexcept;

// The default threads, which the CMake option POLYPHASE_THREADS chose when the library was built:
//
// "tbb"   oneTBB in the arena of the calling thread, with that arena's settings. Inside of a TBB task, and in an arena
//         of one thread, a run is serial. oneTBB does not survive a fork. Once it has found no memory for its
//         structures, the runs of the process are serial; if every allocation fails at its first use, the process may
//         end.
// "std"   A pool of the library's own, made by the first run that has several tasks: the calling thread, and one thread
//         for each further CPU that the affinity mask of the process allows at that time. Runs at the same time share
//         it; each makes progress on its own thread. A child of fork makes itself a pool. The threads compute in the
//         caller's floating-point environment (rounding, denormals) and handle no signals of the process; they end with
//         the process, or when the library is unloaded, which must not happen during a run.
// "none"  The calling thread alone.
POLYPHASE_EXPORT const char* DefaultThreadPool() noexcept;

// The number of threads that a default-constructed Runtime uses when the calling thread makes or runs a plan. It is
// also the default of PlanOptions::num_threads; a larger one makes more, smaller parts, not more threads.
POLYPHASE_EXPORT size_t DefaultThreads() noexcept;

// The version of the linked library, "0.2.0"; POLYPHASE_VERSION in version.h is that of the headers.
POLYPHASE_EXPORT const char* Version() noexcept;

}  // namespace polyphase

#endif  // POLYPHASE_RUNTIME_H_
