"""Writes a comparison as one self-contained HTML file, with what else is known of its revisions: the history of each
row, the gate's instruction counts, the peers' times of tools/compare_peers, and what `perf prove` found."""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import re
import shlex
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "pages"))

# pylint: disable=wrong-import-position
import change_points
import charts
import history
import page
import rivals
import state
import stats

# The order of the table: what somebody has to look at comes first.
ORDER = (stats.SLOWER, stats.FASTER, stats.UNRESOLVED, stats.EQUAL)
# Of the drawings, in pixels.
INTERVAL_WIDTH, INTERVAL_HEIGHT = 150, 28
ROOF_WIDTH = 84
SPARK_WIDTH, SPARK_HEIGHT = 104, 30
CHART_WIDTH, CHART_HEIGHT = 560, 150
SCATTER_WIDTH, SCATTER_HEIGHT = 960, 470


class ReportError(Exception):
    """What is wrong with a file or an option, in one line."""


@dataclass(frozen=True)
class Name:
    """op/workload/layout/target/threads."""

    op: str
    id: str
    layout: str
    isa: str
    threads: str

    @classmethod
    def of(cls, text: str) -> Name:
        """Parts that are missing are empty; a workload's id may hold slashes."""
        parts = text.split("/")
        if len(parts) < 5:
            return cls("", text, "", "", "")
        return cls(parts[0], "/".join(parts[1:-3]), *parts[-3:])

    def tags(self) -> list[str]:
        """How the workload was run, in words."""
        return [self.layout, self.isa, f"{self.threads} thread{'' if self.threads == '1' else 's'}"] if self.op else []


@dataclass(frozen=True)
class Interval:
    """A row's ratio on the common logarithmic axis: all in pixels."""

    low: float
    high: float
    ratio: float
    cut_low: bool  # the interval goes on beyond the axis
    cut_high: bool
    inside: bool  # the ratio itself lies within the axis
    launches: list[float]  # the launches' own ratios


@dataclass(frozen=True)
class Line:
    """A row's times over the revisions, as dots and levels with steps between them; pixels."""

    dots: list[tuple[float, float, str]]  # x, y, what it is
    levels: list[tuple[float, float, float]]  # begin, end, y
    steps: list[tuple[float, str, str]]  # x, "slower" or "faster", what it is
    ticks: list[tuple[float, str]]  # y, milliseconds
    revisions: list[tuple[float, str]]  # x, first digits


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: Name
    full_name: str
    verdict: str
    note: str  # beside the verdict: why it is this one
    change: float  # ratio - 1
    low: float
    high: float
    base_ms: float
    head_ms: float
    fraction: float | None  # of the roofline
    rate: str  # "123 GFLOP/s" or "12 GB/s"
    algorithm: str
    p: float
    q: float
    rounds: int
    instructions: list[dict[str, Any]]  # of the gate, per instruction set
    interval: Interval
    line: Line | None
    command: str


@dataclass(frozen=True)
class Mark:
    """A row in the roofline's plot."""

    x: float
    y: float
    op: str
    verdict: str
    text: str


def note_on(row: dict[str, Any]) -> str:
    """Why a row's verdict is not what its first measurement said."""
    twice = any(part["confirmation"] for part in row.get("rounds") or ())
    denied = twice and not row["confirmed"]
    return "changed in the first measurement, but the second one does not agree" if denied else ""


def reproduce(run: dict[str, Any], name: Name) -> str:
    """The command that measures one row of a run again."""
    words = ["tools/perf/perf", "compare", *(_argument(run[side]["revision"]) for side in ("base", "head")),
             "--rows", f"^{name.op}/{re.escape(name.id)}/" if name.op else re.escape(name.id)]
    for option, value in (("--layouts", name.layout), ("--isa", name.isa), ("--threads", name.threads)):
        words += [option, value] if value else []
    return shlex.join(words)


def _argument(revision: str) -> str:
    return revision[:12] if history.is_commit(revision) else "."


def short(revision: str) -> str:
    """What stands for a revision in a text."""
    return revision[:8] if history.is_commit(revision) else revision


