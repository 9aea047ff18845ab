// IsError: checks that a call failed with a message of one line that names what it must.
#ifndef POLYPHASE_TESTS_TESTERS_IS_ERROR_H_
#define POLYPHASE_TESTS_TESTERS_IS_ERROR_H_

#include <initializer_list>
#include <string>

#include "gtest/gtest.h"
#include "polyphase/status.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {

// `words` are what the message must contain: the name of an attribute, its value.
inline ::testing::AssertionResult IsError(const Status& status, std::initializer_list<const char*> words) {
  if (status.code() != StatusCode::kInvalidArgument && status.code() != StatusCode::kUnsupported) {
    return ::testing::AssertionFailure() << "code " << static_cast<int>(status.code()) << ", message \""
                                         << status.message() << "\"";
  }
  const std::string message = status.message();
  if (message.empty() || message.find('\n') != std::string::npos) {
    return ::testing::AssertionFailure() << "not one line: \"" << message << "\"";
  }
  for (const char* word : words) {
    if (!ContainsWord(message, word)) {
      return ::testing::AssertionFailure() << "\"" << word << "\" is not in \"" << message << "\"";
    }
  }
  return ::testing::AssertionSuccess();
}

template <typename T>
::testing::AssertionResult IsError(const StatusOr<T>& result, std::initializer_list<const char*> words) {
  if (result.ok()) return ::testing::AssertionFailure() << "succeeded";
  return IsError(result.status(), words);
}

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_IS_ERROR_H_
