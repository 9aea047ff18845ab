#!/bin/sh
# Shows whether the tests notice the faults of tests/mutants/*.toml: tools/mutants.sh [--list] [-j JOBS] [NAME...]
exec "$(dirname "$0")/../tests/mutants/mutants.py" "$@"
