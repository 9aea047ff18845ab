"""Times two revisions against each other and says which rows became slower and which faster.

Builds both, loads both into one process, gives both the same memory and times them in turn (ABBA or BAAB, in random
order), in at least 5 processes. A control kernel, which never changes, is timed in every round: a process in which it
runs at another speed than in the others is dropped and repeated. Rows that became slower or faster are timed once more,
independently, and count only if the second time agrees.

verdicts: SLOWER, FASTER   q < 0.01 (Benjamini and Hochberg over all rows), more than 1 %, and confirmed
          EQUAL            the 99 % interval lies within --equal
          UNRESOLVED       none of these: the machine was too noisy, or the time too short

exit code: 0 nothing became slower; 1 something did, or does not run any more; 2 bad usage, or a revision that does not
           build; 3 the machine is not fit to tell
"""

import argparse
import datetime
import math
import random
import re
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import history
import machine
import measure
import revisions
import state
import stats
import workloads
from progress import Progress

FORMAT = 1
SEED = 1
# Of the time for the first measurement; the second one, of the changed rows alone, takes no more than the rest.
FIRST_SHARE = 0.8
SHORTEST = 0.05  # seconds per row and launch

EXIT_EQUAL, EXIT_SLOWER, EXIT_USAGE, EXIT_UNFIT = 0, 1, 2, 3


class Unfit(Exception):
    """Why this machine can't tell now."""


@dataclass
class Judgement:
    """What a measurement says about a row."""

    estimate: stats.Estimate
    q: float
    verdict: str
    confirmed: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", metavar="BASE", help="the older revision, as git calls it")
    parser.add_argument("head", metavar="HEAD", nargs="?", default=".",
                        help="the newer one; '.', the default, is the working tree with its uncommitted changes")
    add_measuring_arguments(parser)


def add_measuring_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=expression, metavar="REGEX",
                        help="rows whose names, op/id/layout/isa/threads, this is found in (default: "
                             f"{len(measure.DEFAULT_ROWS)} short rows of all ops)")
    parser.add_argument("--layouts", type=layouts, default=None, metavar="LIST",
                        help=f"of {','.join(measure.LAYOUTS)} (default: those of the default rows; "
                             "with --rows nchw,nhwc,nchwc16)")
    parser.add_argument("--isa", default=measure.BEST_ISA, metavar="NAME",
                        help="SIMD target, for instance avx2 (default: the best that this CPU runs)")
    parser.add_argument("--threads", type=positive(int), default=1, metavar="N", help="default: 1")
    parser.add_argument("--minutes", type=positive(float), default=6.0, metavar="N",
                        help="about how long to measure, and to confirm what changed (default: 6); more time resolves "
                        "smaller changes")
    parser.add_argument("--launches", type=launches, default=20, metavar="N",
                        help=f"processes that share the time (default: 20, at least {measure.FEWEST_LAUNCHES})")
    parser.add_argument("--equal", type=positive(float), default=1.5, metavar="PERCENT",
                        help="what is as good as no change (default: 1.5)")
    parser.add_argument("--max-control", type=positive(float), default=15.0, metavar="PERCENT",
                        help="drops a launch whose control kernel deviates by more (default: 15)")
    parser.add_argument("--max-steal", type=positive(float), default=10.0, metavar="PERCENT",
                        help="CPU time that other guests may take before the machine is unfit (default: 10)")


def positive(kind: type) -> Any:
    """A number above 0, for argparse."""
    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"'{text}' is not a{' whole' if kind is int else ''} number above 0")
        return value
    return parse


def expression(text: str) -> str:
    """A regular expression, for argparse."""
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no regular expression: {error}") from error
    return text


def launches(text: str) -> int:
    count = positive(int)(text)
    if count < measure.FEWEST_LAUNCHES:
        raise argparse.ArgumentTypeError(f"{count} is less than {measure.FEWEST_LAUNCHES}")
    return count


def layouts(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in measure.LAYOUTS:
            raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(measure.LAYOUTS)}")
    return names


def main(arguments: argparse.Namespace) -> int:
    try:
        base = revisions.find(arguments.base)
        head = revisions.find(arguments.head)
        if base.revision == head.revision:
            raise revisions.Error("BASE and HEAD are the same revision; perf prove compares a revision with itself")
        builds = [build(revision) for revision in (base, head)]
        run = compare(base, head, builds[0], builds[1], arguments)
    except (revisions.Error, measure.Error) as error:
        print(f"perf compare: {error}", file=sys.stderr)
        return EXIT_USAGE
    except Unfit as error:
        print(f"perf compare: the machine is not fit to tell: {error}", file=sys.stderr)
        return EXIT_UNFIT
    print(table(run))
    try:
        path = state.save_run(run)
        history.append(run)
        print(f"perf report makes a page of it; raw: {path}")
    except (history.HistoryError, OSError) as error:  # the verdict is known all the same
        print(f"perf compare: not stored: {error}", file=sys.stderr)
    return EXIT_SLOWER if run["verdict"] == stats.SLOWER else EXIT_EQUAL


