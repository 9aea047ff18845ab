// Counts the heap calls of all threads, and makes allocations fail, in the program whose one file includes this: it
// replaces glibc's malloc family, where operators new and delete end as well. Sanitizers have a malloc of their own;
// with them it replaces operators new and delete, which is all that the library calls.
#ifndef POLYPHASE_TESTS_TESTERS_HEAP_CALLS_H_
#define POLYPHASE_TESTS_TESTERS_HEAP_CALLS_H_

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "tests/testers/sanitizers.h"

#if defined(POLYPHASE_TEST_ASAN) || defined(POLYPHASE_TEST_TSAN) || defined(POLYPHASE_TEST_MSAN)
#define POLYPHASE_TEST_HEAP_OF_SANITIZER 1
#endif

namespace polyphase::testing {

constexpr int64_t kNoFailure = -1;

// What the heap did while a body ran.
struct HeapUse {
  int64_t calls = 0;    // frees among them
  int64_t live = 0;     // blocks that were allocated and not freed
  bool failed = false;  // whether an allocation was made to fail
};

class Heap {
 public:
  // Watches the heap while `body` runs. The first `successes` allocations succeed; the next one fails, and all later
  // ones if `forever`.
  template <class Body>
  static HeapUse Watch(const Body& body, int64_t successes = kNoFailure, bool forever = false) {
    calls_ = live_ = 0;
    failed_ = false;
    successes_ = successes;
    forever_ = forever;
    watching_ = true;
    body();
    watching_ = false;
    return {calls_, live_, failed_};
  }

  // Returns what `allocate` does, or null where it is to fail.
  template <class Allocate>
  static void* Take(const Allocate& allocate) {
    if (!watching_.load(std::memory_order_relaxed)) return allocate();
    ++calls_;
    if (successes_ != kNoFailure && (failed_ ? forever_.load() : successes_.fetch_sub(1) == 0)) {
      failed_ = true;
      successes_ = 0;
      errno = ENOMEM;
      return nullptr;
    }
    void* const pointer = allocate();
    if (pointer != nullptr) ++live_;
    return pointer;
  }
  // No allocation of more bytes succeeds from now on, whether the heap is watched or not; SIZE_MAX: there is no limit.
  // Returns the limit so far. Sanitizers only.
  static size_t Limit(size_t bytes) { return most_.exchange(bytes); }
  static bool Allows(size_t bytes) { return bytes <= most_.load(std::memory_order_relaxed); }

  // Counts the end of a block.
  static void Give(const void* pointer) {
    if (!watching_.load(std::memory_order_relaxed)) return;
    ++calls_;
    if (pointer != nullptr) --live_;
  }

 private:
  static inline std::atomic<bool> watching_{false}, failed_{false}, forever_{false};
  static inline std::atomic<int64_t> calls_{0}, live_{0}, successes_{kNoFailure};
  static inline std::atomic<size_t> most_{SIZE_MAX};
};

// Returns the number of heap calls while `body` runs.
template <class Body>
int64_t HeapCallsOf(const Body& body) {
  return Heap::Watch(body).calls;
}

#ifdef POLYPHASE_TEST_HEAP_OF_SANITIZER
// The standard's default is that all others call these.
inline void* New(size_t bytes) {
  if (!Heap::Allows(bytes)) return nullptr;
  return Heap::Take([=] { return std::malloc(bytes != 0 ? bytes : 1); });
}
inline void* New(size_t bytes, std::align_val_t alignment) {
  const auto align = static_cast<size_t>(alignment);
  if (!Heap::Allows(bytes)) return nullptr;
  return Heap::Take([=] { return std::aligned_alloc(align, (bytes + align - 1) / align * align); });
}
inline void* OrThrow(void* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}
inline void Delete(void* pointer) {
  Heap::Give(pointer);
  std::free(pointer);
}
#endif

}  // namespace polyphase::testing

#ifdef POLYPHASE_TEST_HEAP_OF_SANITIZER

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(size_t bytes) { return polyphase::testing::OrThrow(polyphase::testing::New(bytes)); }
void* operator new[](size_t bytes) { return polyphase::testing::OrThrow(polyphase::testing::New(bytes)); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return polyphase::testing::New(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return polyphase::testing::New(bytes); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return polyphase::testing::OrThrow(polyphase::testing::New(bytes, alignment));
}
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return polyphase::testing::OrThrow(polyphase::testing::New(bytes, alignment));
}
void* operator new(size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return polyphase::testing::New(bytes, alignment);
}
void* operator new[](size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return polyphase::testing::New(bytes, alignment);
}
void operator delete(void* pointer) noexcept { polyphase::testing::Delete(pointer); }
void operator delete[](void* pointer) noexcept { polyphase::testing::Delete(pointer); }
void operator delete(void* pointer, size_t) noexcept { polyphase::testing::Delete(pointer); }
void operator delete[](void* pointer, size_t) noexcept { polyphase::testing::Delete(pointer); }
void operator delete(void* pointer, std::align_val_t) noexcept { polyphase::testing::Delete(pointer); }
void operator delete[](void* pointer, std::align_val_t) noexcept { polyphase::testing::Delete(pointer); }
void operator delete(void* pointer, size_t, std::align_val_t) noexcept { polyphase::testing::Delete(pointer); }
void operator delete[](void* pointer, size_t, std::align_val_t) noexcept { polyphase::testing::Delete(pointer); }
#pragma GCC diagnostic pop

#else

// glibc lets a program replace the whole family, and has these names for the originals.
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* pointer, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* pointer);

void* malloc(size_t bytes) {
  return polyphase::testing::Heap::Take([=] { return __libc_malloc(bytes); });
}
void* calloc(size_t count, size_t bytes) {
  return polyphase::testing::Heap::Take([=] { return __libc_calloc(count, bytes); });
}
void* realloc(void* pointer, size_t bytes) {
  void* const moved = polyphase::testing::Heap::Take([=] { return __libc_realloc(pointer, bytes); });
  if (moved != nullptr) polyphase::testing::Heap::Give(pointer);
  return moved;
}
void* memalign(size_t alignment, size_t bytes) {
  return polyphase::testing::Heap::Take([=] { return __libc_memalign(alignment, bytes); });
}
void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** pointer, size_t alignment, size_t bytes) {
  *pointer = memalign(alignment, bytes);
  return *pointer != nullptr ? 0 : ENOMEM;
}
void free(void* pointer) {
  polyphase::testing::Heap::Give(pointer);
  __libc_free(pointer);
}
}  // extern "C"

#endif

#endif  // POLYPHASE_TESTS_TESTERS_HEAP_CALLS_H_
