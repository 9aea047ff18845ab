"""Times of each row over the revisions that were compared on this machine, and the steps in them.

A time is stored in units of the control kernel that ran in the same rounds, which takes out what the machine did at
that moment, and shown in milliseconds of a moment when the control ran at its usual speed. Revisions are ordered by
their commit dates, however often and whenever they were measured; a working tree is nothing to come back to, and left
out.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import fcntl
import functools
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

import change_points
import revisions
import state

FORMAT = 1  # of comparisons and of the lines
# Chance of a step that isn't there, anywhere in the history of a class of machines: the rows share it.
FALSE_STEP = 0.05

Record = dict[str, Any]  # one line of the history: a revision, measured once


class HistoryError(Exception):
    """What is wrong with a file or an option, in one line."""


@dataclass(frozen=True)
class Point:
    """One measurement of one row."""

    revision: str
    subject: str
    date: str  # of the commit, ISO 8601
    measured: str  # when the run started, ISO 8601
    controls: float  # time of the row in times of the control kernel
    milliseconds: float  # the same at the control's usual speed


@dataclass(frozen=True)
class Step:
    """A step in the series of a row; `point` is the first measurement after it."""

    name: str
    point: Point
    change: change_points.ChangePoint


def controls(row: dict[str, Any], side: str) -> float:
    """Time of `side`, "base" or "head", in times of the control: the median over launches of the median over rounds."""
    launches: dict[tuple[bool, int], list[float]] = {}
    for part in row.get("rounds") or ():
        ratio = numpy.log(part[side]).mean() - numpy.log(part["control"]).mean()
        launches.setdefault((part["confirmation"], part["launch"]), []).append(ratio)
    if not launches:
        return row[f"{side}_ms"] / row["control_ms"]
    return float(numpy.exp(numpy.median([numpy.median(ratios) for ratios in launches.values()])))


def records(run: dict[str, Any]) -> list[Record]:
    """The lines that a comparison adds to the history: one per side that is a commit."""
    return [{
        "format": FORMAT,
        "measured": run["started"],
        "side": side,
        "revision": run[side]["revision"],
        "subject": run[side]["subject"],
        "date": run[side]["date"],
        "machine": run["machine"],
        "rows": {row["name"]: {"controls": controls(row, side), "control_ms": row["control_ms"]}
                 for row in run["rows"]},
    } for side in ("base", "head") if is_commit(run[side]["revision"])]


def is_commit(revision: str) -> bool:
    return re.fullmatch("[0-9a-f]{40}", revision) is not None


def read_run(path: pathlib.Path) -> dict[str, Any]:
    """A stored comparison. Raises HistoryError and OSError."""
    try:
        run = state.read_json(path)
    except ValueError as error:
        raise HistoryError(f"{path} is not JSON: {error}") from error
    if run is None:
        raise HistoryError(f"{path} does not exist")
    if not isinstance(run, dict) or run.get("format") != FORMAT or "rows" not in run:
        raise HistoryError(f"{path} is no comparison of format {FORMAT}, as perf compare stores it")
    return run


def append(run: dict[str, Any]) -> None:
    """Adds both sides of a comparison to the history of its class of machines, unless they are there.

    Raises OSError and HistoryError.
    """
    machine_class = run["machine"]["class"]
    sides = records(run)
    if not sides:
        return
    path = state.history_path(machine_class)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # another comparison may end now as well
        seen = {(record["measured"], record["revision"]) for record in read(machine_class)}
        file.write("".join(json.dumps(record, allow_nan=False, separators=(",", ":")) + "\n" for record in sides
                           if (record["measured"], record["revision"]) not in seen))


def read(machine_class: str) -> list[Record]:
    """The history of a class of machines, in the order of its measurements; empty if there is none. Raises
    HistoryError."""
    path = state.history_path(machine_class)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    result = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise HistoryError(f"{path}:{number}: {error}; a line is a JSON object: delete it") from error
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise HistoryError(f"{path}:{number}: not of format {FORMAT}, the only one that this version reads: move "
                               "the file away")
        result.append(record)
    return result


def classes() -> list[str]:
    """The classes of machines that have a history, the one measured last at the end."""
    paths = state.history_path("*").parent.glob("*.jsonl")
    return [path.stem for path in sorted(paths, key=lambda path: path.stat().st_mtime)]


def names(history: Iterable[Record]) -> list[str]:
    """Of all rows, each once, in the order of their first measurement."""
    return list(dict.fromkeys(name for record in history for name in record["rows"]))


def series(history: Iterable[Record], name: str) -> list[Point]:
    """The measurements of a row in the order of the revisions' dates."""
    measured = sorted(_independent([record for record in history if name in record["rows"]]),
                      key=lambda record: (*_commit_order(record), record["measured"]))
    if not measured:
        return []
    usual_ms = statistics.median(record["rows"][name]["control_ms"] for record in measured)
    return [Point(record["revision"], record["subject"], record["date"], record["measured"],
                  record["rows"][name]["controls"], record["rows"][name]["controls"] * usual_ms) for record in measured]


