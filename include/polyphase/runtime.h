// Runtime: the threads and the memory that the caller lends to an operator.
#ifndef POLYPHASE_RUNTIME_H_
#define POLYPHASE_RUNTIME_H_

#include <cstddef>
#include <string>
#include <vector>

#include "polyphase/export.h"
#include "polyphase/polyphase_c.h"

namespace polyphase {

// The fields are those of pph_runtime in polyphase_c.h. A default-constructed Runtime stands for oneTBB in the caller's
// arena and aligned operator new.
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

// Returns all compiled targets, best first; there is at least one. Thread-safe.
POLYPHASE_EXPORT std::vector<TargetInfo> Targets();

// Data cache sizes of one core in bytes; l3 is the whole shared cache. Unknown sizes are 0.
struct CacheSizes {
  size_t l1 = 0;
  size_t l2 = 0;
  size_t l3 = 0;
};
POLYPHASE_EXPORT CacheSizes Caches() noexcept;

// The number of threads that a default-constructed Runtime uses in the calling thread's arena.
POLYPHASE_EXPORT size_t DefaultThreads() noexcept;

// The version of the linked library, "0.2.0"; POLYPHASE_VERSION in version.h is that of the headers.
POLYPHASE_EXPORT const char* Version() noexcept;

}  // namespace polyphase

#endif  // POLYPHASE_RUNTIME_H_
