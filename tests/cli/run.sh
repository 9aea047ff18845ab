#!/usr/bin/env bash
# Tests of the command-line tool: tests/cli/run.sh PATH_TO_POLYPHASE
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/cli_test.py" "$@"
