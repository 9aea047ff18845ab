// ParseNumber: parses text as a number.
#ifndef POLYPHASE_TOOLS_CLI_PARSE_NUMBER_H_
#define POLYPHASE_TOOLS_CLI_PARSE_NUMBER_H_

#include <charconv>
#include <cmath>
#include <string_view>
#include <system_error>

namespace polyphase::cli {

// Returns whether all of `text` is a finite number that T holds. std::from_chars knows no locale, no sign "+" and no
// spaces.
template <typename T>
bool ParseNumber(std::string_view text, T* number) {
  const char* const end = text.data() + text.size();
  const std::from_chars_result result = std::from_chars(text.data(), end, *number);
  return result.ec == std::errc() && result.ptr == end && std::isfinite(static_cast<double>(*number));
}

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_PARSE_NUMBER_H_
