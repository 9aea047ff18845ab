#include "tests/fuzz/heap.h"

#include "tests/testers/heap_calls.h"

namespace polyphase::fuzz {

HeapLimit::HeapLimit(size_t bytes) : before_(testing::Heap::Limit(bytes)) {}
HeapLimit::~HeapLimit() { testing::Heap::Limit(before_); }

}  // namespace polyphase::fuzz
