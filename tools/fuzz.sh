#!/usr/bin/env bash
# Builds the fuzz targets of tests/fuzz with Clang 16's libFuzzer, under ASan and UBSan, and runs them:
#   tools/fuzz.sh [--seconds N] [--jobs N] [--coverage] [TARGET...]
#
#   ops      Create, MakePlan and Run of every op through the C API: attributes, views, threads, misuse
#   onnx     pph_resize_onnx and the other presets, and the resizes that they make
#   ncnn     the tool's reader of models, and its networks
#   picture  the tool's reader and writer of PNG and JPEG
#   options  the tool's command line
#
# Without targets it runs all, each for N seconds (12), and N at a time (as many as there are CPUs). The corpora are in
# build/libfuzzer/corpus; they begin with seeds made from bench/workloads.tsv and from what users reported of libraries
# of this kind, and grow from run to run. An input that breaks a promise is kept in build/libfuzzer/findings:
#   build/libfuzzer/tests/fuzz/ops_fuzzer build/libfuzzer/findings/ops-crash-...   # repeats it
# --coverage runs nothing new, but tells by llvm-cov which lines the corpora reach. It needs Debian 12.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  sed -n '2,18s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

all=(ops onnx ncnn picture options)
seconds=12
jobs=$(nproc)
coverage=
targets=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --seconds | --jobs)
      [[ ${2:-} =~ ^[0-9]+$ ]] || usage
      [[ $1 == --jobs ]] && jobs=$2 || seconds=$2
      shift
      ;;
    --coverage) coverage=1 ;;
    *)
      [[ " ${all[*]} " == *" $1 "* ]] || usage
      targets+=("$1")
      ;;
  esac
  shift
done
[[ ${#targets[@]} -gt 0 ]] || targets=("${all[@]}")
tools/setup.sh fuzz

build=$PWD/build/libfuzzer
corpora=$build/corpus # of --coverage as well
findings=$build/findings
options=()
if [[ -n $coverage ]]; then
  build=$PWD/build/libfuzzer-coverage
  options=(-B "$build" -D "CMAKE_CXX_FLAGS=-march=native -D HWY_COMPILE_ONLY_STATIC -fprofile-instr-generate
    -fcoverage-mapping")
fi
mkdir -p "$build"
cmake --preset libfuzzer "${options[@]}" > "$build/configure.log" || { cat "$build/configure.log"; exit 1; }
cmake --build "$build" --target fuzzers > "$build/build.log" || { tail -n 50 "$build/build.log"; exit 1; }
mkdir -p "$findings"
"$build/tests/fuzz/fuzz_seeds" "$build/seeds"

# Blocks have a wide zone of guard bytes around them; a leak, a hang and a gigabyte are findings as well.
export ASAN_OPTIONS=redzone=128:quarantine_size_mb=32:detect_stack_use_after_return=0
export UBSAN_OPTIONS=print_stacktrace=1

run() { # TARGET LIBFUZZER_OPTION...
  local target=$1 status=0
  local arguments=(-timeout=60 -rss_limit_mb=2048 -max_len=1024 "-artifact_prefix=$findings/$target-" "${@:2}")
  case $target in
    ncnn | picture) arguments+=(-max_len=8192) ;;
    options) arguments+=(-close_fd_mask=3) ;; # the tool's own messages
  esac
  mkdir -p "$corpora/$target"
  "$build/tests/fuzz/${target}_fuzzer" "${arguments[@]}" "$corpora/$target" "$build/seeds/$target" \
    > "$build/$target.log" 2>&1 || status=$?
  if [[ $status != 0 ]]; then
    tail -n 60 "$build/$target.log"
    echo "$target: failed, see $build/$target.log"
    return 1
  fi
  local units reached
  units=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log")
  reached=$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$build/$target.log" | tail -n 1)
  echo "$target: ${units:-0} inputs, $reached$(sed -n 's/^calls of the C API:/;&/p' "$build/$target.log")"
}

failed=()
if [[ -n $coverage ]]; then
  programs=()
  for target in "${targets[@]}"; do
    LLVM_PROFILE_FILE="$build/$target.profraw" run "$target" -runs=0
    programs+=(-object "$build/tests/fuzz/${target}_fuzzer")
  done
  llvm-profdata-16 merge "$build"/*.profraw -o "$build/all.profdata"
  llvm-cov-16 report -instr-profile "$build/all.profdata" "${programs[@]}" src tools/cli
  exit
fi
for target in "${targets[@]}"; do
  while [[ $(jobs -rp | wc -l) -ge $jobs ]]; do wait -n || failed+=(one); done
  run "$target" "-max_total_time=$seconds" -print_final_stats=1 &
done
while [[ $(jobs -p | wc -l) -gt 0 ]]; do wait -n || failed+=(one); done
[[ ${#failed[@]} == 0 ]]
