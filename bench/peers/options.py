"""Options of tools/compare_peers; standard library only, since they are read before the peers' environment exists."""

from __future__ import annotations

import argparse
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATE = pathlib.Path(os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local" / "state") / "polyphase"
LAYOUTS = ("nchwc16", "nhwc", "nchw", "nchwc8", "nchwc4")
# On the command line: the module's name without "peer_". Those that do pictures only come last.
PEERS = ("torch", "onednn", "onnxruntime", "openvino", "ncnn", "litert", "zimg", "opencv", "pillow")

DESCRIPTION = """\
Times each row of the workload table with Polyphase and with other libraries, side by side in one process, and writes
what it found as JSON Lines, Markdown and HTML. Ratios are the peer's time / ours: above 1, Polyphase is quicker."""

EPILOG = """\
Both sides choose the quickest of their ways to compute a row by a short trial, after a check of its values. Then they
are timed in turns, A B B A or B A A B by chance; the ratio is the median of neighbours, with its 95 % interval, which
is wide where long runs leave time for few. Where a peer takes plain NCHW tensors, that is also held against ours in
NCHW.

The first run makes a virtual environment of the peers in ${XDG_CACHE_HOME:-~/.cache}/polyphase/peers; those that can't
be installed, or whose Debian package is not there (tools/setup.sh peers), are left out with a word. Ctrl-C ends with
a report of what there is; --resume continues.

Exit status: 0; 1 where Polyphase has no or a wrong answer to a row, or nothing could be measured; 2 for wrong options
or a wrong table.
"""


def _choices(known: tuple[str, ...]):
    """A parser of lists of these names."""

    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}' is not one of {', '.join(known)}")
        return names

    return parse


def _expression(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a regular expression: {error}") from error


def _number(kind: type, least: float, what: str):
    def parse(text: str):
        try:
            value = kind(text)
        except ValueError:
            value = least - 1
        if not value >= least:
            raise argparse.ArgumentTypeError(f"'{text}' is not {what} of at least {least}")
        return value

    return parse


def _threads(text: str) -> int:
    value = _number(int, 1, "a whole number")(text)
    most = len(os.sched_getaffinity(0))
    if value > most:
        raise argparse.ArgumentTypeError(f"'{text}' is more than the {most} CPUs of this machine")
    return value


def parser() -> argparse.ArgumentParser:
    """Of the command line. The two last options are between the command and the process that measures."""
    result = argparse.ArgumentParser(prog="tools/compare_peers", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add = result.add_argument
    add("--workloads", type=pathlib.Path, metavar="FILE", default=ROOT / "bench" / "workloads.tsv",
        help="the table, a file with the columns of bench/workloads.tsv, which is the default")
    add("--rows", type=_expression, metavar="REGEX", default=re.compile(""),
        help="rows whose op/id has it somewhere (default: all)")
    add("--peers", type=_choices(PEERS), metavar="LIST", default=PEERS, help=f"of {','.join(PEERS)} (default: all)")
    add("--threads", type=_threads, metavar="N", default=1, help="of every library (default 1)")
    add("--layouts", type=_choices(LAYOUTS), metavar="LIST", default=LAYOUTS[:3],
        help=f"of ours, the quickest of which counts: of {','.join(LAYOUTS)} (default {','.join(LAYOUTS[:3])})")
    add("--seconds", type=_number(float, 0.0, "a number"), metavar="S", default=0.5,
        help="to spend on a row and a peer, and half of it in plain NCHW (default 0.5)")
    add("--rounds", type=_number(int, 1, "a whole number"), metavar="N", default=8,
        help="of A B B A, at most (default 8; 1 or 2 of long runs, whatever they take)")
    add("--output", type=pathlib.Path, metavar="DIR", default=STATE / "peers", help="for results (default %(default)s)")
    add("--resume", type=pathlib.Path, metavar="FILE", help="continue this .jsonl: rows that are in it are kept")
    add("--report", type=pathlib.Path, metavar="FILE", help="measure nothing, only write the report of this .jsonl")
    add("--build", type=pathlib.Path, metavar="DIR",
        help="take the libraries of this build directory; without it, build/gcc-release is built first")
    add("--library", type=pathlib.Path, help=argparse.SUPPRESS)
    add("--record", type=pathlib.Path, help=argparse.SUPPRESS)
    return result


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options. Exits with status 2 where they are wrong."""
    result = parser()
    options = result.parse_args(arguments)
    for name in ("workloads", "resume", "report"):
        path = getattr(options, name)
        if path is not None and not path.is_file():
            result.error(f"--{name} {path}: there is no such file")
    if options.build is not None and not options.build.is_dir():
        result.error(f"--build {options.build}: there is no such directory")
    return options
