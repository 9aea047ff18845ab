"""Made-up results of tools/perf, as the real ones look: for the tests, and to look at the report.

    /usr/bin/python3 tools/perf/tests/example.py DIRECTORY    # writes them and the report there
"""

from __future__ import annotations

import datetime
import math
import os
import pathlib
import sys
from typing import Any

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools" / "perf"))

FLOPS, BYTES_PER_SECOND = 179e9, 23e9
MACHINE = {
    "class": "xeon-avx3-0a1b2c", "cpu": "Intel(R) Xeon(R) Processor @ 2.70GHz", "isa": "avx3", "cores": 2,
    "l1": 48 << 10, "l2": 2 << 20, "l3": 260 << 20, "compiler": "GNU 12.2.0", "flags": "-O3 -DNDEBUG",
    "libraries": {"highway": "1.0.3", "onetbb": "2021.8.0"},
    "calibration": {"flops": FLOPS, "bytes_per_second": BYTES_PER_SECOND}, "steal": 0.004,
}
# Name, FLOP, bytes, fraction of the roofline, change of the head.
ROWS = [
    ("conv_transpose2d/dcgan.g3/nchwc16/avx3/1", 3.775e9, 14.7e6, 0.86, 1.031),
    ("conv_transpose2d/centernet.resdcn.up1/nchwc16/avx3/1", 0.504e9, 5.5e6, 0.87, 1.002),
    ("conv_transpose2d/centernet.dla.idaup_x4/nchwc16/avx3/1", 8.4e6, 4.7e6, 0.41, 1.0),
    ("conv_transpose2d/simplebaseline.d2/nchwc16/avx3/1", 0.79e9, 6e6, 0.8, 0.998),
    ("conv_transpose2d/fcn32s.upscore/nchwc16/avx3/1", 0.69e9, 17e6, 0.33, 1.001),
    ("conv_transpose1d/hifigan.up1/nchwc16/avx3/1", 0.21e9, 9e6, 0.72, 1.145),
    ("conv_transpose1d/encodec.dec2/nchw/avx3/1", 0.05e9, 2.3e6, 0.52, 1.004),
    ("conv_transpose3d/unet3d.up2/nchwc16/avx3/1", 1.1e9, 22e6, 0.77, 0.94),
    ("nearest_conv3x3/biggan.b5/nchwc16/avx3/1", 5.4e9, 9.4e6, 2.05, 1.003),
    ("nearest_conv3x3/sdxl.up3/nchwc16/avx3/1", 0.6e9, 6e6, 1.83, 0.93),
    ("conv_pixel_shuffle/nafnet.up1/nchwc16/avx3/1", 1.07e9, 11e6, 0.75, 0.999),
    ("conv_pixel_shuffle/espcn.x3/nchwc16/avx3/1", 0.2e9, 4e6, 0.56, 1.012),
    ("resize/unet.bilinear.x2/nchw/avx3/1", 59e6, 84e6, 0.55, 1.0),
    ("resize/picture.bicubic.x2/nchw/avx3/1", 0.4e9, 120e6, 0.53, 1.018),
    ("resize_add/fpn.p4/nchwc16/avx3/1", 0.9e6, 8e6, 0.66, 0.997),
    ("pixel_shuffle/rife.x2/nchw/avx3/1", 0.0, 100e6, 0.56, 1.0),
    ("pixel_unshuffle/yolov5.focus/nchw/avx3/1", 0.0, 9.8e6, 0.48, 1.006),
    ("max_unpool/segnet.d1/nchwc16/avx3/1", 0.0, 30e6, 0.24, 0.72),
]
# Of which the second measurement does not say what the first one did.
UNCONFIRMED = "resize/picture.bicubic.x2/nchw/avx3/1"


def commit(number: int) -> str:
    """A made-up revision."""
    return f"{0x9E3779B97F4A7C15F39CC0605CEDC8341082276B * (number + 1) % 16**40:040x}"


def end(number: int, subject: str) -> dict[str, str]:
    date = datetime.datetime(2026, 11, 1, 10, tzinfo=datetime.timezone.utc) + datetime.timedelta(days=number)
    return {"revision": commit(number), "subject": subject, "date": date.isoformat(), "sources": commit(number)[:16]}