def rate(row: dict[str, Any]) -> str:
    """Useful FLOP per second; bytes where a row computes nothing."""
    if row["flop"] > 0:
        return f"{row['flop'] / row['head_ms'] / 1e6:.3g} GFLOP/s"
    return f"{row['bytes'] / row['head_ms'] / 1e6:.3g} GB/s"


def launch_ratios(row: dict[str, Any]) -> list[float]:
    """The median ratio of every launch."""
    launches: dict[tuple[bool, int], list[float]] = {}
    for part in row.get("rounds") or ():
        launches.setdefault((part["confirmation"], part["launch"]), []).append(
            stats.log_ratio(part["base"], part["head"]))
    return [math.exp(statistics.median(ratios)) for ratios in launches.values()]


def rows_of(run: dict[str, Any], records: Sequence[history.Record],
            gate: dict[str, Any] | None) -> tuple[list[Row], dict[str, Any]]:
    """The table, what changed first, and the axis of its intervals."""
    ends = [value for row in run["rows"] for value in (row["low"], row["high"])]
    axis, ticks = charts.ratio_axis(ends, INTERVAL_WIDTH, 8)
    row_count = len(history.names(records))
    result = []
    for row in run["rows"]:
        name = Name.of(row["name"])
        points = history.series(records, row["name"])
        found = history.steps(row["name"], points, row_count)
        result.append(Row(
            name=name, full_name=row["name"], verdict=row["verdict"], note=note_on(row), change=row["ratio"] - 1,
            low=row["low"] - 1, high=row["high"] - 1, base_ms=row["base_ms"], head_ms=row["head_ms"],
            fraction=row.get("roofline_fraction"), rate=rate(row), algorithm=row["algorithm"], p=row["p"], q=row["q"],
            rounds=len(row.get("rounds") or ()), instructions=instructions(gate, name), interval=interval(row, axis),
            line=line(points, found, SPARK_WIDTH, SPARK_HEIGHT, (4, 4), 5) if len(points) > 1 else None,
            command=reproduce(run, name)))
    result.sort(key=lambda row: (ORDER.index(row.verdict), -abs(math.log1p(row.change))))
    return result, {"equal": [axis(1 - run["equal"]), axis(1 + run["equal"])],
                    "ticks": [(axis(tick), round(100 * (tick - 1))) for tick in ticks]}


def interval(row: dict[str, Any], axis: charts.LogAxis) -> Interval:
    """A row's ratio on the axis."""
    return Interval(axis(row["low"]), axis(row["high"]), axis(row["ratio"]), row["low"] < axis.low,
                    row["high"] > axis.high, axis.low <= row["ratio"] <= axis.high,
                    [axis(ratio) for ratio in launch_ratios(row)])


def instructions(gate: dict[str, Any] | None, name: Name) -> list[dict[str, Any]]:
    """The gate's counts of the same workload and layout."""
    if gate is None:
        return []
    return [row for row in gate["rows"] if row["name"] == f"{name.op}/{name.id}/{name.layout}"]


