// Lists the SIMD targets of this build and tells which of them this CPU can run.
#include "kernels/target.h"

#include <cctype>

#include "hwy/targets.h"

namespace polyphase::internal {

TargetList CompiledTargets() {
  TargetList list;
  const int64_t supported = hwy::SupportedTargets();
  // Highway numbers better targets with lower bits.
  for (uint64_t left = static_cast<uint64_t>(HWY_TARGETS); left != 0 && list.count < TargetList::kMax;
       left &= left - 1) {
    Target& target = list.targets[list.count++];
    target.bit = static_cast<int64_t>(left & ~(left - 1));
    target.supported = (supported & target.bit) != 0;
    const char* name = hwy::TargetName(target.bit);
    for (int i = 0; i + 1 < static_cast<int>(sizeof(target.name)) && name[i] != 0; ++i) {
      target.name[i] = static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
    }
  }
  return list;
}

}  // namespace polyphase::internal
