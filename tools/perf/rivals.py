"""What tools/compare_peers has stored, as the report shows it: our time beside each peer's, lost rows first."""

from __future__ import annotations

import collections
import importlib.util
import pathlib
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import charts
import state

BAR_WIDTH = 60
# Lengths of the bars: the factor at which one is full, on a logarithmic scale.
LONGEST = 8.0


class RivalsError(Exception):
    """What is wrong with a file, in one line."""


@dataclass(frozen=True)
class Cell:
    """A peer at a row or in a family. `ratio`: the peer's time / ours, above 1 where Polyphase is quicker; None where
    there is none, and `text` says why."""

    ratio: float | None = None
    text: str = ""
    best: bool = False  # the quickest of the peers
    bar: tuple[float, float] | None = None  # begin and end, pixels
    unclear: bool = False  # 1 lies within the interval


@dataclass(frozen=True)
class Row:
    """A row of the workload table."""

    op: str
    id: str
    shape: str
    milliseconds: float | None
    fraction: float | None
    text: str  # what ran and when, or why nothing did
    best: float | None  # ratio of the quickest peer
    cells: list[Cell]


@dataclass(frozen=True)
class Family:
    """Geometric means over the rows of an op."""

    op: str
    rows: int
    fraction: float | None
    lost: int
    best: Cell
    cells: list[Cell]


@dataclass(frozen=True)
class Rivals:
    """Stored comparisons with peers, the newest result of each row."""

    header: dict[str, Any]  # the newest
    measured: list[str]  # when, at which revision, how many of the rows; the newest first
    peers: list[str]
    versions: dict[str, str]
    absent: dict[str, str]  # peers that are not installed, and why
    rows: list[Row]
    families: list[Family]
    one: float  # where the bars begin, pixels

    @property
    def lost(self) -> int:
        """Rows where a peer is quicker."""
        return sum(row.best is not None and row.best < 1 for row in self.rows)

    @property
    def certainly_lost(self) -> int:
        """Those whose interval says so as well."""
        return sum(any(cell.best and cell.ratio < 1 and not cell.unclear for cell in row.cells) for row in self.rows)


def directory() -> pathlib.Path:
    """Where tools/compare_peers stores its results."""
    return state.directory().parent / "peers"


def read(path: pathlib.Path | None = None) -> Rivals | None:
    """The given comparison; or of those that are stored, since one may be of a few rows alone, the newest result of
    each row. Results are put together where they are on the same terms; the terms that have the most rows win. None if
    there is nothing. Raises RivalsError and OSError."""
    if path is not None and not path.is_file():
        raise RivalsError(f"--peers: {path} does not exist")
    stored = sorted(directory().glob("*.jsonl"), key=lambda file: file.stat().st_mtime, reverse=True)
    by_terms: dict[Any, dict[str, Any]] = {}  # record of each row
    for file in stored if path is None else [path]:
        try:
            record = _record().Record(file)
        except ValueError as error:
            raise RivalsError(str(error)) from error
        if record.rows and record.headers:
            rows = by_terms.setdefault(_terms(record), {})
            rows |= {row: record for row in record.rows if row not in rows}
    return _rivals(max(by_terms.values(), key=len)) if by_terms else None


def _terms(record: Any) -> Any:
    """What must be equal for ratios to be put beside each other: who took part, where, and how."""
    header = record.headers[-1]
    machine = header["machine"]
    return (machine["cpu"], machine["cores"], header["threads"], tuple(header["layouts"]), header["workloads"],
            frozenset(peer for part in record.headers for peer in part["peers"]))


def _record() -> ModuleType:
    """bench/peers/record.py, which knows the format. By its path: other files there have the names of some of ours."""
    name = "polyphase_peers_record"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, state.checkout() / "bench" / "peers" / "record.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def _rivals(records: dict[str, Any]) -> Rivals:
    """Of the record of each row, the newest first."""
    results = [record.rows[row] for row, record in records.items()]
    timed = [peer.peer for result in results for peer in result.peers if peer.best]
    peers = sorted(dict.fromkeys(timed), key=timed.count, reverse=True)
    axis = charts.LogAxis(1 / LONGEST, LONGEST, 0, BAR_WIDTH)
    rows = sorted((_row(record.rows[row], _date(record), peers, axis) for row, record in records.items()),
                  key=lambda row: (row.best is None, row.best or 0))
    families = [_family(op, [row for row in rows if row.op == op], axis) for op in sorted({row.op for row in rows})]
    if len(families) > 1:
        families.append(_family("all", rows, axis))
    counts = collections.Counter(records.values())
    measured = [f"{_date(record)}, revision {record.headers[-1]['revision']}: {count} row{'' if count == 1 else 's'}"
                for record, count in counts.items()]
    headers = [header for record in reversed(counts) for header in record.headers]  # several, where one was continued
    versions = {peer: text for header in headers for peer, text in header["peers"].items()}
    absent = {peer: text for header in headers for peer, text in header["absent"].items() if peer not in versions}
    return Rivals(headers[-1], measured, peers, versions, absent, rows, families, axis(1))


def _date(record: Any) -> str:
    """When its measurement began, or was continued last."""
    return record.headers[-1]["started"][:16].replace("T", " ")


def _bar(ratio: float, axis: charts.LogAxis) -> tuple[float, float]:
    return min(axis(1), axis(ratio)), max(axis(1), axis(ratio))


def _row(result: Any, date: str, peers: list[str], axis: charts.LogAxis) -> Row:
    if result.unavailable:
        return Row(result.op, result.row, result.shape, None, None, result.unavailable, None, [Cell() for _ in peers])
    by_name = {peer.peer: peer for peer in result.peers}
    best = min((peer.best.ratio for peer in result.peers if peer.best), default=None)
    cells = []
    for name in peers:
        peer = by_name.get(name)
        duel = peer.best if peer else None
        if duel is None:
            cells.append(Cell(text=f"{peer.status}: {peer.reason}" if peer else "did not take part"))
            continue
        plain = f"; both in plain NCHW {peer.plain.ratio:.2f}" if peer.plain else ""
        cells.append(Cell(duel.ratio, f"{duel.configuration}, interval {duel.low:.2f} to {duel.high:.2f}{plain}",
                          duel.ratio == best, _bar(duel.ratio, axis), duel.low < 1 < duel.high))
    return Row(result.op, result.row, result.shape, 1e3 * result.seconds, result.roofline_fraction,
               f"{result.layout}: {result.description}; measured {date}", best, cells)


def _family(op: str, rows: list[Row], axis: charts.LogAxis) -> Family:
    def mean_cell(ratios: Iterable[float | None]) -> Cell:
        known = [ratio for ratio in ratios if ratio is not None]
        if not known:
            return Cell(text="runs none of these rows")
        mean = statistics.geometric_mean(known)
        return Cell(mean, f"geometric mean of {len(known)} rows", bar=_bar(mean, axis))

    fractions = [row.fraction for row in rows if row.fraction]
    return Family(op, len(rows), statistics.geometric_mean(fractions) if fractions else None,
                  sum(row.best is not None and row.best < 1 for row in rows), mean_cell(row.best for row in rows),
                  [mean_cell(cells) for cells in zip(*([cell.ratio for cell in row.cells] for row in rows))])
