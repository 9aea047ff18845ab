# Finds every dependency: the system's package, and where there is none the archive that is pinned here (README.md).
#
# FETCHCONTENT_SOURCE_DIR_<NAME> takes a source tree of yours instead of both;
# FETCHCONTENT_TRY_FIND_PACKAGE_MODE=NEVER passes over the system's packages.
include(FetchContent)

FetchContent_Declare(highway SYSTEM
  URL https://github.com/google/highway/archive/refs/tags/1.4.0.tar.gz
  URL_HASH SHA256=e72241ac9524bb653ae52ced768b508045d4438726a303f10181a38f764a453c
  FIND_PACKAGE_ARGS 1.0.3 CONFIG NAMES hwy)
FetchContent_Declare(onetbb SYSTEM
  URL https://github.com/uxlfoundation/oneTBB/archive/refs/tags/v2022.3.0.tar.gz
  URL_HASH SHA256=01598a46c1162c27253a0de0236f520fd8ee8166e9ebb84a4243574f88e6e50a
  FIND_PACKAGE_ARGS CONFIG NAMES TBB)
FetchContent_Declare(googletest SYSTEM
  URL https://github.com/google/googletest/releases/download/v1.17.0/googletest-1.17.0.tar.gz
  URL_HASH SHA256=65fab701d9829d38cb77c14acdc431d2108bfdbf8979e40eb8ae567edf10b27c
  FIND_PACKAGE_ARGS 1.12 CONFIG NAMES GTest)
FetchContent_Declare(benchmark SYSTEM
  URL https://github.com/google/benchmark/archive/refs/tags/v1.9.1.tar.gz
  URL_HASH SHA256=32131c08ee31eeff2c8968d7e874f3cb648034377dfc32a4c377fa8796d84981
  FIND_PACKAGE_ARGS 1.7 CONFIG)
FetchContent_Declare(cli11 SYSTEM
  URL https://github.com/CLIUtils/CLI11/archive/refs/tags/v2.6.2.tar.gz
  URL_HASH SHA256=c6ea6b2e5608b3ea8617999bd5f47420c71b2ebdb8dc4767c1034d1da5785711
  FIND_PACKAGE_ARGS 2.1 CONFIG NAMES CLI11)

# These three are made to be installed, not to be a part of another project. SOURCE_SUBDIR names a folder that they do
# not have, so that they are only unpacked; polyphase_find_or_install() does the rest.
FetchContent_Declare(zlib SOURCE_SUBDIR none
  URL https://github.com/madler/zlib/releases/download/v1.3.1/zlib-1.3.1.tar.gz
  URL_HASH SHA256=9a93b2b7dfdac77ceba5a558a580e74667dd6fede4585b91eefb60f03b72df23)
FetchContent_Declare(libpng SOURCE_SUBDIR none
  URL https://github.com/pnggroup/libpng/archive/refs/tags/v1.6.59.tar.gz
  URL_HASH SHA256=2540302a1844ad2b2b501977abecfa850f265f97b78f065a712ab4074a89f5b5)
FetchContent_Declare(libjpeg-turbo SOURCE_SUBDIR none
  URL https://github.com/libjpeg-turbo/libjpeg-turbo/releases/download/3.1.3/libjpeg-turbo-3.1.3.tar.gz
  URL_HASH SHA256=075920b826834ac4ddf97661cc73491047855859affd671d52079c6867c1c6c0)

# Lets the plain variables that are set below decide the options of what is built.
set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)
set(CMAKE_POLICY_DEFAULT_CMP0126 NEW)

# What the library links. Where Highway and oneTBB are built here they are also installed with it, because a program
# that links libpolyphase.a needs them. Highway becomes a part of libpolyphase.so; oneTBB stays a shared library, so
# that a process has one scheduler.
block() # hwy::hwy
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(CMAKE_CXX_VISIBILITY_PRESET hidden)
  set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
  set(HWY_FORCE_STATIC_LIBS ON)
  set(HWY_ENABLE_CONTRIB OFF)
  set(HWY_ENABLE_EXAMPLES OFF)
  set(HWY_ENABLE_TESTS OFF)
  set(HWY_ENABLE_INSTALL ${POLYPHASE_INSTALL})
  FetchContent_MakeAvailable(highway)
  if(NOT TARGET hwy::hwy)
    add_library(hwy::hwy ALIAS hwy)
  endif()
endblock()

if(POLYPHASE_THREADS STREQUAL tbb)
  block() # TBB::tbb
    set(BUILD_SHARED_LIBS ON)
    set(TBB_TEST OFF)
    set(TBB_STRICT OFF)
    set(TBBMALLOC_BUILD OFF)
    set(TBB_INSTALL ${POLYPHASE_INSTALL})
    FetchContent_MakeAvailable(onetbb)
  endblock()
endif()
find_package(Threads REQUIRED) # of POLYPHASE_THREADS=std

if(POLYPHASE_BUILD_TESTS)
  block() # GTest::gmock_main
    set(INSTALL_GTEST OFF)
    FetchContent_MakeAvailable(googletest)
  endblock()
  block() # protobuf::libprotobuf-lite, from the system or not at all: what needs it is left out without it
    set(CMAKE_FIND_PACKAGE_PREFER_CONFIG ON) # which knows what newer versions depend on
    find_package(Protobuf QUIET)
  endblock()
endif()

if(POLYPHASE_BUILD_BENCH)
  block() # benchmark::benchmark
    set(BENCHMARK_ENABLE_TESTING OFF)
    set(BENCHMARK_ENABLE_INSTALL OFF)
    FetchContent_MakeAvailable(benchmark)
  endblock()
endif()

