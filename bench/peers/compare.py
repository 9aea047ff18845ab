"""The process of tools/compare_peers that measures: all peers and libpolyphase_rows.so in one."""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import datetime
import gc
import hashlib
import importlib
import inspect
import math
import os
import pathlib
import platform
import random
import re
import shlex
import signal
import statistics
import subprocess
import sys
import time

import measure
import options as command_line
import peer as peer_module
import report
from peer import Configuration, Peer, Unsupported
from record import Duel, PeerResult, Record, RowResult, Trial
from rows import Case, Library, Row, RowsError, read_table

# Seconds for the trial of one configuration, and how many times slower than the quickest the first run may be for that.
TRIAL = 0.03
HOPELESS = 3.0
LONGEST = 180  # seconds of a peer at a row; then SIGALRM ends the process, and it goes on without that peer there
# Seconds for which the roofline is believed; to measure it takes one or two.
ROOFLINE = 60.0


def first_line(error: BaseException) -> str:
    """An error's type and the first line of its message, which may be a page long."""
    lines = str(error).strip().splitlines() or ["no reason given"]
    return f"{type(error).__name__}: {lines[0][:200]}"


def load_peers(names: tuple[str, ...], threads: int) -> tuple[list[Peer], dict[str, str]]:
    """The peers that are here, and why the others are not."""
    peers, absent = [], {}
    for name in names:
        try:
            module = importlib.import_module(f"peer_{name}")
            kind = next(item for item in vars(module).values()
                        if inspect.isclass(item) and issubclass(item, Peer) and item.__module__ == module.__name__)
            peers.append(kind(threads))
        except Exception as error:  # pylint: disable=broad-except; also of a version that is not what it was
            absent[name] = first_line(error)
            print(f"Without {name}: {absent[name]}", flush=True)
    return peers, absent


def describe_machine() -> dict[str, str | int]:
    """What a reader of the table must know of it."""
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": cpu[1] if cpu else platform.processor(), "cores": os.cpu_count() or 1,
            "memory_gib": round(memory / 2**30), "kernel": platform.release(),
            "system": platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")}


def describe_revision() -> str:
    """The checkout's commit, with "+" where files are changed."""
    result = subprocess.run(["git", "-C", command_line.ROOT, "describe", "--always", "--abbrev=10", "--dirty=+"],
                            check=False, capture_output=True, text=True)
    return result.stdout.strip() or "unknown"


def shape_of(row: Row) -> str:
    """Such as "64 of 128x16x16 -> 64x32x32"."""
    def text(*sizes: int) -> str:
        return "x".join(map(str, sizes))

    images = f"{row.n} of " if row.n > 1 else ""
    parts = [f"{images}{text(row.c_in, *row.size)} → {text(*row.output_shape[1:])}"]
    if math.prod(row.kernel) > 1:
        parts.append(f"k{text(*row.kernel)}" + (f" s{text(*row.stride)}" if max(row.stride) > 1 else ""))
    if row.groups > 1:
        parts.append(f"g{row.groups}")
    if row.mode:
        parts.append(row.mode + (" align_corners" if row.align_corners else ""))
    return ", ".join(parts)


