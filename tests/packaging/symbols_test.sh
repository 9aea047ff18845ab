#!/usr/bin/env bash
# Checks that libpolyphase.so exports every function of the C API and nothing but pph_* and polyphase::, all of it with
# the version of the ABI that its soname has.
set -euo pipefail
library=$1
header=$(dirname "$0")/../../include/polyphase/polyphase_c.h

version=$(readelf --dynamic --wide "$library" | sed -n 's/.*Library soname: \[libpolyphase\.so\.\(.*\)\]/\1/p')
[[ -n $version ]] || { echo "no soname"; exit 1; }

exported=$(nm --dynamic --defined-only --demangle --format=posix --with-symbol-versions "$library" |
  sed 's/ [A-Za-z]\( [0-9a-f]*\)*$//' | grep -v "^POLYPHASE_$version$")
if other=$(grep -v "@@POLYPHASE_$version$" <<< "$exported"); then
  sed "s/^/not of version POLYPHASE_$version, which the soname has: /" <<< "$other"
  exit 1
fi
exported=${exported//@@POLYPHASE_$version/}
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
echo "$(wc -l <<< "$exported") symbols of ABI $version, $(wc -l <<< "$declared") of them the C API"
