# Debian's cross compiler for aarch64. POLYPHASE_SYSROOT has the packages of arm64 that tools/test_targets.sh unpacks
# there; tests run under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH ${POLYPHASE_SYSROOT} /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(what LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${what} ONLY)
endforeach()
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES POLYPHASE_SYSROOT)
# What the unpacked libraries need of the C++ library is the cross compiler's.
set(CMAKE_EXE_LINKER_FLAGS_INIT
  "-Wl,-rpath-link,${POLYPHASE_SYSROOT}/usr/lib/aarch64-linux-gnu,-rpath,${POLYPHASE_SYSROOT}/usr/lib/aarch64-linux-gnu")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