def make_run(base: int = 26, head: int = 27, rows: list[tuple[str, float, float, float, float]] = ROWS,
             launches: int = 5, noise: float = 0.006, level: dict[str, float] | None = None, seed: int = 1,
             **fields: Any) -> dict[str, Any]:
    """A comparison as compare stores it. `level` multiplies the times of rows."""
    random = numpy.random.default_rng(seed)
    made = []
    for name, flop, size, fraction, change in rows:
        best = max(flop / FLOPS, size / BYTES_PER_SECOND)
        base_s, control_s = best / fraction * (level or {}).get(name, 1.0), 0.5e-3
        rounds = []
        for launch in range(launches):
            offset = random.normal(0, noise / 2)
            for _ in range(8):
                drift = math.exp(random.normal(0, 0.02))
                times = drift * numpy.exp(random.normal(0, noise, (2, 2))) * base_s
                rounds.append({"launch": launch, "confirmation": False, "base": times[0].tolist(),
                               "head": (times[1] * change * math.exp(offset)).tolist(), "control": [control_s * drift]})
        half = 0.004 + abs(random.normal(0, 0.004))
        slower = change > 1.012 and half < abs(change - 1)
        faster = change < 0.988 and half < abs(change - 1)
        twice = slower or faster
        if twice and name == UNCONFIRMED:
            slower = faster = False
        verdict = "SLOWER" if slower else "FASTER" if faster else "UNRESOLVED" if twice or half > 0.012 else "EQUAL"
        if twice:
            rounds += [{**part, "confirmation": True} for part in rounds]
        made.append({
            "name": name, "op": name.split("/")[0], "base_ms": 1e3 * base_s, "head_ms": 1e3 * base_s * change,
            "ratio": change, "low": change * (1 - half), "high": change * (1 + half),
            "p": 1e-6 if slower or faster else 0.4, "q": 1e-5 if slower or faster else 0.6, "verdict": verdict,
            "confirmed": verdict in ("SLOWER", "FASTER"),
            "flop": flop, "bytes": size, "roofline_fraction": fraction / change, "control": "compute",
            "control_ms": 1e3 * control_s, "rounds": rounds, "base_algorithm": "subpixel: 4 phases",
            "algorithm": "subpixel: 4 phases, strips of 768 KiB, tile 2 x 14, 24 tasks, workspace 1.2 MiB, <avx3>",
        })
    return {
        "format": 1, "started": end(head, "")["date"].replace("T10", "T13").replace("+00:00", "Z"), "seconds": 412.3,
        "command": "tools/perf/perf compare 8843dec 9fe1745", "base": end(base, "Strips of 512 KiB"),
        "head": end(head, "Strips of 768 KiB: fewer passes over the weights & <less> waiting"), "machine": MACHINE,
        "threads": 1, "equal": 0.015, "launches": launches, "dropped_launches": 1, "control_spread": 0.02, "rows": made,
        "failed": [], "proof": {},
        "verdict": "SLOWER" if any(row["verdict"] == "SLOWER" and row["confirmed"] for row in made) else "EQUAL",
        **fields,
    }


def make_history(count: int = 14) -> list[dict[str, Any]]:
    """Comparisons of neighbours up to make_run's, in which two rows take steps."""
    def factor(name: str, number: int) -> float:
        steps = {ROWS[0][0]: (20, 1.0, 0.93), ROWS[7][0]: (17, 1.0, 0.85), ROWS[9][0]: (18, 0.9, 1.0)}
        revision, before, after = steps.get(name, (0, 1.0, 1.0))
        return before if number < revision else after

    runs = []
    for base in range(26 - count, 26):
        rows = [(*row[:4], factor(row[0], base + 1) / factor(row[0], base)) for row in ROWS[base % 2:]]
        runs.append(make_run(base, base + 1, rows, level={row[0]: factor(row[0], base) for row in ROWS}, seed=base))
    return runs


def make_head() -> dict[str, Any]:
    """The comparison that comes after those of make_history."""
    return make_run(level={ROWS[0][0]: 0.93, ROWS[7][0]: 0.85})


