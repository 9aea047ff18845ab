// Guard: turns exceptions into what a C ABI has, an error code for the caller and a text for whoever asks.
#ifndef POLYPHASE_BENCH_GUARD_H_
#define POLYPHASE_BENCH_GUARD_H_

#include <exception>
#include <string>

namespace polyphase::bench {

inline thread_local std::string last_error;

// Returns what `body` returns, or `failure` if it throws.
template <class Result, class Body>
Result Guard(Result failure, const Body& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    last_error = error.what();
    return failure;
  }
}

}  // namespace polyphase::bench

#endif  // POLYPHASE_BENCH_GUARD_H_
