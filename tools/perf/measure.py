"""Runs the runner: which rows, in which order, how long, how often, and which launches are to be believed."""

import collections
import json
import math
import random
import re
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import revisions
import stats

LAYOUTS = ("nchw", "nhwc", "nchwc4", "nchwc8", "nchwc16")
BEST_ISA = "best"  # what this CPU runs best
# Rows that are timed unless the user names others: all families of operators and both register tiles, each between a
# tenth of a millisecond and ten of them.
DEFAULT_ROWS = """
    bigvgan.u5/nchwc16 encodec.u3/nchw istftnet.pool/nchwc16 melgan.u0.stream/nchwc16
    centernet.dla.ida1/nchwc16 centernet.resdcn.up1/nchwc16 da2.vits.r1/nchw da2.vits.r2/nchwc16 dcgan.g1/nchwc16
    deconvnet.d5_1/nchwc16 fcn8s.upscore_pool4/nchw nnunet2d.t1/nhwc rife46.b0.last/nchw sam.up2/nchwc16
    stylegan2.b8/nchwc16
    nnunet3d.t1/nchw vnet.up256/nchwc16
    bisenetv1.up32/nchwc16 bisenetv1.up32/nchw
    nafnet.up1/nchwc16 nafnet.up4/nhwc
    espcn.x3.ps/nchw yolov5.focus/nchw
    deconvnet.unpool1/nchwc16 deconvnet.unpool5/nchw
    deeplabv3p.aspp/nchwc16 istftnet.phase/nchw rife.block0.up/nchw segformer.c4/nchwc16 sr.bicubic.x4/nchw
    yolov3.up2/nchwc16
    fpn.p5p4/nchwc16 hrnet.fuse.x2/nchw
    raft.convex/nchw
""".split()
FEWEST_LAUNCHES = 5
SAMPLE_SECONDS = 5e-4  # of one sample: far more than the clock's resolution, far less than a burst of the neighbours
MOST_ROUNDS = 400
# FLOP per byte above which a row is held against the control kernel that computes, else the one that moves memory. A
# number rather than the ridge of this moment's roofline, so that it is the same one in the whole history of a row.
COMPUTE_INTENSITY = 8.0


class Error(Exception):
    """A runner that failed, or a choice of rows that is none; the text is for the user."""


@dataclass(frozen=True)
class Row:
    """What is timed."""

    op: str
    id: str
    layout: str
    isa: str
    threads: int

    @property
    def name(self) -> str:
        return f"{self.op}/{self.id}/{self.layout}/{self.isa}/{self.threads}"


@dataclass(frozen=True)
class Round:
    """Seconds per run of either side, in the order of the samples; seconds of the control kernel."""

    base: list[float]
    head: list[float]
    control: list[float]


@dataclass(frozen=True)
class Facts:
    """What the runner knows about a row before it is timed."""

    seconds: float  # of a run
    flop: float
    bytes: float
    base_algorithm: str
    algorithm: str  # of the head

    @property
    def control(self) -> str:
        return "compute" if self.flop > COMPUTE_INTENSITY * self.bytes else "memory"


@dataclass
class Launch:
    """The rounds that one process did of every row."""

    rounds: dict[Row, list[Round]] = field(default_factory=dict)

    def controls(self, facts: dict[Row, Facts]) -> dict[str, float]:
        """Median time of each control kernel over all rounds, seconds."""
        times = collections.defaultdict(list)
        for row, rounds in self.rounds.items():
            for timed in rounds:
                times[facts[row].control] += timed.control
        return {control: statistics.median(values) for control, values in times.items()}


@dataclass
class Measurement:
    """The launches to be believed, and how many others there were."""

    launches: list[Launch]
    dropped: int
    spread: float  # the largest deviation of a control kernel in a launch, dropped ones included

    def log_ratios(self, row: Row) -> list[list[float]]:
        return [[stats.log_ratio(timed.base, timed.head) for timed in launch.rounds[row]] for launch in self.launches]


Progress = Callable[[str], None]  # told its name whenever a row of a launch is done


def select_rows(table: Sequence[tuple[str, str]], pattern: str | None, layouts: Sequence[str], isa: str,
                threads: int) -> list[Row]:
    """Of `table`, pairs of id and op: the rows whose names the regular expression finds, DEFAULT_ROWS without one.

    Raises Error if that is none.
    """
    if pattern is None:
        chosen = [tuple(name.split("/")) for name in DEFAULT_ROWS]
        ops = dict(table)
        rows = [Row(ops[id], id, layout, isa, threads) for id, layout in chosen if layout in layouts]
        if not rows:
            raise Error(f"--layouts: no default row is in {','.join(layouts)}; --rows names others")
        return rows
    rows = [Row(op, id, layout, isa, threads) for id, op in table for layout in layouts]
    found = [row for row in rows if re.search(pattern, row.name)]
    if not found:
        raise Error(f"--rows: '{pattern}' is found in no name such as {rows[0].name}")
    return found


