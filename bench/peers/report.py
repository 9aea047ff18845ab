"""Report: a record as Markdown, as a self-contained HTML page, and as a summary that fits a README."""

from __future__ import annotations

import collections
import dataclasses
import math
import pathlib
import statistics
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "pages"))

# pylint: disable=wrong-import-position
import page
from record import PeerResult, Record, RowResult

# Ratios at both ends of a bar's logarithmic axis.
AXIS = (1 / 4, 16)


@dataclasses.dataclass
class Family:
    """All rows of an op."""

    op: str
    rows: list[RowResult]
    roofline: float  # geometric mean of fractions
    ratios: dict[str, float]  # geometric mean per peer, of the rows that it can compute
    counts: dict[str, int]
    best: float | None  # against the best peer of each row
    plain: float | None  # the same, both sides in plain NCHW
    losses: int  # rows where a peer is quicker
    certain_losses: int  # and the whole confidence interval says so


def best_peer(row: RowResult) -> PeerResult | None:
    """The quickest peer of a row, None where there is none."""
    return min((peer for peer in row.peers if peer.best), key=lambda peer: peer.best.ratio, default=None)


def best_plain(row: RowResult) -> PeerResult | None:
    """The quickest peer in plain NCHW, None where there is none."""
    return min((peer for peer in row.peers if peer.plain), key=lambda peer: peer.plain.ratio, default=None)


def _mean(values: list[float]) -> float | None:
    return statistics.geometric_mean(values) if values else None


def family(op: str, rows: list[RowResult]) -> Family:
    """The means of some rows; `rows` is not empty, and ours has answers to all."""
    ratios = collections.defaultdict(list)
    for row in rows:
        for peer in row.peers:
            if peer.best:
                ratios[peer.peer].append(peer.best.ratio)
    best = [peer.best for peer in map(best_peer, rows) if peer]
    plain = [peer.plain for peer in map(best_plain, rows) if peer]
    return Family(op=op,
                  rows=rows,
                  roofline=statistics.geometric_mean([row.roofline_fraction for row in rows]),
                  ratios={peer: statistics.geometric_mean(values) for peer, values in ratios.items()},
                  counts={peer: len(values) for peer, values in ratios.items()},
                  best=_mean([duel.ratio for duel in best]),
                  plain=_mean([duel.ratio for duel in plain]),
                  losses=sum(duel.ratio < 1 for duel in best),
                  certain_losses=sum(duel.high < 1 for duel in best))


def _not_timed(rows: list[RowResult]) -> list[tuple[str, str, str, list[str]]]:
    """(peer, status, reason, ids) of everything that has no time, and of configurations with wrong values or errors."""
    groups = collections.defaultdict(list)
    for row in rows:
        for peer in row.peers:
            if not peer.best:
                groups[peer.peer, peer.status, peer.reason].append(row.row)
                continue
            for trial in peer.trials:
                name = f"{peer.peer}, {trial.configuration}"
                if trial.wrong or trial.error:
                    # Numbers differ from row to row.
                    reason = trial.error or trial.wrong.split(" by ", 1)[0]
                    groups[name, "wrong" if trial.wrong else "failed", reason].append(row.row)
                elif trial.border:
                    groups[name, "timed", f"compared without {trial.border} outputs at each border, which follow "
                           "another rule"].append(row.row)
    return [(*key, ids) for key, ids in sorted(groups.items())]


def _axis_percent(ratio: float) -> float:
    low, high = map(math.log, AXIS)
    return 100 * (min(max(math.log(ratio), low), high) - low) / (high - low)


def _model(record: Record) -> dict:
    """What the templates show."""
    available = [row for row in record.rows.values() if not row.unavailable]
    by_op = collections.defaultdict(list)
    for row in available:
        by_op[row.op].append(row)
    compared = [row for row in available if best_peer(row)]
    names = list(dict.fromkeys(peer.peer for row in available for peer in row.peers if peer.best))
    return {
        "headers": record.headers,
        "header": record.headers[-1],
        "revisions": ", ".join(dict.fromkeys(header["revision"] for header in record.headers)),
        "peers": {name: version for header in record.headers for name, version in header["peers"].items()},
        "absent": {name: reason for header in record.headers for name, reason in header["absent"].items()},
        "names": names,
        "families": [family(op, rows) for op, rows in by_op.items()],
        "total": family("all", available) if available else None,
        "losers": sorted((row for row in compared if best_peer(row).best.ratio < 1),
                         key=lambda row: best_peer(row).best.ratio),
        "unavailable": [row for row in record.rows.values() if row.unavailable],
        "not_timed": _not_timed(available),
        "spent": sum(row.spent for row in record.rows.values()),
    }


def _milliseconds(seconds: float) -> str:
    value = seconds * 1e3
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def write(record: Record) -> list[pathlib.Path]:
    """Writes the report's files beside the record; their paths: HTML, Markdown, summary."""
    templates = page.environment(pathlib.Path(__file__).with_name("templates"))
    templates.filters.update(ms=_milliseconds, ratio=_ratio, percent=lambda value: f"{value * 100:.0f} %",
                             axis=_axis_percent)
    templates.globals.update(best_peer=best_peer, best_plain=best_plain)
    model = _model(record)
    paths = []
    for template, suffix in (("report.html.j2", ".html"), ("report.md.j2", ".md"), ("summary.md.j2", ".summary.md")):
        path = record.path.with_suffix(suffix)
        path.write_text(templates.get_template(template).render(model), encoding="utf-8")
        paths.append(path)
    return paths


def main(path: pathlib.Path) -> int:
    """Writes the report of a record and says how it ended; the exit status."""
    try:
        record = Record(path)
    except (OSError, ValueError) as error:
        print(f"tools/compare_peers: {error}")
        return 2
    if not record.headers or not record.rows:
        print(f"tools/compare_peers: {path} has no rows")
        return 1
    html, table, summary = write(record)
    print("\n" + summary.read_text(encoding="utf-8"))
    print(f"Report: {html} and {table.name}; summary: {summary.name}; samples: {path.name}")
    unavailable = [row for row in record.rows.values() if row.unavailable]
    for row in unavailable:
        print(f"NOT AVAILABLE in Polyphase: {row.op}/{row.row}: {row.unavailable}")
    timed = any(best_peer(row) for row in record.rows.values())
    return 0 if timed and not unavailable else 1