def off_baseline(gate: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The gate's rows that are to be looked at, the largest change first."""
    if gate is None:
        return []
    return sorted((row for row in gate["rows"] if row["status"] not in ("UNCHANGED", "SAME") or row["heap_calls"]),
                  key=lambda row: (-row["heap_calls"], -row["change"]))


def line(points: Sequence[history.Point], steps: Sequence[history.Step], width: float, height: float,
         margins: tuple[float, float], margin_y: float) -> Line:
    """Draws the series of a row. `margins`: left and right."""
    values = [point.milliseconds for point in points]
    y = charts.value_axis(values, height - margin_y, margin_y, spread=1.05)
    left, right = margins
    step_x = (width - left - right) / max(len(points) - 1, 1)
    x = [round(left + step_x * index, 1) for index in range(len(points))]
    changes = [step.change for step in steps]
    return Line(
        dots=[(x[index], y(point.milliseconds), f"{point.milliseconds:.4g} ms, {point.revision[:8]} {point.subject}")
              for index, point in enumerate(points)],
        levels=[(x[begin], x[end - 1], y(level)) for begin, end, level in change_points.levels(values, changes)],
        steps=[(round(x[step.change.index] - step_x / 2, 1), "slower" if step.change.ratio > 1 else "faster",
                f"{percent(step.change.ratio - 1)} with {step.point.revision[:8]} {step.point.subject}")
               for step in steps],
        ticks=[(y(value), f"{value:.3g}") for value in (min(values), max(values))],
        revisions=[(x[index], point.revision[:8]) for index, point in enumerate(points)
                   if index == 0 or point.revision != points[index - 1].revision])


def step_charts(records: Sequence[history.Record]) -> list[dict[str, Any]]:
    """A chart for every row of the history that has steps, the latest steps first."""
    names = history.names(records)
    result = []
    for name in names:
        points = history.series(records, name)
        found = history.steps(name, points, len(names))
        if found:
            result.append({"name": Name.of(name), "steps": found,
                           "line": line(points, found, CHART_WIDTH, CHART_HEIGHT, (66, 30), 22)})
    return sorted(result, key=lambda chart: chart["steps"][-1].point.date, reverse=True)


def roofline(run: dict[str, Any]) -> dict[str, Any] | None:
    """The head's rows under the roof; None without a calibration."""
    calibration = run["machine"].get("calibration")
    if not calibration:
        return None
    peak, stream = calibration["flops"] / 1e9, calibration["bytes_per_second"] / 1e9  # GFLOP/s, GB/s
    computing = [row for row in run["rows"] if row["flop"] > 0]
    moving = [row for row in run["rows"] if row["flop"] <= 0]
    known = [row for row in run["rows"] if row.get("roofline_fraction")]
    return {"peak": peak, "stream": stream, "ops": sorted({Name.of(row["name"]).op for row in run["rows"]}),
            "scatter": _scatter(computing, peak, stream) if computing else None,
            "movers": _movers(moving, stream) if moving else None,
            "lowest": sorted(known, key=lambda row: row["roofline_fraction"])[:10]}


def _scatter(rows: Sequence[dict[str, Any]], peak: float, stream: float) -> dict[str, Any]:
    """FLOP per byte against GFLOP/s."""
    left, right, top, bottom = 56, SCATTER_WIDTH - 20, 24, SCATTER_HEIGHT - 44
    intensities = [row["flop"] / row["bytes"] for row in rows]
    rates = [row["flop"] / row["head_ms"] / 1e6 for row in rows]
    ridge = peak / stream
    x = charts.value_axis([*intensities, ridge], left, right)
    y = charts.value_axis([*rates, peak, stream * x.low], bottom, top)
    marks = [_mark(row, x(intensity), y(value)) for row, intensity, value in zip(rows, intensities, rates)]
    # Labels for what changed, then for what is far from the roof.
    order = sorted(range(len(rows)), key=lambda index: (rows[index]["verdict"] not in (stats.SLOWER, stats.FASTER),
                                                        rows[index].get("roofline_fraction") or 1))
    named = [(marks[index].x, marks[index].y, Name.of(rows[index]["name"]).id) for index in order[:12]]
    return {"marks": marks, "left": left, "right": right, "top": top, "bottom": bottom,
            "labels": charts.place_labels(named, [(mark.x, mark.y) for mark in marks], right),
            "roof": [(left, y(stream * x.low)), (x(ridge), y(peak)), (right, y(peak))],
            "x_ticks": [(x(tick), f"{tick:g}") for tick in x.ticks()],
            "y_ticks": [(y(tick), f"{tick:g}") for tick in y.ticks()]}


def _movers(rows: Sequence[dict[str, Any]], stream: float) -> dict[str, Any]:
    """Rows without FLOP by their GB/s, a line each, the slowest first."""
    left, right = 56, SCATTER_WIDTH - 20
    rows = sorted(rows, key=lambda row: row["bytes"] / row["head_ms"])
    rates = [row["bytes"] / row["head_ms"] / 1e6 for row in rows]
    x = charts.value_axis([*rates, stream], left, right, spread=1.5)
    return {"roof": x(stream), "height": 54 + 20 * len(rows), "ticks": [(x(tick), f"{tick:g}") for tick in x.ticks()],
            "marks": [(_mark(row, x(value), 40 + 20 * index), Name.of(row["name"]).id)
                      for index, (row, value) in enumerate(zip(rows, rates))]}


def _mark(row: dict[str, Any], x: float, y: float) -> Mark:
    fraction = row.get("roofline_fraction")
    roof = "" if fraction is None else f", {fraction:.0%} of the roof"
    return Mark(x, y, Name.of(row["name"]).op, row["verdict"], f"{row['name']}: {rate(row)}{roof}")


def summary(run: dict[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    """What the strip at the top says."""
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in ORDER}
    mean = math.exp(statistics.fmean(math.log1p(row.change) for row in rows)) if rows else 1.0
    unknown = run["verdict"] == stats.EQUAL and counts[stats.UNRESOLVED] > 0
    return {"verdict": run["verdict"], "text": "NO CHANGE SEEN" if unknown else run["verdict"], "counts": counts,
            "mean": mean - 1}


def render(run: dict[str, Any], records: Sequence[history.Record] = (), gate: dict[str, Any] | None = None,
           proof: dict[str, Any] | None = None, peers: rivals.Rivals | None = None) -> str:
    """The HTML of a comparison."""
    environment = page.environment(pathlib.Path(__file__).with_name("templates"))
    environment.filters |= {"percent": percent, "short": short, "duration": duration, "bytes": binary_size}
    rows, axis = rows_of(run, records, gate)
    same = [tag for tag in (rows[0].name.tags() if rows else ()) if all(tag in row.name.tags() for row in rows)]
    fractions = [row.fraction for row in rows if row.fraction]
    return environment.get_template("report.html").render(
        run=run, rows=rows, axis=axis, same=same, summary=summary(run, rows), gate=gate,
        off_baseline=off_baseline(gate),
        proof={"identical": None, "slowdown": None, **(proof or {})},
        roofline=roofline(run), charts=step_charts(records), history_length=len(records), rivals=peers,
        roof_limit=min(max([1.25, *fractions]), 2.5), order=ORDER,
        sizes={"interval": (INTERVAL_WIDTH, INTERVAL_HEIGHT), "roof": ROOF_WIDTH, "spark": (SPARK_WIDTH, SPARK_HEIGHT),
               "chart": (CHART_WIDTH, CHART_HEIGHT), "scatter": (SCATTER_WIDTH, SCATTER_HEIGHT)})


def percent(fraction: float, digits: int = 1) -> str:
    """+3.1 %, with a minus sign of the width of a plus; from a factor of two on, "2.3x"."""
    if fraction >= 1:
        return f"{1 + fraction:.2g}x"
    text = f"{100 * fraction:+.{digits}f} %"
    if float(text[:-2]) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "\N{MINUS SIGN}").replace(" ", "\N{NO-BREAK SPACE}")


def duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def binary_size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} GiB"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", type=pathlib.Path, help="a stored comparison; default: the last one")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE",
                        help=f"default: {state.directory() / 'report.html'}")
    parser.add_argument("--peers", type=pathlib.Path, metavar="FILE", help="JSON Lines of tools/compare_peers; "
                        "default: the newest result of each row that it stored")


def main(arguments: argparse.Namespace) -> int:
    try:
        run = _read_run(arguments.run)
        head = run["head"].get("sources") or run["head"]["revision"]  # which old runs and counts go by
        text = render(run, history.read(run["machine"]["class"]), state.read_json(state.gate_path(head)),
                      state.read_json(state.proof_path()), rivals.read(arguments.peers))
        path = arguments.output or state.directory() / "report.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except (ReportError, history.HistoryError, rivals.RivalsError, json.JSONDecodeError, OSError) as error:
        print(f"perf report: {error}", file=sys.stderr)
        return 2
    print(path)
    return 0


def _read_run(path: pathlib.Path | None) -> dict[str, Any]:
    if path is None:
        stored = state.run_paths()
        if not stored:
            raise ReportError("there is no comparison yet: tools/perf/perf compare BASE HEAD makes one")
        path = stored[-1]
    return history.read_run(path)
