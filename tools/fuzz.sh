#!/usr/bin/env bash
# Builds the fuzz targets of tests/fuzz with Clang 16's libFuzzer, under ASan and UBSan, and runs them:
#   tools/fuzz.sh [--seconds N] [--jobs N] [--coverage | --memory] [TARGET...]
#
#   ops      sequences of calls of the C API with every op: attributes, views, threads, misuse, values
#   onnx     pph_resize_onnx and the other presets, and such sequences with the resizes that they make
#   ncnn     the tool's reader of models, and its networks
#   picture  the tool's reader and writer of PNG and JPEG
#   options  the tool's command line
#
# Without targets it runs all, each for N seconds (12), and N at a time (as many as there are CPUs). The corpora are in
# build/libfuzzer/corpus; they begin with seeds made from bench/workloads.tsv and from what users reported of libraries
# of this kind, and grow from run to run. The last lines tell how many inputs and calls there were, in this run and in
# all that found nothing. An input that breaks a promise is kept in build/libfuzzer/findings:
#   build/libfuzzer/tests/fuzz/ops_fuzzer build/libfuzzer/findings/ops-crash-...   # repeats it
# --coverage runs nothing new, but tells for each file of src/ and tools/cli/ how many of its edges the corpus of a
# target reaches. --memory runs the inputs of ops and onnx that there are under MemorySanitizer: no result may depend
# on memory that nobody wrote. The other targets have libraries that are not instrumented. It needs Debian 12.
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
memory=
targets=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --seconds | --jobs)
      [[ ${2:-} =~ ^[0-9]+$ ]] || usage
      [[ $1 == --jobs ]] && jobs=$2 || seconds=$2
      shift
      ;;
    --coverage) coverage=1 ;;
    --memory) memory=1 ;;
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
corpora=$build/corpus
findings=$build/findings
history=$build/history

# libFuzzer's own code is not instrumented either, so these targets take files alone.
if [[ -n $memory ]]; then
  [[ -d $build/seeds ]] || { echo "tools/fuzz.sh --memory: a run without it makes the inputs" >&2; exit 1; }
  msan=$PWD/build/msan
  mkdir -p "$msan" "$corpora"/{ops,onnx}
  cmake --preset msan > "$msan/configure.log" || { cat "$msan/configure.log"; exit 1; }
  cmake --build "$msan" --target ops_fuzzer onnx_fuzzer > "$msan/build.log" || { tail -n 50 "$msan/build.log"; exit 1; }
  for target in ops onnx; do
    echo "$target, under MemorySanitizer"
    "$msan/tests/fuzz/${target}_fuzzer" "$build/seeds/$target" "$corpora/$target"
  done
  exit
fi

mkdir -p "$build"
cmake --preset libfuzzer > "$build/configure.log" || { cat "$build/configure.log"; exit 1; }
cmake --build "$build" --target fuzzers > "$build/build.log" || { tail -n 50 "$build/build.log"; exit 1; }
mkdir -p "$findings"
rm -rf "$build/seeds"
"$build/tests/fuzz/fuzz_seeds" "$build/seeds"

# Blocks have a wide zone of guard bytes around them; a leak, a hang and 2 GiB are findings as well.
export ASAN_OPTIONS=redzone=128:quarantine_size_mb=32:detect_stack_use_after_return=0:malloc_context_size=8
export UBSAN_OPTIONS=print_stacktrace=1

run() { # TARGET LIBFUZZER_OPTION...
  local target=$1 status=0
  local arguments=(-timeout=60 -rss_limit_mb=2048 -max_len=1024 "-artifact_prefix=$findings/$target-" "${@:2}")
  case $target in
    # Entropic scheduling is for targets that take longer: it was half of the time of a sequence of calls.
    ops | onnx) arguments+=(-entropic=0) ;;
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
  local calls
  calls=$(sed -n 's/^calls of the C API: //p' "$build/$target.log")
  echo "$target: ${units:-0} inputs, $reached${calls:+; calls of the C API: $calls}"
  echo "$target ${units:-0} ${calls%%;*}" >> "$history"
}

# Sums lines of the history: target, inputs, calls of the C API.
total() { awk '{inputs += $2; calls += $3} END {printf "%.0f inputs, %.0f calls of the C API\n", inputs, calls}'; }

# The edges that a target's corpus reaches, by file. Among all are the sanitizers' own checks, which never fail.
cover() { # TARGET
  echo "$1: edges reached, of all"
  mkdir -p "$corpora/$1"
  "$build/tests/fuzz/${1}_fuzzer" -runs=0 -print_coverage=1 -close_fd_mask=3 "$corpora/$1" "$build/seeds/$1" 2>&1 |
    awk '/^(UN)?COVERED_FUNC:/ && match($NF, /\/(src|tools\/cli)\/[^:]+:/) {
      file = substr($NF, RSTART + 1, RLENGTH - 2)
      for (i = 1; $i != "edges:"; ++i) {}
      split($(i + 1), edges, "/")
      reached[file] += edges[1]; all[file] += edges[2]; total_reached += edges[1]; total += edges[2]
    }
    END {
      for (file in all) printf "%6d %6d  %s\n", reached[file], all[file], file | "sort -k3"
      close("sort -k3")
      printf "%6d %6d  together\n", total_reached, total
    }'
}

failed=()
if [[ -n $coverage ]]; then
  for target in "${targets[@]}"; do cover "$target"; done
  exit
fi
touch "$history"
before=$(wc -l < "$history")
for target in "${targets[@]}"; do
  while [[ $(jobs -rp | wc -l) -ge $jobs ]]; do wait -n || failed+=(one); done
  run "$target" "-max_total_time=$seconds" -print_final_stats=1 &
done
while [[ $(jobs -p | wc -l) -gt 0 ]]; do wait -n || failed+=(one); done
echo "together: $(tail -n "+$((before + 1))" "$history" | total)"
echo "of all runs in this folder that found nothing: $(total < "$history")"
[[ ${#failed[@]} == 0 ]]