def _independent(measured: Sequence[Record]) -> list[Record]:
    """Of a comparison's two sides only the head, unless nothing else is known of the base.

    What the machine was like moves both sides alike. If both counted, the head of one comparison and the base of the
    next, which are the same revision, would look like a level where there is only one machine's mood: of simulated
    series whose comparisons differ by 1 % without a step, 4 % showed one, and 0.2 % where the heads alone count.
    """
    heads = {record["revision"] for record in measured if record["side"] == "head"}
    sides = collections.Counter(record["measured"] for record in measured)
    return [record for record in measured
            if record["side"] == "head" or record["revision"] not in heads or sides[record["measured"]] == 1]


def _commit_order(record: Record) -> tuple[datetime.datetime, int, str]:
    """Commits of one second, as a rebase makes them, in the order of their parents."""
    revision = record["revision"]
    return datetime.datetime.fromisoformat(record["date"]), _topological_order().get(revision, 0), revision


@functools.lru_cache(maxsize=None)
def _topological_order() -> dict[str, int]:
    """The place of each commit of this repository, parents before children; none where there is no git."""
    try:
        listing = revisions.git("rev-list", "--all", "--topo-order", "--reverse").stdout
    except revisions.Error:
        listing = ""
    return {revision: place for place, revision in enumerate(listing.split())}


def steps(name: str, points: Sequence[Point], rows: int) -> list[Step]:
    """Of one of so many rows."""
    found = change_points.change_points([point.milliseconds for point in points], [point.revision for point in points],
                                        significance=FALSE_STEP / max(rows, 1))
    return [Step(name, points[change.index], change) for change in found]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", metavar="REGEX", help="show the times of the rows whose names match, revision by "
                        "revision; without it, the revisions and all steps are listed")
    parser.add_argument("--class", dest="machine_class", metavar="CLASS",
                        help="class of machines; default: the one measured last")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--append", metavar="RUN", type=pathlib.Path, help="add a stored comparison first; compare "
                        "does this by itself")
    action.add_argument("--measure", metavar="REVISION", nargs="+", help="compare each revision with the next first: "
                        "at least two, or one range such as main~5..main; --rows chooses the rows")
    parser.add_argument("--minutes", metavar="N", help="with --measure: how long to measure each pair, as of compare")


def main(arguments: argparse.Namespace) -> int:
    try:
        pattern = _pattern(arguments.rows)
        if arguments.append:
            append(read_run(arguments.append))
        if arguments.measure:
            _measure(_revisions(arguments.measure), {"--rows": arguments.rows, "--minutes": arguments.minutes})
        return _show(arguments.machine_class, pattern)
    except BrokenPipeError:  # who reads this has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (HistoryError, revisions.Error, OSError) as error:
        print(f"perf history: {error}", file=sys.stderr)
        return 2


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise HistoryError(f"--rows: \"{text}\" is no regular expression: {error}") from error


