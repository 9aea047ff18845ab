#!/usr/bin/env bash
# Builds the benchmarks and runs them with the given options, its own and Google Benchmark's: tools/bench.sh [OPTION...]
# For instance tools/bench.sh --benchmark_filter=centernet --layouts=nchwc16 --threads=all; --help lists the options.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/tools/setup.sh" build >&2
( # From its own folder, since presets are looked for there; what the user names is relative to the user's.
  cd "$root"
  cmake --preset gcc-release -D POLYPHASE_BUILD_BENCH=ON
  cmake --build --preset gcc-release --target polyphase_bench
) >&2
exec "$root/build/gcc-release/bench/polyphase_bench" "$@"
