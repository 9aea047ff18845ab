#!/usr/bin/env python3
"""Checks what kAuto chooses: times it beside every other algorithm that a convolution can have, over the rows of a
table or over random layers like them, one thread, and prints how much longer it takes than the quickest.

Needs numpy. --build names a build directory whose target polyphase_rows is built.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import pathlib
import random
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import measure  # noqa: E402
import numpy  # noqa: E402
import rows as table  # noqa: E402

ALGORITHMS = ("subpixel", "planar", "winograd", "gemm_col2im", "matrix")
# A layer is badly chosen where kAuto takes longer than this many times what the quickest takes.
BOUND = 1.15
TABLE = pathlib.Path(__file__).resolve().parents[1] / "workloads.tsv"
# Random layers: multiplications that are worth a measurement and take no longer than one, and weights.
FEWEST_MACS, MOST_MACS, MOST_WEIGHTS = 1e6, 1.5e9, 16 << 20


def random_table(count: int, seed: int) -> str:
    """`count` layers as lines of a table. A seed always gives the same."""
    rng = random.Random(seed)
    lines = ["\t".join(table.COLUMNS)]
    while len(lines) <= count:
        fields = _random_layer(rng, f"random.{seed}.{len(lines)}")
        if fields:
            lines.append("\t".join(fields[column] for column in table.COLUMNS))
    return "\n".join(lines) + "\n"


def _random_layer(rng: random.Random, name: str) -> dict[str, str] | None:
    """A layer as real ones are, or None where it is too small or too large."""

    def near(low: float, high: float) -> int:  # every octave as often
        return round(math.exp(rng.uniform(math.log(low), math.log(high))))

    op = rng.choices(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "nearest_conv3x3", "conv_pixel_shuffle"),
        (15, 45, 8, 16, 16))[0]
    rank = int(op[-2]) if op.startswith("conv_transpose") else 2
    transposed = op.startswith("conv_transpose")
    step = rng.choice((1, 8, 16, 32))
    c_in, c_out = (max(1, near(1, 1024) // step) * step for _ in range(2))
    groups = 1
    if rng.random() < 0.08:  # grouped, half of these depthwise
        groups = c_in if rng.random() < 0.5 else rng.choice((2, 4, 8))
        c_in, c_out = (max(groups, c // groups * groups) for c in (c_in, c_in if groups == c_in else c_out))
    size = [near(2, {1: 16384, 2: 384, 3: 48}[rank])] * rank
    if rng.random() < 0.4:
        size[-1] = near(2, 2 * size[-1])
    n = near(2, 64) if rng.random() < 0.15 else 1
    factor, dilation = 1, 1
    if transposed:
        stride = rng.choices((1, 2, 3, 4, 8), (10, 60, 8, 15, 7))[0] if rank < 3 else rng.choice((1, 2, 2, 4))
        kernel = rng.choices((stride, 2 * stride, stride + 1, rng.randint(1, 9)), (25, 40, 20, 15))[0]
        dilation = 2 if rng.random() < 0.03 else 1
        padding = rng.randint(0, max(0, (kernel - stride + 1) // 2))
        pads = f"{padding}"
    else:
        stride, kernel = 1, 3 if op == "nearest_conv3x3" or rng.random() < 0.75 else rng.choice((1, 2, 5))
        factor = rng.choice((2, 2, 2, 3, 4)) if op == "nearest_conv3x3" else rng.choice((1, 2, 2, 3, 4))
        pads = f"{(kernel - 1) // 2}:{kernel // 2}"
    before = c_out * (factor * factor if op == "conv_pixel_shuffle" else 1)
    pixels = n * math.prod(size) * (factor**2 if op == "nearest_conv3x3" else 1)
    weights = c_in * before // groups * kernel**rank
    if not FEWEST_MACS <= pixels * weights <= MOST_MACS or weights > MOST_WEIGHTS:
        return None
    if pixels * max(c_in, before * (stride**rank if transposed else 1)) > 64 << 20:
        return None

    def each(value: object) -> str:
        return "x".join([str(value)] * rank)

    spatial = dict(zip("DHW", ["-"] * (3 - rank) + [str(s) for s in size]))
    return dict(
        id=name, network="random", op=op, N=str(n), Cin=str(c_in), Cout=str(c_out), **spatial, kernel=each(kernel),
        stride=each(stride), padding=each(pads), output_padding=each(0) if transposed else "-", dilation=each(dilation),
        groups=str(groups), bias="1", mode="-", align_corners="-",
        scale_or_size="-" if transposed else f"x{factor}", epilogue="-", source="-")


@dataclasses.dataclass(frozen=True)
class Result:
    """A layer that has a choice."""

    id: str
    layout: str
    shape: str
    auto: str  # the plan, as Describe says it
    milliseconds: float  # of kAuto
    ratios: dict[str, float]  # time of an algorithm / time of kAuto; what is as kAuto is 1

    @property
    def loss(self) -> float:
        """Time of kAuto / time of the quickest."""
        return max(1.0, 1 / min(self.ratios.values()))


def plan_of(text: str) -> str:
    """What a description says of the algorithm, its form and its tiles, without the reason."""
    return re.sub(r"^[^ ]* ", "", text.partition(" (")[0])


def check(library: table.Library, row: table.Row, path: pathlib.Path, layout: str, isa: str | None,
          effort: measure.Effort, rng: random.Random) -> Result | None:
    """None where only one algorithm applies. Raises RowsError."""
    with library.open(row, layout, table=path, isa=isa) as auto:
        auto.run()
        expected = measure.trial(auto.run, measure.time_of(auto.run), effort.seconds / 4)
        ratios, chosen = {}, plan_of(auto.describe())
        for algorithm in ALGORITHMS:
            try:
                other = library.open(row, layout, table=path, isa=isa, algorithm=algorithm)
            except table.RowsError:  # it does not apply
                continue
            with other:
                if plan_of(other.describe()) == chosen:
                    ratios[algorithm] = 1.0
                    continue
                other.run()
                first = measure.time_of(other.run)
                if first > 4 * expected and first > 0.001:
                    ratios[algorithm] = first / expected
                    continue
                times = (expected, measure.trial(other.run, first, effort.seconds / 4))
                # The least of many: what else the machine does only adds.
                ours, theirs = (min(samples) for samples in measure.pairs(auto.run, other.run, times, effort, rng))
                ratios[algorithm] = theirs / ours
    if len(ratios) < 2:
        return None
    shape = f"{row.op} {row.n}x{row.c_in}x{'x'.join(map(str, row.size))} -> {row.c_out}, " \
            f"k{row.kernel[-1]} s{row.stride[-1]}" + (f" x{row.scale[-1]}" if row.scale else "") + \
            (f" groups {row.groups}" if row.groups > 1 else "")
    return Result(row.id, layout, shape, chosen, expected * 1e3, ratios)


def summary(results: list[Result]) -> str:
    """How good the choices are, and the worst of them."""
    losses = numpy.array([result.loss for result in results])
    lines = [f"{len(results)} layers with a choice: kAuto takes {numpy.median(losses):.3f} times as long as the "
             f"quickest algorithm (median), {numpy.exp(numpy.log(losses).mean()):.3f} (geometric mean); "
             f"{100 * (losses <= BOUND).mean():.1f} % of them at most {BOUND} times"]
    for result in sorted(results, key=lambda r: -r.loss):
        if result.loss <= BOUND:
            break
        others = ", ".join(f"{name} {ratio:.2f}" for name, ratio in result.ratios.items())
        lines.append(f"{result.loss:5.2f}  {result.id} {result.layout}: {result.shape}; {result.milliseconds:.3f} ms "
                     f"as {result.auto}; times of it: {others}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=TABLE.parents[1] / "build" / "gcc-release", metavar="DIR")
    parser.add_argument("--workloads", type=pathlib.Path, default=TABLE, metavar="FILE")
    parser.add_argument("--random", type=int, metavar="N", help="so many random layers instead of the table")
    parser.add_argument("--seed", type=int, default=1, help="of the random layers")
    parser.add_argument("--rows", default="", metavar="REGEX", help="rows whose op/id has it somewhere")
    parser.add_argument("--layouts", default="nchwc16,nhwc,nchw", metavar="LIST", help="by turns")
    parser.add_argument("--isa", metavar="NAME", help="a SIMD target (default: the best)")
    parser.add_argument("--seconds", type=float, default=0.08, help="to spend on an algorithm and a layer")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", help="JSON Lines, one layer each")
    arguments = parser.parse_args()
    library = table.Library(arguments.build.resolve() / "bench" / "libpolyphase_rows.so")
    layouts = arguments.layouts.split(",")
    effort = measure.Effort(seconds=arguments.seconds, patience=1.0)
    rng = random.Random(arguments.seed)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.workloads
        if arguments.random is not None:
            path = pathlib.Path(folder) / "random.tsv"
            path.write_text(random_table(arguments.random, arguments.seed), encoding="utf-8")
        try:
            layers = [row for row in table.read_table(path)
                      if "conv" in row.op and re.search(arguments.rows, f"{row.op}/{row.id}")]
            with open(arguments.output or os.devnull, "w", encoding="utf-8") as output:
                for number, row in enumerate(layers):
                    layout = layouts[number % len(layouts)]
                    result = check(library, row, path.resolve(), layout, arguments.isa, effort, rng)
                    if result is None:
                        continue
                    results.append(result)
                    print(json.dumps(dataclasses.asdict(result) | {"loss": result.loss}), file=output, flush=True)
                    if sys.stderr.isatty():
                        print(f"\r{number + 1} of {len(layers)}", end="", file=sys.stderr)
        except table.RowsError as error:
            print(f"algorithms: {error}", file=sys.stderr)
            return 2
    if not results:
        print("algorithms: no layer has a choice", file=sys.stderr)
        return 2
    print(summary(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
