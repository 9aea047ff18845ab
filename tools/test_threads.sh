#!/usr/bin/env bash
# Builds and tests with POLYPHASE_THREADS=std and none what depends on it: tools/test_threads.sh [PRESET]. It configures
# the preset's own tree again, which has compiled all but one object by then, and leaves it as the preset says. What
# the threads promise is part of every ctest; this is the rest: packages and the C API.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-gcc-release}
targets=(polyphase polyphase_static polyphase_cli api_runtime_test api_allocation_test api_c_api_test)
# An install takes the provider along where the tree has it.
! grep -q '^POLYPHASE_BUILD_ONNXRUNTIME:BOOL=ON' "build/$preset/CMakeCache.txt" || targets+=(polyphase_onnxruntime)

trap 'cmake --preset "$preset" > /dev/null' EXIT
for threads in std none; do
  echo "--- POLYPHASE_THREADS=$threads"
  cmake --preset "$preset" -D POLYPHASE_THREADS=$threads > /dev/null
  cmake --build --preset "$preset" --target "${targets[@]}" > /dev/null
  ctest --preset "$preset" --tests-regex '^(packaging|consumer|Runtime|Allocation|CApi)'
done
