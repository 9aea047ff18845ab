#!/usr/bin/env bash
# Gets what the tests of the Python package need into an environment in the user's cache: NumPy, PyTorch and the others.
# What cannot be had is left out with a word, and what is there already is kept.
set -euo pipefail
folder=${XDG_CACHE_HOME:-$HOME/.cache}/polyphase/python
"$(dirname "${BASH_SOURCE[0]}")/setup.sh" wheel || true

packages=(numpy scikit-build-core torch==2.13.0 distributed tqdm pillow)
[[ -f $folder/complete && $(< "$folder/complete") == "${packages[*]}" ]] && exit 0
python3 -m venv --clear "$folder"
missing=0
for package in "${packages[@]}"; do
  if ! "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$package" 2> /dev/null; then
    echo "tools/fetch_python.sh: $package cannot be installed; the tests that need it are left out" >&2
    missing=1
  fi
done
[[ $missing == 1 ]] || echo "${packages[*]}" > "$folder/complete"
