#!/usr/bin/env bash
# Builds the documentation into build/docs/html; warnings are errors, links are checked, and nothing that a page shows
# is loaded from the network. Sphinx comes from PyPI into an environment in the user's cache, Doxygen from Debian. Where
# these cannot be had, the site is left out with a word.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${XDG_CACHE_HOME:-$HOME/.cache}/polyphase/docs
out=build/docs

tools/setup.sh docs || true
if ! cmp --silent tools/docs/requirements.txt "$folder/complete"; then
  if ! { python3 -m venv --clear "$folder" && "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
    --requirement tools/docs/requirements.txt; } > /dev/null 2>&1; then
    echo "tools/docs.sh: what tools/docs/requirements.txt names cannot be installed; the site is left out" >&2
    exit 0
  fi
  cp tools/docs/requirements.txt "$folder/complete"
fi
if ! command -v doxygen > /dev/null; then
  echo "tools/docs.sh: Doxygen is not installed; the site is left out" >&2
  exit 0
fi

export PATH=$folder/bin:$PATH PYTHONDONTWRITEBYTECODE=1
rm -rf "$out"
mkdir -p "$out"
doxygen tools/docs/Doxyfile
python3 tools/docs/stage.py "$out/source" "$out/doxygen/xml"
sphinx-build -c tools/docs -d "$out/doctrees" -j auto -n -q -W --keep-going "$out/source" "$out/html"
python3 tools/docs/check_site.py "$out/html"
echo "$PWD/$out/html/index.html"
