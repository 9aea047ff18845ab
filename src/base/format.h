// Format: formats as printf does, into a std::string of at most 511 characters. ExactText: numbers, not rounded.
#ifndef POLYPHASE_SRC_BASE_FORMAT_H_
#define POLYPHASE_SRC_BASE_FORMAT_H_

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace polyphase::internal {

__attribute__((format(printf, 1, 2))) inline std::string Format(const char* format, ...) {
  char buffer[512];
  va_list args;
  va_start(args, format);
  const int length = std::vsnprintf(buffer, sizeof(buffer), format, args);
  va_end(args);
  return std::string(buffer, length < 0 ? 0 : std::min(static_cast<size_t>(length), sizeof(buffer) - 1));
}

// Returns the shortest text of at least 6 digits, less where they are zeros, that reads back as `value`.
inline std::string ExactText(double value) {
  std::string text;
  for (int digits = 6; digits <= 17; ++digits) {
    text = Format("%.*g", digits, value);
    if (std::strtod(text.c_str(), nullptr) == value) break;
  }
  return text;
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_BASE_FORMAT_H_
