#include "tests/fuzz/heap.h"

#include "tests/testers/heap_calls.h"

namespace polyphase::fuzz {

HeapLimit::HeapLimit(size_t bytes) { testing::Heap::Limit(bytes); }
HeapLimit::~HeapLimit() { testing::Heap::Limit(SIZE_MAX); }

}  // namespace polyphase::fuzz
