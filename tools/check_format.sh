#!/usr/bin/env bash
# Checks that the sources are formatted as clang-format 14 does it (with --fix, formats them), and that no line but of
# Markdown's tables is longer than 120 columns. Exits with 77 where there is no clang-format 14.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8  # columns are characters

bad=0
long=$(find .ci bench CHANGELOG.md CMakeLists.txt include README.md src tests third_party tools -type f \
  \( -name '*.h' -o -name '*.cc' -o -name '*.c' -o -name '*.py' -o -name '*.sh' -o -name '*.md' -o -name '*.cmake' \
  -o -name CMakeLists.txt -o -path .ci/run -o -path tools/compare_peers -o -path tools/perf/perf \) \
  -exec grep -HnE '^.{121}' {} + | grep -vE '\.md:[0-9]+: *\|' || true)
if [[ -n $long ]]; then
  echo "$long" | cut -c1-160
  echo "tools/check_format.sh: these lines are longer than 120 columns" >&2
  bad=1
fi

if ! command -v clang-format-14 > /dev/null; then
  echo "tools/check_format.sh: clang-format-14 is not installed (tools/setup.sh ci installs it)" >&2
  exit $((bad ? 1 : 77))
fi
mode=(--dry-run -Werror)
[[ ${1:-} == --fix ]] && mode=(-i)

while IFS= read -r -d '' file; do
  if ! clang-format-14 "${mode[@]}" "$file" 2> /dev/null; then
    echo "$file: not formatted; tools/check_format.sh --fix does it" >&2
    bad=1
  fi
done < <(find include src tests bench tools \( -name '*.h' -o -name '*.cc' -o -name '*.c' \) -print0)
exit $bad
