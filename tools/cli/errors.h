// The tool's errors: exceptions whose text is for the user.
#ifndef POLYPHASE_TOOLS_CLI_ERRORS_H_
#define POLYPHASE_TOOLS_CLI_ERRORS_H_

#include <stdexcept>
#include <string>
#include <utility>

#include "polyphase/status.h"

namespace polyphase::cli {

[[noreturn]] inline void Fail(const std::string& path, const std::string& message) {
  throw std::runtime_error(path + ": " + message);
}

inline void ThrowIfError(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

template <typename T>
T ValueOrThrow(StatusOr<T> result) {
  ThrowIfError(result.status());
  return *std::move(result);
}

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_ERRORS_H_
