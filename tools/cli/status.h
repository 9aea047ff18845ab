// The library's Status as the tool's exceptions.
#ifndef POLYPHASE_TOOLS_CLI_STATUS_H_
#define POLYPHASE_TOOLS_CLI_STATUS_H_

#include <stdexcept>
#include <utility>

#include "polyphase/status.h"

namespace polyphase::cli {

inline void ThrowIfError(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

template <typename T>
T ValueOrThrow(StatusOr<T> result) {
  ThrowIfError(result.status());
  return *std::move(result);
}

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_STATUS_H_
