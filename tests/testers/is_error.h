// IsError: checks that a call failed with a message of one line that names what it must.
#ifndef POLYPHASE_TESTS_TESTERS_IS_ERROR_H_
#define POLYPHASE_TESTS_TESTERS_IS_ERROR_H_

#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "polyphase/status.h"
#include "tests/testers/harness.h"

namespace polyphase::testing {

// `words`, separated by blanks, are what the message must contain: an attribute's name, its value.
inline ::testing::AssertionResult IsError(const Status& status, const std::string& words) {
  if (status.code() != StatusCode::kInvalidArgument && status.code() != StatusCode::kUnsupported) {
    return ::testing::AssertionFailure() << "code " << static_cast<int>(status.code()) << ", message \""
                                         << status.message() << "\"";
  }
  const std::string message = status.message();
  if (message.empty() || message.find('\n') != std::string::npos) {
    return ::testing::AssertionFailure() << "not one line: \"" << message << "\"";
  }
  std::istringstream stream(words);
  for (std::string word; stream >> word;) {
    if (!ContainsWord(message, word)) {
      return ::testing::AssertionFailure() << "\"" << word << "\" is not in \"" << message << "\"";
    }
  }
  return ::testing::AssertionSuccess();
}

template <typename T>
::testing::AssertionResult IsError(const StatusOr<T>& result, const std::string& words) {
  if (result.ok()) return ::testing::AssertionFailure() << "succeeded";
  return IsError(result.status(), words);
}

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_IS_ERROR_H_
