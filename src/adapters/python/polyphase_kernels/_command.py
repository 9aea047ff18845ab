"""The command `polyphase`, which is the package's program."""

import os
import pathlib
import sys


def program():
    path = pathlib.Path(__file__).parent / "bin" / ("polyphase.exe" if sys.platform == "win32" else "polyphase")
    if not path.exists():
        raise FileNotFoundError(f"polyphase_kernels: {path} is not there: this package was built without the "
                                "command-line tool")
    return os.fspath(path)


def main():
    try:
        path = program()
    except FileNotFoundError as error:
        sys.exit(f"polyphase: {error}")
    os.execv(path, [path, *sys.argv[1:]])