def make_gate() -> dict[str, Any]:
    """Instruction counts as gate stores them."""
    rows = []
    for index, (name, flop, *_) in enumerate(ROWS):
        count = int(2e6 * (1 + math.log1p(flop) / 30))
        for isa in ("avx2", "sse4"):
            change = 0.034 if index == 0 else -0.021 if index == 7 else 0.0004 * (index % 3)
            rows.append({"name": "/".join(name.split("/")[:3]), "isa": isa, "baseline": count,
                         "count": round(count * (1 + change)), "change": change, "heap_calls": 0,
                         "status": "MORE" if change > 0.01 else "FEWER" if change < -0.01 else
                         "UNCHANGED" if change == 0 else "SAME"})
    return {"format": 1, "rows": rows}


def make_proof() -> dict[str, Any]:
    """What prove stores."""
    common = {"revision": commit(26), "machine": MACHINE["class"], "rows": 30, "launches": 10, "seconds": 400.0,
              "alarms": 0, "equal": 26}
    return {"identical": {"date": "2026-11-27T09:00:00Z", **common},
            "slowdown": {"date": "2026-11-27T09:20:00Z", **common, "kernel": "conv_transpose1d", "injected": 1.03,
                         "caught": True, "rows_slowed": 4, "rows_caught": 4, "measured": 1.0312, "low": 1.029,
                         "high": 1.033}}


def make_peers(path: pathlib.Path, rows: list[tuple[str, float, float, float, float]] = ROWS,
               started: str = "2026-11-27T20:00:00+00:00", threads: int = 1) -> None:
    """JSON Lines of tools/compare_peers."""
    import rivals

    record = rivals._record()
    random = numpy.random.default_rng(3)
    names = {"oneDNN": 1.3, "PyTorch": 1.6, "ONNX Runtime": 2.1, "OpenVINO": 2.4, "ncnn": 1.9, "LiteRT": 2.6,
             "zimg": 1.1}
    file = record.Record(path)
    file.write("header", format=1, started=started, command="tools/compare_peers --threads 1",
               machine={"cpu": MACHINE["cpu"], "cores": 2, "memory_gib": 24, "system": "Debian", "kernel": "6"},
               revision="9fe1745ab0", workloads="workloads.tsv", threads=threads, layouts=["nchwc16", "nhwc", "nchw"],
               peers={name: f"{index + 1}.2" for index, name in enumerate(names)},
               absent={"pillow": "ImportError: no <PIL>"})
    for name, flop, size, fraction, _ in rows:
        op, workload = name.split("/")[:2]
        seconds = max(flop / FLOPS, size / BYTES_PER_SECOND) / fraction
        peers = []
        for peer, factor in names.items():
            if peer == "zimg" and op != "resize" or random.random() < 0.1:
                peers.append(record.PeerResult(peer, "unsupported", f"has no {op} <of this kind>"))
                continue
            ratio = factor * math.exp(random.normal(0, 0.45))
            duel = record.Duel("nchwc16", "prepacked", [seconds] * 4, [seconds * ratio] * 4, ratio, ratio * 0.97,
                               ratio * 1.03)
            peers.append(record.PeerResult(peer, "timed", best=duel, plain=duel))
        file.write_row(record.RowResult(
            row=workload, op=op, network="Net", shape="1 of 64x32x32 → 64x64x64, k4x4 s2x2", flop=flop, bytes=size,
            flops=FLOPS, bytes_per_second=BYTES_PER_SECOND, layout="nchwc16", layouts={"nchwc16": seconds},
            description="subpixel, 4 phases", seconds=seconds, plain_seconds=seconds, peers=peers, spent=9.0))
    file.write_row(record.RowResult("raft.convex", "resize", "RAFT", "convex", "has no such op"))


def make_all(directory: pathlib.Path) -> None:
    """All of these, in a state directory: XDG_STATE_HOME."""
    import history
    import rivals
    import state

    os.environ["XDG_STATE_HOME"] = str(directory)
    for run in make_history():
        history.append(run)
    run = make_head()
    history.append(run)
    state.save_run(run)
    state.write_json(state.gate_path(run["head"]["sources"]), make_gate())
    state.write_json(state.proof_path(), make_proof())
    path = rivals.directory() / "20261127T200000Z.jsonl"
    path.unlink(missing_ok=True)
    make_peers(path)


if __name__ == "__main__":
    import argparse

    import report

    make_all(pathlib.Path(sys.argv[1]))
    parser = argparse.ArgumentParser()
    report.add_arguments(parser)
    sys.exit(report.main(parser.parse_args(sys.argv[2:])))
