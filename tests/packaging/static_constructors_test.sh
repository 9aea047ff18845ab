#!/usr/bin/env bash
# Checks that nothing of the library runs before main(): no object of libpolyphase.a has constructors or destructors.
set -euo pipefail
archive=$1

objects=$(ar t "$archive" | wc -l)
if found=$(readelf --section-headers --wide "$archive" | grep -E '^File:|\.(init_array|fini_array|ctors|dtors)' |
  grep -B1 -E '\.(init_array|fini_array|ctors|dtors)'); then
  echo "static constructors or destructors in:"
  grep '^File:' <<< "$found"
  exit 1
fi
if found=$(nm --demangle --print-file-name "$archive" | grep -E '_GLOBAL__sub_I|global constructors keyed'); then
  echo "static constructors: $found"
  exit 1
fi
echo "$objects objects, none with static constructors"
[[ $objects -gt 0 ]]