class Comparison:
    """Compares row after row."""

    def __init__(self, options: argparse.Namespace, library: Library, peers: list[Peer], record: Record):
        self._options, self._library, self._peers, self._record = options, library, peers, record
        self._effort = measure.Effort(seconds=options.seconds, most=2 * options.rounds,
                                      least=min(4, 2 * options.rounds), pause=0.005 if options.threads > 1 else 0.0)
        self._rng = random.Random(1)
        self._roofline = (0.0, 0.0)
        self._roofline_end = -math.inf  # monotonic

    def row(self, row: Row) -> RowResult:
        """Measures everything about a row."""
        start = time.monotonic()
        result = RowResult(row.id, row.op, row.network, shape_of(row))
        try:
            with contextlib.ExitStack() as stack:
                self._measure(row, result, stack)
        except RowsError as error:
            result.unavailable = str(error)
        gc.collect()
        result.spent = time.monotonic() - start
        return result

    def _measure(self, row: Row, result: RowResult, stack: contextlib.ExitStack) -> None:
        options = self._options
        cases = {}
        for layout in options.layouts:
            cases[layout] = stack.enter_context(
                self._library.open(row, layout, options.threads, options.workloads.resolve()))
        first = next(iter(cases.values()))
        first.verify()
        expected = first.output()
        for layout, case in cases.items():
            first_run = measure.time_of(case.run)
            problem = measure.difference(case.output(), expected)
            if problem:
                raise RowsError(f"row '{row.id}': layouts {first.layout} and {layout} differ: {problem}")
            result.layouts[layout] = measure.trial(case.run_in_place, first_run, TRIAL)
        best = cases[min(result.layouts, key=result.layouts.get)]
        result.layout, result.description = best.layout, best.describe()
        result.flop, result.bytes = first.cost()
        result.flops, result.bytes_per_second = self._peaks()
        samples, plain_samples = [], []
        for peer in self._peers:
            if (row.id, peer.name) in self._record.crashes:
                result.peers.append(PeerResult(peer.name, "crashed", "took the process with it, or too long"))
                continue
            self._record.write("begin", row=row.id, peer=peer.name)
            signal.alarm(LONGEST)  # nothing gentler ends a library's function
            peer_result = self._peer(peer, row, expected, best, cases.get("nchw"), result.layouts)
            signal.alarm(0)
            result.peers.append(peer_result)
            samples += peer_result.best.ours if peer_result.best else []
            plain_samples += peer_result.plain.ours if peer_result.plain else []
        result.seconds = statistics.median(samples or [result.layouts[best.layout]])
        if "nchw" in cases:
            result.plain_seconds = statistics.median(plain_samples or [result.layouts["nchw"]])

    def _peaks(self) -> tuple[float, float]:
        """The roofline about now: FLOP/s and byte/s."""
        if time.monotonic() > self._roofline_end:
            self._roofline = self._library.peaks(self._options.threads)
            self._roofline_end = time.monotonic() + ROOFLINE
        return self._roofline

    def _peer(self, peer: Peer, row: Row, expected, ours: Case, plain: Case | None,
              our_seconds: dict[str, float]) -> PeerResult:
        result = PeerResult(peer.name, "timed")
        try:
            configurations = peer.configurations(row, ours.data())
            right = self._try(configurations, expected, result)
            if not right:
                wrong = [trial.wrong for trial in result.trials if trial.wrong]
                result.status = "wrong" if wrong else "failed"
                result.reason = (wrong + [trial.error for trial in result.trials if trial.error])[0]
                return result
            seconds, theirs = min(right, key=lambda pair: pair[0])
            result.best = self._duel(ours, theirs, (our_seconds[ours.layout], seconds), self._effort)
            plain_ones = [pair for pair in right if pair[1].plain_nchw]
            if plain is not None and plain_ones:
                seconds, plain_theirs = min(plain_ones, key=lambda pair: pair[0])
                same = plain is ours and plain_theirs is theirs
                effort = dataclasses.replace(self._effort, seconds=self._effort.seconds / 2)
                result.plain = result.best if same else self._duel(plain, plain_theirs,
                                                                   (our_seconds["nchw"], seconds), effort)
        except RowsError:
            raise
        except Unsupported as error:
            result.status, result.reason = "unsupported", str(error)
        except Exception as error:  # pylint: disable=broad-except; whatever a library throws is its result
            result.status, result.reason = "failed", first_line(error)
        finally:
            peer.close()
        return result

    def _try(self, configurations: list[Configuration], expected,
             result: PeerResult) -> list[tuple[float, Configuration]]:
        """The configurations with the right values, and their seconds."""
        right: list[tuple[float, Configuration]] = []
        for configuration in configurations:
            trial = Trial(configuration.name, configuration.plain_nchw, configuration.border)
            result.trials.append(trial)
            try:
                first_run = measure.time_of(configuration.run)
                trial.wrong = measure.difference(configuration.output(), expected, configuration.border)
                if trial.wrong is None:
                    hopeless = first_run > HOPELESS * min((seconds for seconds, _ in right), default=math.inf)
                    trial.seconds = first_run
                    if first_run < TRIAL or not hopeless:  # what a first run prepares counts with short ones
                        trial.seconds = measure.trial(configuration.run, first_run, TRIAL)
                    right.append((trial.seconds, configuration))
            except Exception as error:  # pylint: disable=broad-except
                trial.error = first_line(error)
        return right

    def _duel(self, ours: Case, theirs: Configuration, expected: tuple[float, float], effort: measure.Effort) -> Duel:
        our_samples, their_samples = measure.pairs(ours.run_in_place, theirs.run, expected, effort, self._rng)
        ratio = measure.ratio_of(our_samples, their_samples)
        return Duel(ours.layout, theirs.name, our_samples, their_samples, ratio.ratio, ratio.low, ratio.high)


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def print_row(result: RowResult, progress: str) -> None:
    """A row's results on the terminal."""
    print(f"[{progress}] {result.op}/{result.row}", end="")
    if result.unavailable:
        print(f": not available: {result.unavailable}", flush=True)
        return
    print(f"  {result.seconds * 1e3:.3f} ms, {result.roofline_fraction:.0%} of the roofline ({result.layout})")
    best = report.best_peer(result)
    for peer in result.peers:
        if peer.best:
            duel = peer.best
            mark = "*" if peer is best else " "
            plain = f"; NCHW {peer.plain.ratio:.2f}" if peer.plain else ""
            print(f"  {mark} {peer.peer:13}{duel.ratio:7.2f}  [{duel.low:.2f}, {duel.high:.2f}]  "
                  f"{duel.configuration}{plain}")
    others = collections.defaultdict(list)
    for peer in result.peers:
        if not peer.best:
            others[peer.status, peer.reason].append(peer.peer)
    for (status, reason), names in others.items():
        print(f"    {status.upper() if status != 'unsupported' else 'not'} {', '.join(names)}: {reason}")
    sys.stdout.flush()


