#!/usr/bin/env bash
# Checks that libpolyphase.so exports every function of the C API, and nothing but pph_* and polyphase::.
set -euo pipefail
library=$1
header=$(dirname "$0")/../../include/polyphase/polyphase_c.h

exported=$(nm --dynamic --defined-only --demangle --format=posix "$library" | sed 's/ [A-Za-z]\( [0-9a-f]*\)*$//')
allowed='^(pph_[a-z0-9_]+$|((typeinfo|typeinfo name|vtable) for )?polyphase::)'
if extra=$(grep -Ev "$allowed" <<< "$exported"); then
  sed 's/^/exported, but neither pph_* nor in polyphase::: /' <<< "$extra"
  exit 1
fi

declared=$(tr '\n' ' ' < "$header" | grep -Eo 'POLYPHASE_EXPORT [^(;]*\(' |
  grep -Eo 'pph_[a-z0-9_]+\($' | tr -d '(' | sort)
if missing=$(comm -23 <(echo "$declared") <(sort <<< "$exported")) && [[ -n $missing ]]; then
  sed 's/^/declared in polyphase_c.h, but not exported: /' <<< "$missing"
  exit 1
fi
echo "$(wc -l <<< "$exported") symbols, $(wc -l <<< "$declared") of them the C API"
