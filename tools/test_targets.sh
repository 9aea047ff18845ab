#!/usr/bin/env bash
# Builds the library and some of its tests with other compilers and for other processors, and runs them:
#   tools/test_targets.sh clang-14|clang-16|no-exceptions|x86-64-v1|aarch64...
# Each name is a tree of its own, build/<name>; without ccache it takes 3 to 6 minutes of two cores. It needs Debian 12.
#
#   clang-14, clang-16  Debian's, instead of GCC 12
#   no-exceptions       the preset, without exceptions and run-time type information
#   x86-64-v1           GCC 12 as it is, on a processor that has SSE2 alone (qemu-user)
#   aarch64             Debian's cross compiler; NEON, under qemu-user
#
# --fetch alone only gets what aarch64 needs, and fails where that cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ $# == 0 ]]; then
  sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
tools/setup.sh test
jobs=$(nproc)

programs=(api_c_api_test api_runtime_test api_allocation_test)
ops=(ops_conv_transpose_test ops_conv_test ops_winograd_test ops_planar_test ops_matrix_test ops_resize_test
  ops_resize_values_test ops_pool_test ops_convex_upsample_test ops_move_test kernels_panel_test kernels_convert_test)
# What emulators compute in a few minutes: every op and kernel, in all layouts and around the vector's length.
emulated='CApi.*:Runtime.*:FailingAllocation.OfTheRuntime:*.EveryPairOfLayouts*:*.WidthsAround*:*.ChannelsAndWidths*'
emulated+=':*.UsualLayers:*.FixedPointIsExact:*.KnownCases:*.MaxUnpoolOfMaxPool:*.FusedForms:*.RowsOfEveryLength'
emulated+=':ConvexUpsample.Widths:ConvexUpsample.LayoutsOfEveryTensor:Panel.E*:Panel.T*'
emulated+=':Convert.Halves*:ResizeValues.*'

configure() { # NAME OPTION...
  cmake -S . -B "build/$1" -G Ninja -D CMAKE_BUILD_TYPE=Release -D POLYPHASE_BUILD_BENCH=OFF \
    -D POLYPHASE_BUILD_CLI=OFF -D POLYPHASE_BUILD_PYTHON=OFF "${@:2}" > /dev/null
}

build() { # NAME PROGRAM...
  cmake --build "build/$1" --parallel "$jobs" --target polyphase "${@:2}" > "build/$1/build.log" ||
    { tail -n 50 "build/$1/build.log"; return 1; }
}

run_program() { # NAME FILTER PROGRAM ; $emulator runs it
  local log=build/$1/$3.log
  if ! "${emulator[@]}" "build/$1/tests/$3" --gtest_brief=1 --gtest_filter="$2" > "$log" 2>&1 ||
    grep -q '^\[==.* 0 tests' "$log"; then
    cat "$log"
    echo "$3 failed, or had nothing to run"
    return 1
  fi
  grep -E '^\[==' "$log" | tail -n 1 | sed "s/^\[=*\]/$3:/"
}

run() { # NAME FILTER PROGRAM... ; $jobs of them at a time
  local program pid running=()
  for program in "${@:3}"; do
    if [[ ${#running[@]} == "$jobs" ]]; then
      wait "${running[0]}"
      running=("${running[@]:1}")
    fi
    run_program "$1" "$2" "$program" &
    running+=($!)
  done
  for pid in "${running[@]}"; do wait "$pid"; done
}

# Debian's packages of arm64, unpacked, without a change of this system's architectures.
aarch64_sysroot() { # FOLDER
  local apt=$1/apt
  [[ -e $1/done ]] && return
  mkdir -p "$apt"/{lists,archives}/partial "$1/root"
  : > "$apt/status"
  local options=(-qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User= -o Dir::State="$apt"
    -o Dir::State::Lists="$apt/lists" -o Dir::State::Status="$apt/status" -o Dir::Cache="$apt")
  apt-get "${options[@]}" update
  (cd "$apt/archives" && apt-get "${options[@]}" download libhwy-dev libhwy1 libgtest-dev libgmock-dev)
  local deb
  for deb in "$apt"/archives/*.deb; do dpkg-deb --extract "$deb" "$1/root"; done
  touch "$1/done"
}

if [[ $1 == --fetch ]]; then
  tools/setup.sh emulators
  aarch64_sysroot "$PWD/build/aarch64-sysroot"
  exit
fi

for name in "$@"; do
  echo "--- $name"
  emulator=()
  case $name in
    clang-14 | clang-16)
      tools/setup.sh "$name"
      configure "$name" -D CMAKE_CXX_COMPILER="clang++-${name#clang-}"
      build "$name" "${programs[@]}" "${ops[@]}"
      run "$name" '*' "${programs[@]}" "${ops[@]}"
      ;;
    no-exceptions)
      cmake --preset "$name" > /dev/null
      build "$name" "${programs[@]}"
      run "$name" '*' "${programs[@]}"
      ! nm --dynamic "build/$name/src/libpolyphase.so" | grep -E '__cxa_throw|__gxx_personality|_ZTI'
      ;;
    x86-64-v1)
      tools/setup.sh emulators
      g++ -Q --help=target | grep -E -- '-march=\s+x86-64$' > /dev/null # Debian's default; with -q g++ could fail
      configure "$name" -D CMAKE_CXX_COMPILER=g++ -D POLYPHASE_THREADS=std
      build "$name" "${programs[@]}" "${ops[@]}"
      emulator=(qemu-x86_64 -cpu "qemu64,-sse4.1,-sse4.2,-ssse3,-sse3")
      run "$name" "$emulated" "${programs[@]}" "${ops[@]}"
      ;;
    aarch64)
      tools/setup.sh emulators
      aarch64_sysroot "$PWD/build/aarch64-sysroot"
      configure "$name" -D CMAKE_TOOLCHAIN_FILE="$PWD/tools/packaging/aarch64.cmake" \
        -D POLYPHASE_SYSROOT="$PWD/build/aarch64-sysroot/root" -D POLYPHASE_THREADS=std
      build "$name" "${programs[@]}" "${ops[@]}"
      emulator=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
      run "$name" "$emulated" "${programs[@]}" "${ops[@]}"
      ;;
    *)
      echo "tools/test_targets.sh: \"$name\" is not clang-14, clang-16, no-exceptions, x86-64-v1 or aarch64" >&2
      exit 2
      ;;
  esac
done
