// Status: how every fallible call of Polyphase reports success or the rule that was broken.
#ifndef POLYPHASE_STATUS_H_
#define POLYPHASE_STATUS_H_

#include <cstdarg>
#include <cstdint>
#include <optional>
#include <utility>

#include "polyphase/export.h"

namespace polyphase {

enum class StatusCode : int32_t {
  kOk = 0,
  kInvalidArgument = 1,  // an attribute, shape, layout, pointer or size breaks a stated rule
  kUnsupported = 2,      // meaningful, but not implemented by this version
  kOutOfMemory = 3,      // the allocator returned null, or an injected parallel_for threw
};

// A code and, unless it is kOk, a message that names the attribute, its value and the rule that it broke. The message
// lives inside the object, so that making, copying and returning a Status never allocates and never throws.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;

  // printf-style; the message is cut at kMaxMessage characters.
  POLYPHASE_EXPORT static Status Make(StatusCode code, const char* format, ...) noexcept
      __attribute__((format(printf, 2, 3)));
  POLYPHASE_EXPORT static Status InvalidArgument(const char* format, ...) noexcept
      __attribute__((format(printf, 1, 2)));
  POLYPHASE_EXPORT static Status Unsupported(const char* format, ...) noexcept __attribute__((format(printf, 1, 2)));

  bool ok() const noexcept { return code_ == StatusCode::kOk; }
  StatusCode code() const noexcept { return code_; }
  // Zero-terminated; empty for kOk. Valid as long as this object.
  const char* message() const noexcept { return message_; }

  static constexpr int kMaxMessage = 251;

 private:
  static Status MakeV(StatusCode code, const char* format, va_list args) noexcept;

  StatusCode code_ = StatusCode::kOk;
  char message_[kMaxMessage + 1] = {};
};

// A value, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] StatusOr {
 public:
  // An OK status without a value is a mistake of the caller, and becomes an error.
  StatusOr(Status status)
      : status_(status.ok() ? Status::InvalidArgument("StatusOr: made of an OK status without a value") : status) {
  }                                                // NOLINT(google-explicit-constructor): `return status;`
  StatusOr(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): `return value;`

  bool ok() const noexcept { return status_.ok(); }
  const Status& status() const noexcept { return status_; }

  // Precondition of all of these: ok().
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return *std::move(value_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace polyphase

#endif  // POLYPHASE_STATUS_H_