def orders(generator: random.Random, count: int) -> list[str]:
    """Rounds: ABBA and BAAB in random order, but equally often wherever the time is over, so that neither a drift
    within a round nor being the first favours a side."""
    pairs = (generator.sample(("ABBA", "BAAB"), 2) for _ in range(math.ceil(count / 2)))
    return [order for pair in pairs for order in pair][:count]


class Runner:
    """A launch: one process that has both modules loaded."""

    def __init__(self, base: revisions.Build, head: revisions.Build) -> None:
        self._process = subprocess.Popen([str(head.runner), str(base.rows), str(head.rows)], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # ends its input, at which it ends

    def ask(self, *line: object) -> dict[str, Any]:
        """The answer to a line of the schedule. Raises Error if there is none."""
        try:
            self._process.stdin.write(" ".join(map(str, line)) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            code = self._process.wait()
            text = self._process.stderr.read().strip()
            raise Error(f"the runner ended with {f'signal {-code}' if code < 0 else f'code {code}'}"
                        f" at '{' '.join(map(str, line[:3]))}' {text}".strip())
        return json.loads(answer)

    def peaks(self, isa: str, threads: int) -> dict[str, float]:
        """The roofline now: FLOP and bytes per second."""
        answer = self.ask("peaks", isa, threads)
        if "error" in answer:
            raise Error(answer["error"])
        return answer

    def row(self, row: Row, first: str, control: str, seconds: float, rounds: Sequence[str]) -> dict[str, Any]:
        return self.ask("row", row.id, row.layout, row.isa, row.threads, first, control, SAMPLE_SECONDS, seconds,
                        ",".join(rounds) or "-")


def survey(base: revisions.Build, head: revisions.Build,
           rows: Sequence[Row]) -> tuple[dict[Row, Facts], dict[Row, str]]:
    """Runs every row some times, which also compares the outputs of the two. Returns facts, and the errors of the rows
    that have none: they begin with the side, "base:", "head:" or "both:"."""
    facts: dict[Row, Facts] = {}
    errors: dict[Row, str] = {}
    waiting = list(rows)
    while waiting:
        with Runner(base, head) as runner:
            while waiting:
                row = waiting.pop(0)
                try:
                    answer = runner.row(row, "A", "compute", 0, [])
                except Error as error:  # that row was too much for it: another goes on after it
                    errors[row] = f"both: {error}"
                    break
                if "error" in answer:
                    errors[row] = answer["error"]
                else:
                    facts[row] = Facts(**{name: answer[name] for name in Facts.__dataclass_fields__})
    return facts, errors


def best_isa(facts: Facts) -> str:
    """The target that a row of BEST_ISA ran on, out of its plan's description."""
    found = re.search(r"\btarget (\w+)", facts.algorithm)
    if found is None:
        raise Error(f"no SIMD target in what the plan says: {facts.algorithm}")
    return found[1]


def launch(base: revisions.Build, head: revisions.Build, facts: dict[Row, Facts], seconds: float,
           generator: random.Random, progress: Progress) -> Launch:
    """Times every row of `facts` for `seconds`, in random order, in one process."""
    result = Launch()
    rows = list(facts)
    generator.shuffle(rows)
    with Runner(base, head) as runner:
        for row in rows:
            answer = runner.row(row, generator.choice("AB"), facts[row].control, seconds,
                                orders(generator, MOST_ROUNDS))
            if "error" in answer:
                raise Error(f"{row.name}: {answer['error']}")
            result.rounds[row] = [Round(**timed) for timed in answer["rounds"]]
            progress(row.name)
    return result


def deviations(controls: Sequence[dict[str, float]]) -> list[float]:
    """For the controls of each launch: the largest deviation of one of them from its median over all launches, as a
    fraction of it."""
    medians = {name: statistics.median(values[name] for values in controls) for name in controls[0]}
    return [max(abs(values[name] / medians[name] - 1) for name in medians) for values in controls]


def measure(one_launch: Callable[[], Launch], facts: dict[Row, Facts], wanted: int, limit: float) -> Measurement:
    """Launches until `wanted` of them have controls that deviate by no more than `limit` from their median, or there
    have been half as many again."""
    launches: list[Launch] = []
    while True:
        launches.append(one_launch())
        off = deviations([launch.controls(facts) for launch in launches])
        good = [launch for launch, deviation in zip(launches, off) if deviation <= limit]
        if len(good) >= wanted or len(launches) >= wanted + math.ceil(wanted / 2):
            return Measurement(good, len(launches) - len(good), max(off))
