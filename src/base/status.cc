// Formats the messages of Status.
#include "polyphase/status.h"

#include <cstdarg>
#include <cstdio>

namespace polyphase {

Status Status::MakeV(StatusCode code, const char* format, va_list args) noexcept {
  Status status;
  status.code_ = code;
  std::vsnprintf(status.message_, sizeof(status.message_), format, args);
  return status;
}

Status Status::Make(StatusCode code, const char* format, ...) noexcept {
  va_list args;
  va_start(args, format);
  const Status status = MakeV(code, format, args);
  va_end(args);
  return status;
}

Status Status::InvalidArgument(const char* format, ...) noexcept {
  va_list args;
  va_start(args, format);
  const Status status = MakeV(StatusCode::kInvalidArgument, format, args);
  va_end(args);
  return status;
}

Status Status::Unsupported(const char* format, ...) noexcept {
  va_list args;
  va_start(args, format);
  const Status status = MakeV(StatusCode::kUnsupported, format, args);
  va_end(args);
  return status;
}

}  // namespace polyphase
