// The heap of the fuzz targets: what is too large for the machine fails with std::bad_alloc first.
#ifndef POLYPHASE_TESTS_FUZZ_HEAP_H_
#define POLYPHASE_TESTS_FUZZ_HEAP_H_

#include <cstddef>

namespace polyphase::fuzz {

// While it lives, no operator new of more bytes succeeds. (The sanitizer's own would end the process; libFuzzer's must
// succeed, between the calls of a target.)
class HeapLimit {
 public:
  explicit HeapLimit(size_t bytes);
  ~HeapLimit();
  HeapLimit(const HeapLimit&) = delete;
  HeapLimit& operator=(const HeapLimit&) = delete;

 private:
  size_t before_;
};

}  // namespace polyphase::fuzz

#endif  // POLYPHASE_TESTS_FUZZ_HEAP_H_
