#!/usr/bin/env bash
# Builds the Debian packages in a clean system of their own, checks them with lintian, and runs their tests in another
# clean system, into which they are installed: tools/packaging/debian.sh [FOLDER], by default build/debian. It needs
# Debian, whose release and mirror it takes, and root. DEBFULLNAME and DEBEMAIL, if they are set, name the maintainer.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=$(realpath -m "${1:-build/debian}")
if [[ $EUID != 0 ]]; then
  echo "tools/packaging/debian.sh: only root can make the systems that packages are built and tested in" >&2
  exit 1
fi
tools/setup.sh debian

work=$(mktemp -d)
trap 'rm -rf --one-file-system -- "$work"' EXIT

# Runs a command and shows what it prints only if it fails: step WHAT COMMAND...
step() {
  echo "$1 ..."
  if ! timeout --kill-after=10 30m "${@:2}" < /dev/null > "$work/log" 2>&1; then
    tail -n 60 "$work/log" >&2
    echo "tools/packaging/debian.sh: failed: $1" >&2
    exit 1
  fi
}

# The source package: the files of the working tree that git knows, and debian/, in which the changelog follows from the
# version and the symbols from the list of the ABI. The revision sorts before the first one of Debian's own.
version=$(sed -n 's/^project(polyphase VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
abi=$(sed -n 's/^version POLYPHASE_//p' tests/packaging/abi.txt)
maintainer="${DEBFULLNAME:-Polyphase maintainers} <${DEBEMAIL:-polyphase@packages.debian.org}>"
tree=polyphase-$version
mkdir -p "$work/build/$tree"
git ls-files -z | tar --create --null --files-from=- | tar --extract --directory="$work/build/$tree"
tar --create --xz --directory="$work/build" --sort=name --owner=0 --group=0 \
  --file="$work/build/polyphase_$version.orig.tar.xz" "$tree"
debian=$work/build/$tree/debian
cp -r tools/packaging/debian "$debian"
sed -i "s/^Maintainer: .*/Maintainer: $maintainer/" "$debian/control"
{
  printf 'polyphase (%s-1~upstream1) UNRELEASED; urgency=medium\n\n' "$version"
  printf '  * Version %s; CHANGELOG.md says what is new.\n\n' "$version"
  printf ' -- %s  %s\n' "$maintainer" "$(git log -1 --format=%cD)"
} > "$debian/changelog"
{
  printf 'libpolyphase.so.%s libpolyphase%s #MINVER#\n* Build-Depends-Package: libpolyphase-dev\n' "$abi" "$abi"
  printf ' POLYPHASE_%s@POLYPHASE_%s %s\n' "$abi" "$abi" "$version"
  sed -n "s/^symbol \(.*\)/ \1@POLYPHASE_$abi $version/p" tests/packaging/abi.txt
} > "$debian/libpolyphase$abi.symbols"

# A system of this machine's release, with the packages that every Debian system has, and apt.
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' 'Origin: Debian' \
  > "$work/mirrors.list"
apt-config dump Acquire | grep -v IndexTargets > "$work/apt.conf"
step "Making a clean Debian $release" mmdebstrap --mode=root --variant=apt --aptopt="$work/apt.conf" "$release" \
  "$work/clean.tar" "$work/mirrors.list"
for system in build test; do
  mkdir "$work/system-$system"
  tar --extract --directory="$work/system-$system" --file="$work/clean.tar"
done
mv "$work/build" "$work/system-build/build"

# Runs a line of shell in the system for building. Its mounts and processes end with it.
inside() {
  step "$1" unshare --mount --pid --fork --kill-child --mount-proc="$work/system-build/proc" "${@:3}" \
    env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root \
    DEBIAN_FRONTEND=noninteractive chroot "$work/system-build" sh -ec "cd /build; $2"
}
inside "Installing what the build needs" "apt-get update
  apt-get install -y --no-install-recommends build-essential lintian
  apt-get build-dep -y --no-install-recommends ./$tree"
inside "Building" "cd $tree; dpkg-buildpackage -us -uc -jauto" --net # without a network
inside "Checking with lintian" "lintian --allow-root --info --fail-on error,warning *.changes"
cat "$work/log"

rm -rf -- "$folder"
mkdir -p "$folder"
find "$work/system-build/build" -mindepth 1 -maxdepth 1 -type f -exec mv -t "$folder" {} +
step "Testing what is installed" unshare --mount --fork --kill-child bash -c '
  mount -t proc proc "$1/proc"
  autopkgtest --quiet --no-built-binaries --setup-commands="apt-get update" "${@:2}" -- chroot "$1"' \
  - "$work/system-test" "$folder"/*.deb "$folder"/*.dsc
grep -E ' (PASS|FAIL|SKIP)' "$work/log"
ls "$folder"/*.deb
