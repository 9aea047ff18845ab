// Arena: carves one worker's scratch out of the workspace of a run.
#ifndef POLYPHASE_SRC_BASE_ARENA_H_
#define POLYPHASE_SRC_BASE_ARENA_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "base/checked_math.h"
#include "base/line.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// The same code measures a scratch when a plan is made, with an arena that has no memory, and carves it in every task
// of a run, so that the two cannot disagree. An op's scratch is a struct of pointers whose constructor takes an
// `Arena&`.
class Arena {
 public:
  Arena() = default;  // measures: Take returns null
  Arena(void* memory, int64_t bytes) : memory_(static_cast<char*>(memory)), capacity_(bytes) {}

  // Returns memory for the product of `counts` elements, which starts on a line. `what` names it in messages.
  template <class T>
  T* Take(const char* what, std::initializer_list<int64_t> counts) {
    int64_t bytes = sizeof(T);
    bool fits = true;
    for (const int64_t count : counts) fits = fits && CheckedMul(bytes, count, &bytes) && bytes <= kMost;
    if (!fits || bytes > kMost - bytes_) {
      if (too_large_ == nullptr) too_large_ = what;
      return nullptr;
    }
    const int64_t offset = bytes_;
    bytes_ += RoundUp(bytes, kLineBytes);
    if (memory_ == nullptr) return nullptr;
    char* const begin = memory_ + offset;
    assert(bytes_ <= capacity_ && "the workspace is smaller than its plan measured");
    assert(reinterpret_cast<uintptr_t>(begin) % kLineBytes == 0);
    return reinterpret_cast<T*>(begin);
  }

  int64_t bytes() const { return bytes_; }  // bytes taken so far, in whole lines

  // Fails if more was asked for than any machine has.
  Status Check(const char* op) const {
    if (too_large_ == nullptr) return Status();
    return Status::InvalidArgument("%s workspace: the %s of one worker would exceed 2^48 bytes", op, too_large_);
  }

 private:
  static constexpr int64_t kMost = int64_t{1} << 48;  // times the most workers, 4096, it does not overflow

  char* memory_ = nullptr;
  [[maybe_unused]] int64_t capacity_ = 0;  // for the assertion
  int64_t bytes_ = 0;
  const char* too_large_ = nullptr;
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_BASE_ARENA_H_
