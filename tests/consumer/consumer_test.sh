#!/usr/bin/env bash
# Installs the build tree $1 into a temporary prefix and builds, links and runs the programs of this folder against it:
# shared and static, each by way of find_package and of pkg-config. $2 is cmake, $3 its generator, $4 the C++ compiler,
# $5 the tree's POLYPHASE_THREADS.
set -euo pipefail
build=$1 cmake=$2 generator=$3 cxx=$4 threads=$5
source=$(cd "$(dirname "$0")" && pwd)
programs=(upscale_cxx upscale_c engine)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$cmake" --install "$build" --prefix "$work/moved" > "$work/log" || { cat "$work/log"; exit 1; }
mv "$work/moved" "$work/prefix" # nothing in it may know where it was

# Each file belongs to one component, and no component has anything else. (Highway and oneTBB, where they were built
# here, have components of their own.)
mkdir "$work/components"
for component in runtime development tool onnxruntime; do
  mkdir "$work/components/$component"
  "$cmake" --install "$build" --prefix "$work/components/$component" --component $component > "$work/log" ||
    { cat "$work/log"; exit 1; }
done
files() { (cd "$1" && find . -path '*polyphase*' ! -type d | sort); }
for component in "$work"/components/*; do files "$component"; done | sort > "$work/parts"
files "$work/prefix" | diff - "$work/parts" || { echo "the components are not the whole, once"; exit 1; }
files "$work/components/runtime" | grep -vE '^\./lib[^/]*/(.*/)?libpolyphase\.so\.[0-9.]+$' &&
  { echo "runtime has more than the shared library"; exit 1; }
[[ $(files "$work/components/runtime" | wc -l) == 2 ]] || { echo "runtime lacks the library or its link"; exit 1; }
tool=$work/components/tool
if [[ -e $tool/bin/polyphase ]]; then
  [[ -e $tool/share/bash-completion/completions/polyphase ]] || { echo "the tool lacks its completion"; exit 1; }
  if grep -q '^POLYPHASE_HELP2MAN:[A-Z]*=/' "$build/CMakeCache.txt"; then
    grep -q 'align.*corners' "$tool/share/man/man1/polyphase.1" || { echo "the man page lacks options"; exit 1; }
  fi
fi

export PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig

said=$(pkg-config --variable=threads polyphase)
[[ $said == "$threads" ]] || { echo "pkg-config says that threads are \"$said\""; exit 1; }

# Runs a program and checks that it has the library inside exactly if it should have, and oneTBB if it is the threads'.
run() {
  local linkage=$1 program=$2 needed loaded
  echo "--- $linkage: ${program#"$work"/}"
  needed=$(readelf --dynamic "$program" | grep -c 'NEEDED.*libpolyphase' || true)
  [[ $needed == "$([[ $linkage == shared ]] && echo 1 || echo 0)" ]] || { echo "not linked $linkage"; exit 1; }
  loaded=$(LD_LIBRARY_PATH=$work/prefix/lib ldd "$program" | grep -c 'libtbb\.so' || true)
  [[ $loaded == "$([[ $threads == tbb ]] && echo 1 || echo 0)" ]] || { echo "oneTBB with $threads: $loaded"; exit 1; }
  LD_LIBRARY_PATH=$work/prefix/lib "$program"
}

for linkage in shared static; do
  dir=$work/find_package-$linkage
  hide_tbb=ON # where nothing should ask for it
  if [[ $linkage == static && $threads == tbb ]]; then hide_tbb=OFF; fi
  "$cmake" -S "$source" -B "$dir" -G "$generator" -DCMAKE_PREFIX_PATH="$work/prefix" -DLINKAGE=$linkage \
    -DCMAKE_DISABLE_FIND_PACKAGE_TBB=$hide_tbb -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_BUILD_TYPE=Release > "$work/log" &&
    grep -q "threads of: $threads$" "$work/log" && "$cmake" --build "$dir" > "$work/log" || { cat "$work/log"; exit 1; }
  for program in "${programs[@]}"; do run $linkage "$dir/$program"; done

  dir=$work/pkg-config-$linkage
  mkdir "$dir"
  if [[ $linkage == shared ]]; then
    # Highway and oneTBB are the library's own business: no package but its own is looked at.
    flags=$(PKG_CONFIG_LIBDIR=$PKG_CONFIG_PATH pkg-config --cflags --libs polyphase)
  else
    # Both libraries are in one folder, where -lpolyphase would be the shared one.
    flags=$(pkg-config --static --cflags --libs polyphase | sed 's/-lpolyphase/-l:libpolyphase.a/')
  fi
  # shellcheck disable=SC2086
  {
    "$cxx" -std=c++17 "$source/upscale.cc" $flags -o "$dir/upscale_cxx"
    cc -std=c11 -Wall -Wextra -Werror "$source/upscale.c" $flags -lm -o "$dir/upscale_c"
    cc -std=c11 -Wall -Wextra -Werror "$source/engine.c" $flags -pthread -lm -o "$dir/engine"
  }
  for program in "${programs[@]}"; do run $linkage "$dir/$program"; done
done
