#!/usr/bin/env bash
# Gets what src/adapters/onnxruntime is built and tested with, into the user's cache: ONNX Runtime's headers, from the
# package of a newer Debian release, and two Python environments with the oldest and the newest ONNX Runtime of PyPI.
# What cannot be had is left out with a word, and what is there already is kept.
set -euo pipefail
shopt -s inherit_errexit
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/polyphase/onnxruntime

# Prints the mirror that this machine's Debian comes from.
mirror() { apt-get indextargets --format '$(SITE) $(ORIGIN)' 'Created-By: Packages' 'Identifier: Packages' |
  sed -n 's/ Debian$//p' | grep -v security | head -1; }

headers() {
  local work site suite lists
  site=$(mirror) && [[ -n $site ]] || return 1
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' RETURN
  for suite in forky sid; do
    # An apt of its own, of this suite alone; the system's is not touched. apt checks the signatures.
    lists=$work/$suite
    mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $suite main" > "$lists/sources.list"
    local apt=(-q -o Dir::State::lists="$lists/lists" -o Dir::Cache="$lists/cache" -o Acquire::Languages=none
      -o Dir::Etc::sourcelist="$lists/sources.list" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=)
    apt-get "${apt[@]}" update > /dev/null 2>&1 || continue
    (cd "$work" && apt-get "${apt[@]}" download libonnxruntime-dev > /dev/null 2>&1) || continue
    dpkg-deb -x "$work"/libonnxruntime-dev_*.deb "$work/package"
    [[ -f $work/package/usr/include/onnxruntime/onnxruntime_ep_c_api.h ]] || continue
    mkdir -p "$cache"
    rm -rf -- "$cache/include"
    cp -r "$work/package/usr/include/onnxruntime" "$cache/include"
    cp "$work/package/usr/share/doc/libonnxruntime-dev/copyright" "$cache/include/"
    return 0
  done
  return 1
}

# environment NAME PACKAGE...
environment() {
  local folder=$cache/$1
  shift
  [[ -f $folder/complete && $(< "$folder/complete") == "$*" ]] && return 0
  python3 -m venv --clear "$folder" &&
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@" 2> /dev/null &&
    echo "$*" > "$folder/complete"
}

if [[ ! -f $cache/include/onnxruntime_ep_c_api.h ]] && ! { command -v apt-get && headers; } > /dev/null; then
  echo "tools/fetch_onnxruntime.sh: no headers of ONNX Runtime 1.23 or newer; its provider is left out" >&2
fi
"$root/tools/setup.sh" onnxruntime || true
environment oldest onnxruntime==1.23.2 onnx numpy ||
  echo "tools/fetch_onnxruntime.sh: ONNX Runtime 1.23.2 cannot be installed, and is not tested" >&2
environment newest onnxruntime onnx numpy ||
  echo "tools/fetch_onnxruntime.sh: the newest ONNX Runtime cannot be installed, and is not tested" >&2
