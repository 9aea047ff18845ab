// Runtime: the threads and the memory that an operator uses, injected by the caller.
#ifndef POLYPHASE_RUNTIME_H_
#define POLYPHASE_RUNTIME_H_

#include <cstddef>
#include <string>
#include <vector>

#include "polyphase/export.h"
#include "polyphase/polyphase_c.h"

namespace polyphase {

// See pph_runtime in polyphase_c.h for the meaning of the fields. A default-made Runtime is oneTBB in the caller's
// arena and aligned operator new.
struct Runtime : pph_runtime {
  Runtime() : pph_runtime{sizeof(pph_runtime), nullptr, 0, nullptr, nullptr, nullptr} {}
  Runtime(const pph_runtime& runtime) : pph_runtime(runtime) {}  // NOLINT(google-explicit-constructor)
};

// Alignment in bytes of the workspace that Plan::Run takes.
constexpr size_t kWorkspaceAlignment = 64;

// One SIMD instruction set that the library was compiled for.
struct TargetInfo {
  // As `OperatorOptions::isa` and POLYPHASE_ISA take it: "avx3", "avx2", "sse4", "ssse3", "scalar", ...
  std::string name;
  bool supported;  // this CPU can run it
  bool chosen;     // operators use it when nothing else is asked for (POLYPHASE_ISA included)
};

// All compiled targets, best first. Thread-safe. Never empty.
POLYPHASE_EXPORT std::vector<TargetInfo> Targets();

// Data cache sizes of one core in bytes; 0 where unknown. `l3` is the whole shared cache.
struct CacheSizes {
  size_t l1 = 0;
  size_t l2 = 0;
  size_t l3 = 0;
};
POLYPHASE_EXPORT CacheSizes Caches() noexcept;

// Threads that a default Runtime uses in the calling thread's arena.
POLYPHASE_EXPORT size_t DefaultThreads() noexcept;

// "0.1.0"; the version of the library that is linked, POLYPHASE_VERSION of the header that was compiled against.
POLYPHASE_EXPORT const char* Version() noexcept;

}  // namespace polyphase

#endif  // POLYPHASE_RUNTIME_H_
