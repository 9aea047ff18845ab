// Status: the result of every call that can fail, with the rule that was broken if it did.
#ifndef POLYPHASE_STATUS_H_
#define POLYPHASE_STATUS_H_

#include <cstdarg>
#include <cstdint>
#include <optional>
#include <utility>

#include "polyphase/export.h"
#include "polyphase/polyphase_c.h"

namespace polyphase {

enum class StatusCode : int32_t {
  kOk = PPH_OK,
  kInvalidArgument = PPH_INVALID_ARGUMENT,  // an attribute, shape, layout, pointer or size breaks a stated rule
  kUnsupported = PPH_UNSUPPORTED,           // meaningful, but not implemented in this version
  // The runtime's allocator or operator new had no memory, or an injected function threw.
  kOutOfMemory = PPH_OUT_OF_MEMORY,
};

// A code and, unless it is kOk, a message that names the attribute, its value and the rule that it broke. The message
// is stored inside the object, so a Status is made, copied and returned without allocations and exceptions.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;

  // These take printf's formats and cut the message at kMaxMessage characters.
  POLYPHASE_EXPORT static Status Make(StatusCode code, const char* format, ...) noexcept
      __attribute__((format(printf, 2, 3)));
  POLYPHASE_EXPORT static Status InvalidArgument(const char* format, ...) noexcept
      __attribute__((format(printf, 1, 2)));
  POLYPHASE_EXPORT static Status Unsupported(const char* format, ...) noexcept __attribute__((format(printf, 1, 2)));

  bool ok() const noexcept { return code_ == StatusCode::kOk; }
  StatusCode code() const noexcept { return code_; }
  // Zero-terminated, and empty for kOk. The pointer is valid as long as this object.
  const char* message() const noexcept { return message_; }

  static constexpr int kMaxMessage = 251;

 private:
  static Status MakeV(StatusCode code, const char* format, va_list args) noexcept;

  StatusCode code_ = StatusCode::kOk;
  char message_[kMaxMessage + 1] = {};
};

// A value, or the Status that explains why there is none.
template <typename T>
class [[nodiscard]] StatusOr {
 public:
  // Both constructors are implicit, for `return status;` and `return value;`. An OK status without a value is a mistake
  // of the caller and becomes an error.
  // NOLINTBEGIN(google-explicit-constructor)
  StatusOr(Status status)
      : status_(status.ok() ? Status::InvalidArgument("StatusOr: made of an OK status without a value") : status) {}
  StatusOr(T value) : value_(std::move(value)) {}
  // NOLINTEND(google-explicit-constructor)

  bool ok() const noexcept { return status_.ok(); }
  const Status& status() const noexcept { return status_; }

  // All of these require ok().
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
