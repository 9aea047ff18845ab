// Sizes of this machine's data caches.
#ifndef POLYPHASE_SRC_BASE_CACHE_INFO_H_
#define POLYPHASE_SRC_BASE_CACHE_INFO_H_

#include <unistd.h>

#include <cstddef>
#include <cstdio>

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
#ifdef __linux__
  // glibc 2.36 adds up all caches of a socket on AMD's Zen: 320 MiB where a core can use 32.
  if (std::FILE* const file = std::fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "re")) {
    size_t kib = 0;
    if (std::fscanf(file, "%zuK", &kib) == 1) sizes.l3 = kib << 10;
    std::fclose(file);
  }
#endif
  return sizes;
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_BASE_CACHE_INFO_H_