# <package>::<package> from the system, or from the given archives, which are built and installed while CMake runs.
function(polyphase_find_or_install package)
  set(try_system TRUE)
  foreach(name IN LISTS ARGN)
    string(TOUPPER ${name} upper)
    if(FETCHCONTENT_SOURCE_DIR_${upper} OR FETCHCONTENT_TRY_FIND_PACKAGE_MODE STREQUAL "NEVER")
      set(try_system FALSE)
    endif()
  endforeach()
  if(try_system)
    find_package(${package} QUIET)
    if(${package}_FOUND)
      return()
    endif()
  endif()

  set(prefix ${FETCHCONTENT_BASE_DIR}/prefix)
  foreach(name IN LISTS ARGN)
    FetchContent_MakeAvailable(${name})
    message(STATUS "Building ${name}")
    execute_process(OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY COMMAND ${CMAKE_COMMAND}
      -S ${${name}_SOURCE_DIR} -B ${${name}_BINARY_DIR} -G ${CMAKE_GENERATOR} --no-warn-unused-cli
      -DCMAKE_BUILD_TYPE=Release -DCMAKE_POSITION_INDEPENDENT_CODE=ON
      -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_INSTALL_PREFIX=${prefix} -DCMAKE_INSTALL_LIBDIR:PATH=lib
      -DZLIB_BUILD_EXAMPLES=OFF -DZLIB_USE_STATIC_LIBS=ON -DPNG_SHARED=OFF -DPNG_TESTS=OFF -DPNG_TOOLS=OFF
      -DENABLE_SHARED=OFF -DWITH_TURBOJPEG=OFF)
    execute_process(OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
      COMMAND ${CMAKE_COMMAND} --build ${${name}_BINARY_DIR} --target install)
  endforeach()
  set(ZLIB_USE_STATIC_LIBS ON)
  list(PREPEND CMAKE_PREFIX_PATH ${prefix})
  find_package(${package} REQUIRED)
endfunction()

if(POLYPHASE_BUILD_CLI OR POLYPHASE_BUILD_BENCH)
  block() # CLI11::CLI11
    set(CLI11_BUILD_TESTS OFF)
    set(CLI11_BUILD_EXAMPLES OFF)
    set(CLI11_INSTALL OFF)
    FetchContent_MakeAvailable(cli11)
  endblock()
endif()
if(POLYPHASE_BUILD_CLI)
  polyphase_find_or_install(PNG zlib libpng)
  polyphase_find_or_install(JPEG libjpeg-turbo)
endif()

# Sets POLYPHASE_ONNXRUNTIME_INCLUDE_DIR. Only headers are needed: the system's, those that tools/fetch_onnxruntime.sh
# has put into the cache, or those of the archive. Without them the provider is left out.
if(POLYPHASE_BUILD_ONNXRUNTIME)
  if(DEFINED ENV{XDG_CACHE_HOME})
    set(onnxruntime_cache $ENV{XDG_CACHE_HOME}/polyphase/onnxruntime)
  else()
    set(onnxruntime_cache $ENV{HOME}/.cache/polyphase/onnxruntime)
  endif()
  set(archive ${FETCHCONTENT_BASE_DIR}/onnxruntime-linux-x64-1.23.2)
  function(polyphase_is_onnxruntime ok folder) # of 1.23 or newer
    set(version 0)
    if(EXISTS ${folder}/onnxruntime_c_api.h)
      file(STRINGS ${folder}/onnxruntime_c_api.h version REGEX "^#define ORT_API_VERSION ")
      string(REGEX REPLACE "[^0-9]" "" version ${version})
    endif()
    if(version LESS 23)
      set(${ok} FALSE PARENT_SCOPE)
    endif()
  endfunction()
  find_path(POLYPHASE_ONNXRUNTIME_INCLUDE_DIR onnxruntime_ep_c_api.h VALIDATOR polyphase_is_onnxruntime
    PATHS ${onnxruntime_cache}/include ${archive}/include PATH_SUFFIXES onnxruntime)
  if(NOT POLYPHASE_ONNXRUNTIME_INCLUDE_DIR AND NOT FETCHCONTENT_FULLY_DISCONNECTED)
    # EXPECTED_HASH would make a machine without a network an error.
    file(DOWNLOAD https://github.com/microsoft/onnxruntime/releases/download/v1.23.2/onnxruntime-linux-x64-1.23.2.tgz
      ${archive}.tgz STATUS ignored INACTIVITY_TIMEOUT 10)
    file(SHA256 ${archive}.tgz hash)
    if(hash STREQUAL 1fa4dcaef22f6f7d5cd81b28c2800414350c10116f5fdd46a2160082551c5f9b)
      file(ARCHIVE_EXTRACT INPUT ${archive}.tgz DESTINATION ${FETCHCONTENT_BASE_DIR} PATTERNS */include/*)
      find_path(POLYPHASE_ONNXRUNTIME_INCLUDE_DIR onnxruntime_ep_c_api.h PATHS ${archive}/include NO_DEFAULT_PATH)
    endif()
  endif()
  mark_as_advanced(POLYPHASE_ONNXRUNTIME_INCLUDE_DIR)
  if(NOT POLYPHASE_ONNXRUNTIME_INCLUDE_DIR)
    message(STATUS "The headers of ONNX Runtime 1.23 or newer were not found: its provider is left out "
      "(tools/fetch_onnxruntime.sh)")
  endif()
else()
  unset(POLYPHASE_ONNXRUNTIME_INCLUDE_DIR CACHE)
endif()

unset(CMAKE_POLICY_DEFAULT_CMP0077)
unset(CMAKE_POLICY_DEFAULT_CMP0126)
