#!/usr/bin/env bash
# Runs the ONNX conformance test over the cases of the newest ONNX, or of a given version, from PyPI:
#   tools/golden/onnx_cases.sh TEST_BINARY [VERSION]
# Of 1.17 one case fails: its AveragePool counts what ceil_mode adds after the padding, which 1.18 fixed.
# They are made once per version in ${XDG_CACHE_HOME:-~/.cache}/polyphase/onnx, outside of the repository.
set -euo pipefail
if [[ $# == 0 || ! -x $1 ]]; then
  echo "tools/golden/onnx_cases.sh: say which test binary, such as build/gcc-release/tests/conformance_onnx_test" >&2
  exit 2
fi
binary=$(realpath "$1")
version=${2:-latest}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/polyphase/onnx/$version

if [[ ! -e $cache/complete ]]; then
  mkdir -p "$cache"
  python3 -m venv "$cache/venv"
  package=onnx
  [[ $version == latest ]] || package+="==$version"
  "$cache/venv/bin/pip" install --quiet "$package" numpy pillow
  rm -rf "$cache/cases"
  "$cache/venv/bin/python" -W ignore "$(dirname "$0")/onnx_cases.py" "$cache/cases"
  touch "$cache/complete"
fi
POLYPHASE_ONNX_CASES=$cache/cases exec "$binary"
