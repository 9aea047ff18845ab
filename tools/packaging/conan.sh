#!/usr/bin/env bash
# Makes the Conan package, shared and static, and builds and runs programs with it: tools/packaging/conan.sh. Conan is
# PyPI's, in an environment and with a cache of its own. Highway and oneTBB are those of the system: no server of Conan
# packages is asked.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=${XDG_CACHE_HOME:-$HOME/.cache}/polyphase/conan

tools/setup.sh build conan
if [[ ! -f $folder/complete ]]; then
  python3 -m venv --clear "$folder/python"
  "$folder/python/bin/python" -m pip install --quiet --disable-pip-version-check 'conan>=2.4,<3'
  touch "$folder/complete"
fi
export CONAN_HOME=$folder/home
export CCACHE_BASEDIR=$CONAN_HOME CCACHE_NOHASHDIR=1 # both packages have the same objects, in folders of their own
conan=$folder/python/bin/conan

version_of() { dpkg-query --show --showformat '${source:Upstream-Version}' "$1"; }
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
"$conan" profile detect --force > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
{
  cat "$CONAN_HOME/profiles/default"
  printf '[platform_requires]\nhighway/%s\nonetbb/%s\n' "$(version_of libhwy-dev)" "$(version_of libtbb-dev)"
  printf '[conf]\ntools.cmake.cmaketoolchain:generator=Ninja\n'
  printf 'tools.cmake.cmaketoolchain:user_presets=\ntools.cmake.cmake_layout:test_folder=%s\n' "$work/test"
} > "$work/profile"

for shared in True False; do
  "$conan" create tools/packaging/conan --profile:all "$work/profile" --no-remote --options "&:shared=$shared"
done
"$conan" list 'polyphase/*:*' --no-remote 2> /dev/null || "$conan" list 'polyphase/*:*'
