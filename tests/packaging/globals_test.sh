#!/usr/bin/env bash
# Checks that the library has no state but that which tools/docs/promises.md names: the objects of libpolyphase.a have
# no other variables that can be written.
set -euo pipefail
archive=$1
# The last error and the names of targets of a thread; POLYPHASE_VERBOSE; whether oneTBB has memory; whether Linux
# permits AMX; the pool of POLYPHASE_THREADS=std.
named='last_error|pph_target(\(.*)?::.*names|polyphase::internal::IsVerbose\(\)::verbose'
named+='|polyphase::internal::HasAmx\(\)::found'
named+='|polyphase::internal::ThreadCount\(\)::has_memory'
named+='|polyphase::internal::\(anonymous namespace\)::(in_task|pool|callers|closed|ThePool\(\)::closer)'

# Without the symbols of the sections themselves, and the pointer to the C++ library's handler that the linker needs.
found=$(objdump --syms --demangle "$archive" | grep -E '^[0-9a-f]+ .{5}[^d]. \.(bss|tbss|data|tdata)[.[:space:]]' |
  grep -v -e '\.data\.rel\.ro' -e 'DW\.ref\.__gxx_personality_v0$' |
  sed -E 's/^.*\t[0-9a-f]+ +(\.hidden +)?//; s/^guard variable for //' | sort -u)
if other=$(grep -vEx "(\(anonymous namespace\)::)?($named)" <<< "$found"); then
  sed 's/^/can be written and is not named in promises.md: /' <<< "$other"
  exit 1
fi
echo "$(wc -l <<< "$found") variables"
grep -q last_error <<< "$found" # or the above has found nothing
