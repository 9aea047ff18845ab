// Try: the one place that catches exceptions.
#ifndef POLYPHASE_SRC_BASE_TRY_H_
#define POLYPHASE_SRC_BASE_TRY_H_

namespace polyphase::internal {

// Returns body(), or failed() if it throws. What throws is the standard library when it finds no memory, or is asked
// for more than can exist, and what the caller has injected; our code never does. Built with -fno-exceptions it is
// body() alone: a failed operator new then ends the program, as in all code that is built so.
template <class Body, class Failed>
auto Try(const Body& body, const Failed& failed) noexcept -> decltype(body()) {
#ifdef __cpp_exceptions
  try {
    return body();
  } catch (...) {
    return failed();
  }
#else
  static_cast<void>(failed);
  return body();
#endif
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_BASE_TRY_H_
