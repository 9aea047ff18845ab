// AlignedBuffer: owned memory from a Runtime's allocator.
#ifndef POLYPHASE_SRC_BASE_ALIGNED_BUFFER_H_
#define POLYPHASE_SRC_BASE_ALIGNED_BUFFER_H_

#include <cstddef>
#include <new>
#include <utility>

#include "polyphase/runtime.h"

namespace polyphase::internal {

// Returns null on failure and for 0 bytes.
inline void* Allocate(const Runtime& runtime, size_t bytes) {
  if (bytes == 0) return nullptr;
  if (runtime.allocate != nullptr) return runtime.allocate(runtime.context, bytes, kWorkspaceAlignment);
  return ::operator new(bytes, std::align_val_t(kWorkspaceAlignment), std::nothrow);
}

inline void Deallocate(const Runtime& runtime, void* pointer, size_t bytes) {
  if (pointer == nullptr) return;
  if (runtime.deallocate != nullptr) {
    runtime.deallocate(runtime.context, pointer, bytes, kWorkspaceAlignment);
  } else {
    ::operator delete(pointer, std::align_val_t(kWorkspaceAlignment));
  }
}

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  AlignedBuffer(const Runtime& runtime, size_t bytes)
      : runtime_(runtime), data_(Allocate(runtime, bytes)), bytes_(bytes) {}
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : runtime_(other.runtime_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(runtime_, other.runtime_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~AlignedBuffer() { Deallocate(runtime_, data_, bytes_); }

  bool ok() const { return data_ != nullptr || bytes_ == 0; }
  size_t bytes() const { return bytes_; }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  Runtime runtime_;
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_BASE_ALIGNED_BUFFER_H_
