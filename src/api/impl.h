// The public functions share this: making handles, and the checks of a Create.
#ifndef POLYPHASE_SRC_API_IMPL_H_
#define POLYPHASE_SRC_API_IMPL_H_

#include <memory>
#include <utility>

#include "plan/operator.h"

namespace polyphase::internal {

// Makes handles of implementations that exist.
struct HandleAccess {
  template <class Handle, class Impl>
  static Handle Make(std::shared_ptr<const Impl> impl) {
    return Handle(std::move(impl));
  }
};

Status OutOfMemory();
Status CheckRuntime(const Runtime& runtime);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_API_IMPL_H_
