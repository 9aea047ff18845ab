"""The command `polyphase`, which is the package's program."""

import os
import pathlib
import sys


def main():
    program = pathlib.Path(__file__).parent / "bin" / ("polyphase.exe" if sys.platform == "win32" else "polyphase")
    if not program.exists():
        sys.exit("polyphase: this package was built without the command-line tool (libpng or libjpeg were missing)")
    os.execv(program, [str(program), *sys.argv[1:]])