def build(revision: revisions.Revision, variant: str = "", options: tuple[str, ...] = ()) -> revisions.Build:
    """As revisions.build, with a word, since it may take minutes."""
    print(f"building {revision.short()}{variant} ({revision.subject})", file=sys.stderr)
    return revisions.build(revision, variant, options)


def compare(base: revisions.Revision, head: revisions.Revision, base_build: revisions.Build,
            head_build: revisions.Build, arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole comparison, as it is stored. Raises measure.Error and Unfit."""
    started = datetime.datetime.now(datetime.timezone.utc)
    begin = time.monotonic()
    steal = machine.Steal()
    generator = random.Random(SEED)
    limit = arguments.max_control / 100

    rows, calibration = choose(base_build, head_build, arguments)
    looked = time.monotonic()
    facts, errors = measure.survey(base_build, head_build, rows)
    overhead = (time.monotonic() - looked) / len(rows)
    for row, error in errors.items():
        print(f"left out: {row.name}: {error}", file=sys.stderr)
    if not facts:
        raise measure.Error("no row runs in both revisions")

    def pass_over(some: dict[measure.Row, measure.Facts], what: str, seconds: float) -> measure.Measurement:
        progress = Progress(what, len(some) * arguments.launches)
        measurement = measure.measure(
            lambda: measure.launch(base_build, head_build, some, seconds, generator, progress.step), some,
            arguments.launches, limit)
        progress.end()
        if len(measurement.launches) < max(measure.FEWEST_LAUNCHES, arguments.launches / 2):
            raise Unfit(f"a control kernel deviated by more than {arguments.max_control:g} %, up to "
                        f"{100 * measurement.spread:.0f} %, in {measurement.dropped} of "
                        f"{measurement.dropped + len(measurement.launches)} launches (--max-control)")
        if steal.share() > arguments.max_steal / 100:
            raise Unfit(f"{100 * steal.share():.0f} % of its CPU time went to other guests of the host (--max-steal)")
        return measurement

    def seconds_per_row(count: int, share: float) -> float:
        return max(SHORTEST, arguments.minutes * 60 * share / (count * arguments.launches) - overhead)

    seconds = seconds_per_row(len(facts), FIRST_SHARE)
    first = pass_over(facts, "measuring", seconds)
    judgements = judge(first, list(facts), arguments.equal / 100)
    changed = [row for row, judgement in judgements.items() if judgement.verdict in (stats.SLOWER, stats.FASTER)]
    second = None
    if changed:
        seconds = min(seconds, seconds_per_row(len(changed), 1 - FIRST_SHARE))
        second = pass_over({row: facts[row] for row in changed}, "confirming", seconds)
        judgements |= confirm(judgements, first, second, changed, arguments.equal / 100)

    results = [result(row, facts[row], judgements[row], first, second if row in changed else None, calibration)
               for row in facts]
    return {
        "format": FORMAT, "started": started.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds": round(time.monotonic() - begin, 1),
        "command": "tools/perf/" + shlex.join(["perf", *sys.argv[1:]]),
        "base": base.summary(), "head": head.summary(),
        "machine": {**machine.describe(head_build.facts(), rows[0].isa, calibration), "steal": round(steal.share(), 4)},
        "threads": arguments.threads, "equal": arguments.equal / 100,
        "launches": len(first.launches), "dropped_launches": first.dropped,
        "control_spread": round(first.spread, 4),
        "rows": results, "failed": [{"name": row.name, "error": error} for row, error in errors.items()],
        "verdict": overall([row["verdict"] for row in results], list(errors.values())),
        "proof": state.read_json(state.proof_path()) or {},
    }


def choose(base: revisions.Build, head: revisions.Build,
           arguments: argparse.Namespace) -> tuple[list[measure.Row], dict[str, float]]:
    """The rows by their whole names, which need that of the SIMD target; and the roofline."""
    known = workloads.read()
    isa = arguments.isa
    with measure.Runner(base, head) as runner:
        calibration = runner.peaks(isa, arguments.threads)
    if isa == measure.BEST_ISA:
        probe = measure.select_rows(known, None, measure.LAYOUTS, isa, 1)[0]
        facts, errors = measure.survey(base, head, [probe])
        if errors:
            raise measure.Error(f"{probe.name}: {errors[probe]}")
        isa = measure.best_isa(facts[probe])
    default = measure.LAYOUTS if arguments.rows is None else ("nchw", "nhwc", "nchwc16")
    return measure.select_rows(known, arguments.rows, arguments.layouts or default, isa, arguments.threads), calibration


def judge(measurement: measure.Measurement, rows: Sequence[measure.Row],
          equal: float) -> dict[measure.Row, Judgement]:
    estimates = [stats.estimate(measurement.log_ratios(row)) for row in rows]
    adjusted = stats.adjust([estimate.p for estimate in estimates])
    return {row: Judgement(estimate, q, stats.verdict(estimate, q, equal))
            for row, estimate, q in zip(rows, estimates, adjusted)}


def confirm(judgements: dict[measure.Row, Judgement], first: measure.Measurement, second: measure.Measurement,
            changed: Sequence[measure.Row], equal: float) -> dict[measure.Row, Judgement]:
    """The changed rows: the verdict stays only if the second measurement alone gives the same; the estimate is that of
    both together, since the first one was chosen for being large."""
    confirmed = {}
    for row, again in judge(second, changed, equal).items():
        before = judgements[row]
        together = stats.estimate(first.log_ratios(row) + second.log_ratios(row))
        agrees = again.verdict == before.verdict
        verdict = before.verdict if agrees else stats.verdict(together, 1.0, equal)
        confirmed[row] = Judgement(together, before.q, verdict, agrees)
    return confirmed


def result(row: measure.Row, facts: measure.Facts, judgement: Judgement, first: measure.Measurement,
           second: measure.Measurement | None, calibration: dict[str, float]) -> dict[str, Any]:
    """A row as it is stored."""
    rounds = [{"launch": index, "confirmation": measurement is second, **asdict(timed)}
              for measurement in (first, second) if measurement is not None
              for index, launch in enumerate(measurement.launches) for timed in launch.rounds[row]]
    base, head, control = (statistics.median(value for timed in rounds for value in timed[side])
                           for side in ("base", "head", "control"))
    roofline = max(facts.flop / calibration["flops"], facts.bytes / calibration["bytes_per_second"])
    estimate = judgement.estimate
    return {
        "name": row.name, "op": row.op, "base_ms": 1e3 * base, "head_ms": 1e3 * head, "ratio": estimate.ratio,
        "low": estimate.low, "high": estimate.high, "p": estimate.p, "q": judgement.q, "verdict": judgement.verdict,
        "confirmed": judgement.confirmed, "flop": facts.flop, "bytes": facts.bytes,
        "roofline_fraction": roofline / head, "algorithm": facts.algorithm, "base_algorithm": facts.base_algorithm,
        "control": facts.control,
        "control_ms": 1e3 * control, "rounds": rounds,
    }


def overall(verdicts: Sequence[str], errors: Sequence[str]) -> str:
    """SLOWER also where a row of the base fails in the head: whoever needs it is not helped by the speed of others."""
    if stats.SLOWER in verdicts or any(not error.startswith("base:") for error in errors):
        return stats.SLOWER
    return stats.FASTER if stats.FASTER in verdicts else stats.EQUAL


def table(run: dict[str, Any]) -> str:
    """For the terminal: what changed first."""
    order = [stats.SLOWER, stats.FASTER, stats.UNRESOLVED, stats.EQUAL]
    lines = [f"{'':10}  {'change':>8}  {'99 % interval':^18}  {'base ms':>9}  {'head ms':>9}  {'roofline':>8}"]
    for row in sorted(run["rows"], key=lambda row: (order.index(row["verdict"]), -abs(math.log(row["ratio"])))):
        low, high = percent(row["low"]), percent(row["high"])
        lines.append(f"{row['verdict']:10}  {percent(row['ratio']):>8}  [{low:>7}, {high:>7}]  {row['base_ms']:9.4f}  "
                     f"{row['head_ms']:9.4f}  {row['roofline_fraction']:8.0%}  {row['name']}")
    counts = ", ".join(f"{sum(row['verdict'] == verdict for row in run['rows'])} {verdict}" for verdict in order)
    failed = f", {len(run['failed'])} left out" if run["failed"] else ""
    lines.append(f"{counts}{failed}; {run['launches']} launches and {run['dropped_launches']} dropped, "
                 f"{run['seconds'] / 60:.1f} minutes, {run['machine']['steal']:.1%} steal")
    return "\n".join(lines)


def percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"
