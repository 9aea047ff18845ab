"""Record: what a comparison found, as JSON Lines; every line is written at once, so that nothing is lost.

    {"kind": "header", ...}                          who compared what, where and when; again where it was resumed
    {"kind": "begin", "row": ..., "peer": ...}       this peer is about to run
    {"kind": "crash", "row": ..., "peer": ...}       it ended the process or took too long; the row goes on without it
    {"kind": "row", "row": ..., ...}                 a row's results, see RowResult
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing


@dataclasses.dataclass
class Duel:
    """One way of ours against one of a peer's. Seconds per run; equal indices are neighbours in time."""

    layout: str
    configuration: str
    ours: list[float]
    theirs: list[float]
    ratio: float  # theirs / ours
    low: float
    high: float


@dataclasses.dataclass
class Trial:
    """A configuration of a peer: its quickest run in the trial, or why it has none."""

    configuration: str
    plain_nchw: bool
    border: int  # outputs at the ends of each axis that were not compared
    seconds: float | None = None
    wrong: str | None = None  # what is wrong with its values
    error: str | None = None


@dataclasses.dataclass
class PeerResult:
    """A peer at a row. `status`: timed, unsupported, wrong (its values), failed (an error) or crashed (the process)."""

    peer: str
    status: str
    reason: str = ""
    trials: list[Trial] = dataclasses.field(default_factory=list)
    best: Duel | None = None  # the best of both sides
    plain: Duel | None = None  # both in plain NCHW


@dataclasses.dataclass
class RowResult:
    """A row. `unavailable` says why ours has no answer to it, else there are the other fields."""

    row: str
    op: str
    network: str
    shape: str
    unavailable: str | None = None
    flop: float = 0.0
    bytes: float = 0.0
    flops: float = 0.0  # the roofline beside the row: FLOP/s, byte/s
    bytes_per_second: float = 0.0
    layout: str = ""  # the quickest of ours
    layouts: dict[str, float] = dataclasses.field(default_factory=dict)  # seconds in the trial
    description: str = ""
    seconds: float = 0.0  # of ours, the median of all samples
    plain_seconds: float | None = None
    peers: list[PeerResult] = dataclasses.field(default_factory=list)
    spent: float = 0.0  # seconds that the row's comparison took

    @property
    def roofline_fraction(self) -> float:
        """Of the speed that the machine allows for the row's cost."""
        return max(self.flop / self.flops, self.bytes / self.bytes_per_second) / self.seconds


def _row_result(line: dict[str, typing.Any]) -> RowResult:
    peers = []
    for peer in line.pop("peers"):
        duels = {name: Duel(**peer.pop(name)) if peer[name] else peer.pop(name) for name in ("best", "plain")}
        peers.append(PeerResult(**{**peer, "trials": [Trial(**trial) for trial in peer["trials"]]}, **duels))
    return RowResult(**line, peers=peers)


class Record:
    """A file of such lines, read as far as it exists."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.headers: list[dict[str, typing.Any]] = []
        self.rows: dict[str, RowResult] = {}
        self.crashes: set[tuple[str, str]] = set()
        self.begun: tuple[str, str] | None = None  # row and peer, where nothing came after it
        content = path.read_bytes() if path.exists() else b""
        whole = content[:content.rfind(b"\n") + 1]
        # Where the next line belongs, if the last one was cut off while it was written.
        self._end = len(whole) if len(whole) < len(content) else None
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self._read(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"{path}:{number}: is not a line of a comparison: {error}") from error

    def _read(self, line: dict[str, typing.Any]) -> None:
        kind = line.pop("kind")
        self.begun = (line["row"], line["peer"]) if kind == "begin" else None
        if kind == "header":
            self.headers.append(line)
        elif kind == "crash":
            self.crashes.add((line["row"], line["peer"]))
        elif kind == "row":
            self.rows[line["row"]] = _row_result(line)
        elif kind != "begin":
            raise ValueError(f"unknown kind '{kind}'")

    def write(self, kind: str, **line: typing.Any) -> None:
        """Appends a line, and reads it."""
        line = {"kind": kind, **line}
        text = json.dumps(line)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab") as file:
            if self._end is not None:
                file.truncate(self._end)
                self._end = None
            file.write(text.encode() + b"\n")
        self._read(json.loads(text))

    def write_row(self, result: RowResult) -> None:
        """Appends a row's results."""
        self.write("row", **dataclasses.asdict(result))
