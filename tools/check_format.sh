#!/usr/bin/env bash
# Checks that the sources are formatted as clang-format 14 does it; with --fix, formats them. Exits with 77 where there is
# no clang-format 14.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v clang-format-14 > /dev/null; then
  echo "tools/check_format.sh: clang-format-14 is not installed (tools/setup.sh ci installs it)" >&2
  exit 77
fi
mode=(--dry-run -Werror)
[[ ${1:-} == --fix ]] && mode=(-i)

unformatted=0
while IFS= read -r -d '' file; do
  if ! clang-format-14 "${mode[@]}" "$file" 2> /dev/null; then
    echo "$file: not formatted; tools/check_format.sh --fix does it" >&2
    unformatted=1
  fi
done < <(find include src tests bench tools \( -name '*.h' -o -name '*.cc' -o -name '*.c' \) -print0)
exit $unformatted
