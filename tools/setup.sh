#!/usr/bin/env bash
# Installs the Debian packages that are missing for the given purposes:
#   tools/setup.sh build|test|demo|models|onnxruntime|peers|perf|python|wheel|debian|conan|docs|ci|fuzz|clang-14|
#     clang-16|emulators...
set -euo pipefail

if [[ $# == 0 ]]; then
  echo "tools/setup.sh: say what for, as the usage in this file has it" >&2
  exit 2
fi

# Everything that the default configuration builds (see third_party/README.md).
build=(cmake ninja-build g++ ccache libhwy-dev libtbb-dev libgtest-dev libgmock-dev libbenchmark-dev libpng-dev
  libjpeg-dev libcli11-dev help2man)
wanted=()
for purpose in "$@"; do
  case $purpose in
    build) wanted+=("${build[@]}") ;;
    test) wanted+=("${build[@]}" binutils pkgconf python3 python3-numpy python3-scipy python3-jinja2
      libprotobuf-dev libonnx-testdata) ;;
    demo) # a photo, what draws the contact sheet, and what makes the page
      wanted+=("${build[@]}" python-matplotlib-data imagemagick netpbm fonts-dejavu-core python3-jinja2)
      ;;
    models) wanted+=(python3-pip) ;; # tools/fetch_models.sh
    onnxruntime) wanted+=(python3-venv) ;; # tools/fetch_onnxruntime.sh
    peers) wanted+=(python3-venv pkgconf libdnnl-dev libzimg-dev) ;; # bench/peers
    perf) # tools/perf
      wanted+=("${build[@]}" git python3-numpy python3-scipy python3-jinja2 valgrind)
      ;;
    python) wanted+=("${build[@]}" python3-venv) ;; # pip install .
    wheel) wanted+=(python3-venv dpkg-dev) ;; # tools/wheel.sh
    debian) wanted+=(git mmdebstrap autopkgtest) ;; # tools/packaging/debian.sh
    conan) wanted+=(python3-venv) ;; # tools/packaging/conan.sh
    docs) wanted+=(python3-venv doxygen) ;; # tools/docs.sh
    ci) wanted+=(clang-format-14) ;;
    fuzz) wanted+=("${build[@]}" clang-16 llvm-16) ;; # tools/fuzz.sh
    clang-14 | clang-16) wanted+=("$purpose") ;;
    emulators) wanted+=(g++-aarch64-linux-gnu qemu-user) ;; # tools/test_targets.sh
    *)
      echo "tools/setup.sh: \"$purpose\" is not one of the usage in this file" >&2
      exit 2
      ;;
  esac
done

if ! command -v apt-get > /dev/null; then
  echo "tools/setup.sh: no apt-get here; these Debian packages, by whatever name, must be installed: ${wanted[*]}" >&2
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2> /dev/null) || status=unknown
  [[ $status == installed || " ${missing[*]} " == *" $package "* ]] || missing+=("$package")
done
[[ ${#missing[@]} == 0 ]] && exit 0

as_root=()
if [[ $EUID != 0 ]]; then
  if ! command -v sudo > /dev/null; then
    echo "tools/setup.sh: to install ${missing[*]}, run as root or install sudo" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" \
  < /dev/null > /dev/null
