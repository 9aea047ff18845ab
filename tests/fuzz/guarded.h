// Guarded memory: blocks of exactly the bytes that a call may touch. It lasts as long as the process, and what lies
// between the blocks and behind the last one is poisoned for AddressSanitizer. That costs a few bytes of its shadow,
// where a block of the heap costs a call of malloc, one of free, and often new pages. MemorySanitizer takes each new
// block as uninitialized.
#ifndef POLYPHASE_TESTS_FUZZ_GUARDED_H_
#define POLYPHASE_TESTS_FUZZ_GUARDED_H_

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/testers/sanitizers.h"
#ifdef POLYPHASE_TEST_MSAN
#include <sanitizer/msan_interface.h>
#endif

namespace polyphase::fuzz {

class Guarded {
 public:
  static constexpr size_t kBytes = 32 << 20;

  // Blocks that are taken while it lives end with it, and touching one later is an error as well.
  class Scope {
   public:
    Scope() : end_(memory().end_) {}
    ~Scope() {
      Guarded& all = memory();
      ASAN_POISON_MEMORY_REGION(all.begin_ + end_, all.end_ - end_);
      all.end_ = end_;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    size_t end_;
  };

  // Returns a block with what the last one here left in it. Alignments are powers of two; a zone of at least 128 bytes
  // before and after it is poisoned.
  static uint8_t* Take(size_t bytes, size_t alignment = 16) {
    Guarded& all = memory();
    // The zones of large blocks are wider, as what goes astray there goes farther.
    const size_t zone = std::clamp(bytes / 4, size_t{128}, size_t{4096});
    const size_t begin = (all.end_ + zone + alignment - 1) / alignment * alignment;
    if (bytes > kBytes || begin + bytes + zone > kBytes) std::abort();
    ASAN_UNPOISON_MEMORY_REGION(all.begin_ + begin, bytes);
#ifdef POLYPHASE_TEST_MSAN
    __msan_poison(all.begin_ + begin, bytes);
#endif
    all.end_ = begin + bytes + zone;
    return all.begin_ + begin;
  }

 private:
  // Not of the heap, which LeakSanitizer would read through for pointers.
  Guarded()
      : begin_(static_cast<uint8_t*>(
            mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    if (begin_ == MAP_FAILED) std::abort();
    ASAN_POISON_MEMORY_REGION(begin_, kBytes);
  }
  static Guarded& memory() {
    static Guarded* const all = new Guarded;
    return *all;
  }

  uint8_t* begin_;
  size_t end_ = 0;
};

}  // namespace polyphase::fuzz

#endif  // POLYPHASE_TESTS_FUZZ_GUARDED_H_
