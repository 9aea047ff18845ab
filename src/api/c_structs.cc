// The checks of a C caller's structs and flags.
#include "api/c_structs.h"

#include <algorithm>
#include <cstdint>

namespace polyphase::internal {

Status NullError(const char* name) { return Status::InvalidArgument("%s = null: must not be null", name); }

Status CheckAlignment(const char* c_struct, const char* name, const void* pointer, size_t alignment) {
  if (reinterpret_cast<uintptr_t>(pointer) % alignment == 0) return Status();
  return Status::InvalidArgument("%s %s = %p: must be aligned to %zu bytes", c_struct, name, pointer, alignment);
}

Status CheckFlag(const char* c_struct, const char* name, int32_t value) {
  if (value == 0 || value == 1) return Status();
  return Status::InvalidArgument("%s %s = %d: must be 0 or 1", c_struct, name, static_cast<int>(value));
}

Status CheckStruct(const char* name, const char* c_struct, const void* c, size_t first, size_t known, size_t step) {
  // No version will have a larger struct. A size that was never set must not make the check below read far away.
  constexpr size_t kMost = 4096;
  size_t size = 0;
  std::memcpy(&size, c, sizeof(size));
  if (size < first || size > kMost) {
    return Status::InvalidArgument("%s struct_size = %zu: must be %zu to %zu, as %s_init sets it", name, size, first,
                                   kMost, c_struct);
  }
  // A pointer of which only some bytes were the caller's would lead anywhere.
  if (size < known && size % step != 0) {
    return Status::InvalidArgument("%s struct_size = %zu: must be a multiple of %zu, as %s_init sets it", name, size,
                                   step, c_struct);
  }
  const auto* const bytes = static_cast<const unsigned char*>(c);
  if (size <= known || std::all_of(bytes + known, bytes + size, [](unsigned char byte) { return byte == 0; })) {
    return Status();
  }
  return Status::InvalidArgument(
      "%s struct_size = %zu: fields beyond the %zu bytes that this version knows must be zero", name, size, known);
}

}  // namespace polyphase::internal
