#!/usr/bin/env bash
# Installs what is missing, configures, builds and tests: tools/test.sh [PRESET...], by default gcc-release.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ $# -gt 0 ]] || set -- gcc-release

tools/setup.sh test
mkdir -p build/ctest
: > build/ctest/CTestTestfile.cmake
for preset in "$@"; do
  cmake --preset "$preset"
  cmake --build --preset "$preset"
  echo "subdirs(\"$PWD/build/$preset\")" >> build/ctest/CTestTestfile.cmake
done
# One run over all presets, so that the summary counts everything.
ctest --test-dir build/ctest --output-on-failure --no-tests=error --parallel "$(nproc)"
