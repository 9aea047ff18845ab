// Says which sanitizer a program is built with.
#ifndef POLYPHASE_TESTS_TESTERS_SANITIZERS_H_
#define POLYPHASE_TESTS_TESTERS_SANITIZERS_H_

#if defined(__SANITIZE_THREAD__)
#define POLYPHASE_TEST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define POLYPHASE_TEST_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define POLYPHASE_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POLYPHASE_TEST_ASAN 1
#endif
#endif
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define POLYPHASE_TEST_MSAN 1
#endif
#endif

namespace polyphase::testing {

#ifdef POLYPHASE_TEST_TSAN
constexpr bool kTsan = true;
#else
constexpr bool kTsan = false;
#endif
#ifdef POLYPHASE_TEST_ASAN
constexpr bool kAsan = true;
#else
constexpr bool kAsan = false;
#endif
// Sanitized builds are 5 to 20 times slower, so tests with many cases take fewer of them.
constexpr bool kSanitized = kTsan || kAsan;

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_SANITIZERS_H_
