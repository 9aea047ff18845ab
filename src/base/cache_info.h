// Sizes of this machine's data caches.
#ifndef POLYPHASE_SRC_BASE_CACHE_INFO_H_
#define POLYPHASE_SRC_BASE_CACHE_INFO_H_

#include <unistd.h>

#include <cstddef>

#include "polyphase/runtime.h"

namespace polyphase::internal {

inline CacheSizes ReadCacheSizes() {
  CacheSizes sizes;
#ifdef _SC_LEVEL1_DCACHE_SIZE
  const auto read = [](int name) {
    const long value = sysconf(name);  // NOLINT(google-runtime-int): sysconf's type
    return value > 0 ? static_cast<size_t>(value) : size_t{0};
  };
  sizes.l1 = read(_SC_LEVEL1_DCACHE_SIZE);
  sizes.l2 = read(_SC_LEVEL2_CACHE_SIZE);
  sizes.l3 = read(_SC_LEVEL3_CACHE_SIZE);
#endif
  return sizes;
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_BASE_CACHE_INFO_H_
