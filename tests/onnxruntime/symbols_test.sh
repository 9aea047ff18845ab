#!/usr/bin/env bash
# Checks that the provider exports the two functions of a plugin, and needs nothing of ONNX Runtime.
set -euo pipefail
exported=$(nm --dynamic --defined-only --format=posix "$1" | cut -d' ' -f1 | sort | xargs)
[[ $exported == "CreateEpFactories ReleaseEpFactory" ]] || { echo "exports $exported"; exit 1; }
if readelf --dynamic --wide "$1" | grep NEEDED | grep -i onnxruntime; then
  echo "links ONNX Runtime"
  exit 1
fi
