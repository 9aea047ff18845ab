// Answers questions about the library and the machine.
#include "polyphase/runtime.h"

#include "base/cache_info.h"
#include "base/try.h"
#include "exec/threads.h"
#include "plan/kernels.h"
#include "polyphase/version.h"

namespace polyphase {

std::vector<TargetInfo> Targets() {
  const internal::TargetList list = internal::CompiledTargets();
  internal::Target chosen;
  // With an invalid POLYPHASE_ISA no target is marked chosen; Create reports the error.
  internal::Bf16Unit unit;
  const bool ok = internal::SelectTarget("", &chosen, &unit).ok();
  std::vector<TargetInfo> result;
  for (int i = 0; i < list.count; ++i) {
    const internal::Target& target = list.targets[i];
    result.push_back({target.name, target.supported, ok && target.bit == chosen.bit});
  }
  return result;
}

const char* Bf16Instruction() noexcept {
  const auto body = [] {
    internal::Target target;
    internal::Bf16Unit unit;
    if (!internal::SelectTarget("", &target, &unit).ok()) return "";
    const char* const instruction = internal::GetMatrixTiles(target.bit, unit).instruction;
    return instruction != nullptr ? instruction : "";
  };
  return internal::Try(body, [] { return ""; });
}

CacheSizes Caches() noexcept { return internal::ReadCacheSizes(); }

const char* DefaultThreadPool() noexcept { return internal::ThreadsName(); }

size_t DefaultThreads() noexcept { return internal::ThreadCount(); }

const char* Version() noexcept { return POLYPHASE_VERSION; }

}  // namespace polyphase
