// Counts the heap calls of all threads, by replacing glibc's malloc family in the program whose one file includes this.
// Operators new and delete end there as well. Sanitizers have allocators of their own and cannot be combined with it.
#ifndef POLYPHASE_TESTS_TESTERS_HEAP_CALLS_H_
#define POLYPHASE_TESTS_TESTERS_HEAP_CALLS_H_

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace polyphase::testing {

inline std::atomic<bool> counting_heap_calls{false};
inline std::atomic<int64_t> heap_calls{0};

inline void CountHeapCall() {
  if (counting_heap_calls.load(std::memory_order_relaxed)) heap_calls.fetch_add(1, std::memory_order_relaxed);
}

// Returns the number of heap calls, frees among them, while `body` runs.
template <class Body>
int64_t HeapCallsOf(const Body& body) {
  heap_calls = 0;
  counting_heap_calls = true;
  body();
  counting_heap_calls = false;
  return heap_calls;
}

}  // namespace polyphase::testing

// glibc lets a program replace the whole family, and has these names for the originals.
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* pointer, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* pointer);

void* malloc(size_t bytes) {
  polyphase::testing::CountHeapCall();
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  polyphase::testing::CountHeapCall();
  return __libc_calloc(count, bytes);
}
void* realloc(void* pointer, size_t bytes) {
  polyphase::testing::CountHeapCall();
  return __libc_realloc(pointer, bytes);
}
void* memalign(size_t alignment, size_t bytes) {
  polyphase::testing::CountHeapCall();
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  polyphase::testing::CountHeapCall();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** pointer, size_t alignment, size_t bytes) {
  polyphase::testing::CountHeapCall();
  *pointer = __libc_memalign(alignment, bytes);
  return *pointer != nullptr ? 0 : ENOMEM;
}
void free(void* pointer) {
  polyphase::testing::CountHeapCall();
  __libc_free(pointer);
}
}  // extern "C"

#endif  // POLYPHASE_TESTS_TESTERS_HEAP_CALLS_H_
