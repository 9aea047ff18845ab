#!/usr/bin/env bash
# Builds the wheel that runs on any Linux with glibc 2.28 or newer, and checks it: tools/wheel.sh [FOLDER], by default
# build/dist. The compiler is Zig's, which brings its own C++ library and symbols of old versions of glibc; what Debian
# has as a shared library of its own glibc (Highway, libpng, libjpeg-turbo, zlib) is built in from Debian's sources.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$(realpath -m "${1:-build/dist}")
glibc=2.28
cache=${XDG_CACHE_HOME:-$HOME/.cache}/polyphase/wheel
machine=$(uname -m)

tools/setup.sh build wheel
tools=(ziglang==0.17.1 scikit-build-core build auditwheel wheel numpy pillow)
if [[ ! -f $cache/complete || $(< "$cache/complete") != "${tools[*]}" ]]; then
  python3 -m venv --clear "$cache/python"
  "$cache/python/bin/python" -m pip install --quiet --disable-pip-version-check "${tools[@]}"
  echo "${tools[*]}" > "$cache/complete"
fi
python=$cache/python/bin/python

# Sources, by an apt of its own that has this release's source packages; apt checks the signatures.
packages=(highway zlib libpng1.6 libjpeg-turbo cli11)
if [[ ! -f $cache/source/complete ]]; then
  rm -rf -- "$cache/source" "$cache/apt"
  mkdir -p "$cache/source" "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial"
  site=$(apt-get indextargets --format '$(SITE) $(ORIGIN)' 'Created-By: Packages' 'Identifier: Packages' |
    sed -n 's/ Debian$//p' | grep -v security | head -1)
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site bookworm main" > "$cache/apt/list"
  apt=(-q -o Dir::State::lists="$cache/apt/lists" -o Dir::Cache="$cache/apt/cache" -o Acquire::Languages=none
    -o Dir::Etc::sourcelist="$cache/apt/list" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=)
  apt-get "${apt[@]}" update > /dev/null
  (cd "$cache/source" && apt-get "${apt[@]}" source "${packages[@]}" > /dev/null 2>&1)
  zlib=$(echo "$cache"/source/zlib-*) # Debian leaves out what its CMakeLists.txt names for Windows
  mkdir -p "$zlib/win32"
  touch "$zlib/win32/zlib1.rc" "$cache/source/complete"
fi

# CMake wants a compiler that is one file.
for language in cc c++; do
  printf '#!/bin/sh\nexec "%s" -m ziglang %s -target %s-linux-gnu.%s "$@"\n' "$python" $language "$machine" $glibc \
    > "$cache/zig-$language"
  chmod +x "$cache/zig-$language"
done
export CC=$cache/zig-cc CXX=$cache/zig-c++ CCACHE_COMPILERTYPE=clang
export CMAKE_POLICY_VERSION_MINIMUM=3.5 # which some of Debian's sources are older than
export LDFLAGS="-s -Wl,--undefined-version" # zlib's list of symbols names some that it does not have

arguments=(-Cbuild-dir=build/wheel-zig -Ccmake.define.FETCHCONTENT_TRY_FIND_PACKAGE_MODE=NEVER)
for pair in HIGHWAY=highway ZLIB=zlib LIBPNG=libpng1.6 LIBJPEG-TURBO=libjpeg-turbo CLI11=cli11; do
  source=$(find "$cache/source" -mindepth 1 -maxdepth 1 -type d -name "${pair#*=}-*")
  arguments+=(-Ccmake.define.FETCHCONTENT_SOURCE_DIR_"${pair%=*}=$source")
done
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
"$python" -m build --wheel --no-isolation --outdir "$work" "${arguments[@]}" .

tag=manylinux_${glibc/./_}_$machine
"$python" -m wheel tags --remove --platform-tag "$tag" "$work"/*.whl > /dev/null
report=$("$python" -m auditwheel show "$work"/*.whl)
echo "$report"
# It may well run on older ones.
oldest=$(tr '\n' ' ' <<< "$report" | sed -n 's/.*following platform tag: "manylinux_2_\([0-9]*\)_.*/\1/p')
if [[ -z $oldest || $oldest -gt ${glibc#*.} ]]; then
  echo "tools/wheel.sh: the wheel is not $tag" >&2
  exit 1
fi
POLYPHASE_WHEEL=$(echo "$work"/*.whl) "$python" -B tests/python/wheel_test.py
mkdir -p "$folder"
mv "$work"/*.whl "$folder/"
ls "$folder"