def select(options: argparse.Namespace) -> list[Row]:
    """The rows to be compared. Exits with status 2 where the table or the filter is wrong."""
    try:
        table = read_table(options.workloads)
    except RowsError as error:
        print(f"tools/compare_peers: {error}", file=sys.stderr)
        sys.exit(2)
    chosen = [row for row in table if options.rows.search(f"{row.op}/{row.id}")]
    if not chosen:
        print(f"tools/compare_peers: --rows '{options.rows.pattern}' matches no op/id of {options.workloads}",
              file=sys.stderr)
        sys.exit(2)
    return chosen


def check_resumed(record: Record, header: dict) -> None:
    """What was measured in another way must not be mixed. Exits with status 2."""
    def facts(header: dict) -> dict:
        keys = ("threads", "layouts", "workloads", "workloads_sha256")
        return {**{key: header[key] for key in keys if key in header}, "CPU": header["machine"]["cpu"],
                "cores": header["machine"]["cores"]}

    now = facts(header)
    for old in map(facts, record.headers):
        for key, value in old.items():  # headers of 2026-11-28 have no hash
            if value != now[key]:
                print(f"tools/compare_peers: --resume {record.path}: it was measured with {key} {value}, "
                      f"this is {now[key]}; without --resume all is measured anew", file=sys.stderr)
                sys.exit(2)


def main(arguments: list[str]) -> int:
    """Compares, or only reports. `arguments` are those of tools/compare_peers, behind --library FILE --record FILE
    unless they ask for a report."""
    options = command_line.parse(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the command that starts this ignores it
    if options.report:
        return report.main(options.report)
    measure.keep_freed_memory()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    chosen = select(options)
    try:
        library = Library(options.library)
        record = Record(options.record)
    except (OSError, ValueError) as error:  # of --build, of --resume
        print(f"tools/compare_peers: {error}", file=sys.stderr)
        return 2
    peer_module.native_folder = options.library.parent / "peers"
    peers, absent = load_peers(options.peers, options.threads)
    header = {"format": 1, "started": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "command": shlex.join(["tools/compare_peers", *arguments[4:]]), "machine": describe_machine(),
              "revision": describe_revision(), "workloads": options.workloads.name,
              "workloads_sha256": hashlib.sha256(options.workloads.read_bytes()).hexdigest()[:16],
              "threads": options.threads, "layouts": list(options.layouts),
              "peers": {peer.name: peer.version for peer in peers}, "absent": absent}
    check_resumed(record, header)
    try:
        record.write("header", **header)
    except OSError as error:
        print(f"tools/compare_peers: --output: {error}", file=sys.stderr)
        return 2
    comparison = Comparison(options, library, peers, record)
    missing = [row for row in chosen if row.id not in record.rows]
    start = time.monotonic()
    interrupted = False
    try:
        for index, row in enumerate(missing):
            result = comparison.row(row)
            record.write_row(result)
            spent = time.monotonic() - start
            left = spent / (index + 1) * (len(missing) - index - 1)
            print_row(result, f"{index + 1}/{len(missing)}, {clock(left)} left")
    except KeyboardInterrupt:
        interrupted = True
        print(f"\nInterrupted; --resume {record.path} continues")
    status = report.main(options.record)
    return 130 if interrupted else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