def _revisions(arguments: Sequence[str]) -> list[str]:
    """Commits, from what --measure was given: a range stands for its commits, its beginning among them."""
    found: list[str] = []
    for argument in arguments:
        begin, dots, _ = argument.partition("..")
        found += _git("rev-parse", "--verify", f"{begin}^{{commit}}") if dots else []
        found += (_git("rev-list", "--reverse", "--first-parent", argument) if dots else
                  _git("rev-parse", "--verify", f"{argument}^{{commit}}"))
    if len(found) < 2:
        raise HistoryError("--measure: at least two revisions are needed, or a range of them")
    return found


def _git(*arguments: str) -> list[str]:
    done = revisions.git(*arguments)
    if done.returncode != 0:
        raise HistoryError(f"--measure: {(done.stderr.strip() or 'git failed').splitlines()[0]}")
    return done.stdout.split()


def _measure(measured: Sequence[str], options: dict[str, str | None]) -> None:
    """Runs compare for each pair of neighbours, which appends to the history."""
    words = [word for option, value in options.items() if value is not None for word in (option, value)]
    for base, head in zip(measured, measured[1:]):
        command = [sys.executable, str(pathlib.Path(__file__).with_name("perf")), "compare", base, head, *words]
        code = subprocess.run(command).returncode
        if code not in (0, 1):  # 1: something is slower, which is what we are here to see
            raise HistoryError(f"--measure: stopped at {base[:8]}..{head[:8]}: compare ended with {code}")


def _show(machine_class: str | None, pattern: re.Pattern[str] | None) -> int:
    known = classes()
    if not known:
        print("There is no history yet: tools/perf/perf compare BASE HEAD adds to it.")
        return 0
    machine_class = machine_class or known[-1]
    if machine_class not in known:
        raise HistoryError(f"--class: there is no history of \"{machine_class}\"; there is one of {', '.join(known)}")
    history = read(machine_class)
    machine = history[-1]["machine"]
    print(f"{machine_class}: {machine['cpu']}, {machine['isa']}, {machine['compiler']}")
    if pattern is None:
        _show_revisions(history)
        return 0
    matching = [name for name in names(history) if pattern.search(name)]
    if not matching:
        raise HistoryError(f"--rows: no row of this history matches \"{pattern.pattern}\"")
    for name in matching:
        _show_row(name, series(history, name), len(names(history)))
    return 0


def _show_revisions(history: list[Record]) -> None:
    by_revision: dict[str, list[Record]] = {}
    for record in sorted(history, key=lambda record: (*_commit_order(record), record["measured"])):
        by_revision.setdefault(record["revision"], []).append(record)
    all_names = names(history)
    found: dict[str, list[Step]] = {}
    for name in all_names:
        for step in steps(name, series(history, name), len(all_names)):
            found.setdefault(step.point.revision, []).append(step)
    for revision, measured in by_revision.items():
        first = measured[0]
        print(f"\n{first['date'][:10]}  {revision[:8]}  {first['subject']}  "
              f"({len(measured)} x, {len({name for record in measured for name in record['rows']})} rows)")
        for step in sorted(found.get(revision, ()), key=lambda step: -step.change.ratio):
            print(f"    {step.change.ratio - 1:+7.1%}  {step.name}  p {step.change.p:.1g}")
    print(f"\n{sum(map(len, found.values()))} steps in {len(all_names)} rows; --rows REGEX shows a row's times.")


def _show_row(name: str, points: Sequence[Point], rows: int) -> None:
    print(f"\n{name}")
    marks = {step.change.index: step.change for step in steps(name, points, rows)}
    for index, point in enumerate(points):
        if index in marks:
            print(f"  {'':-<10} {marks[index].ratio - 1:+.1%}, p {marks[index].p:.1g} {'':-<40}")
        print(f"  {point.date[:10]}  {point.revision[:8]}  {point.milliseconds:10.4f} ms  {point.subject}")
