#!/usr/bin/env python3
"""Draws the figures of the documentation as SVG: tools/docs/figures.py FOLDER

Colours follow the reader's light or dark theme. README.md shows some of the figures, which are therefore kept beside
this file; `--write` draws those anew, and `--check` fails if they are not what this script draws."""

from __future__ import annotations

import math
import pathlib
import re
import sys
from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape

HERE = pathlib.Path(__file__).resolve().parent
SITE = HERE / "site"  # whose tables the charts show
KEPT = ("phases", "peers", "errors")

# Of each class: fill or stroke on a light and on a dark page.
COLOURS = {
    "paper": ("#ffffff", "#0d1117"), "ink": ("#1f2328", "#e6edf3"), "soft": ("#59636e", "#9ea7b3"),
    "edge": ("#8c959f", "#768390"), "none": ("#f6f8fa", "#1c2129"),
    "a": ("#a5c8f5", "#1f5a9e"), "b": ("#f3bf8a", "#8a5216"), "c": ("#b5dcb8", "#2b6235"), "d": ("#d9bdf0", "#6a3d92"),
    "win": ("#0b7468", "#4fd0be"), "loss": ("#b93a0c", "#ff9468"),
}
FILLS = ("a", "b", "c", "d", "none", "paper")


def style() -> str:
    def rules(theme: int) -> list[str]:
        lines = [f"    .{name} {{ fill: {COLOURS[name][theme]}; }}" for name in COLOURS if name not in ("edge",)]
        lines += [f"    .cell {{ stroke: {COLOURS['edge'][theme]}; }}",
                  f"    .line {{ fill: none; stroke: {COLOURS['soft'][theme]}; stroke-width: 1.5; }}",
                  f"    .grid {{ fill: none; stroke: {COLOURS['edge'][theme]}; stroke-width: 1; opacity: .35; }}"]
        return lines

    return "\n".join([
        "  <style>", '    text { font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", Arial, sans-serif; }',
        "    .h { font-size: 15px; font-weight: bold; } .t { font-size: 13px; } .s { font-size: 12px; }",
        "    .mid { text-anchor: middle; } .end { text-anchor: end; } .dot { opacity: .55; }", *rules(0),
        "    @media (prefers-color-scheme: dark) {", *("  " + rule for rule in rules(1)), "    }", "  </style>"])


class Drawing:
    def __init__(self, title: str, width: int, height: int):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            f' role="img" aria-labelledby="title">', f'  <title id="title">{escape(title)}</title>', style(),
            '  <defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path class="soft" d="M0 0 L8 4 L0 8 z"/></marker></defs>',
            f'  <rect class="paper" width="{width}" height="{height}" rx="8"/>']

    def add(self, part: str) -> None:
        self.parts.append("  " + part)

    def text(self, x: float, y: float, text: object, classes: str = "t ink") -> None:
        self.add(f'<text class="{classes}" x="{x:g}" y="{y:g}">{escape(str(text))}</text>')

    def cell(self, x: float, y: float, width: float, height: float, fill: str, text: object = "") -> None:
        self.add(f'<rect class="cell {fill}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/>')
        if text != "":
            self.text(x + width / 2, y + height / 2 + 4.5, text, "t ink mid")

    def grid(self, x: float, y: float, size: float, rows: Iterable[Iterable[tuple[str, object]]]) -> None:
        """Squares, each a (fill, text)."""
        for i, row in enumerate(rows):
            for j, (fill, text) in enumerate(row):
                self.cell(x + j * size, y + i * size, size, size, fill, text)

    def arrow(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self.add(f'<path class="line" d="M{x0:g} {y0:g} L{x1:g} {y1:g}" marker-end="url(#head)"/>')

    def line(self, x0: float, y0: float, x1: float, y1: float, kind: str = "line") -> None:
        self.add(f'<path class="{kind}" d="M{x0:g} {y0:g} L{x1:g} {y1:g}"/>')

    def dot(self, x: float, y: float, radius: float, classes: str) -> None:
        self.add(f'<circle class="{classes}" cx="{x:.1f}" cy="{y:g}" r="{radius:g}"/>')

    def svg(self) -> str:
        return "\n".join([*self.parts, "</svg>", ""])


def phase(y: int, x: int) -> str:
    return "abcd"[y % 2 * 2 + x % 2]


def phases() -> Drawing:
    d = Drawing("A transposed convolution of stride 2 is four ordinary convolutions, one for each phase", 820, 300)
    d.text(24, 30, "Input, 3 x 3", "h ink")
    d.grid(24, 48, 40, [[("none", "")] * 3] * 3)
    d.text(218, 30, "Kernel, 4 x 4, stride 2", "h ink")
    # Padding 1: output o gets tap t from input i where 2 i + t = o + 1, so tap t belongs to the outputs with o + 1 = t
    # (mod 2).
    d.grid(218, 48, 40, [[(phase(y + 1, x + 1), "") for x in range(4)] for y in range(4)])
    d.text(218, 232, "is four kernels of 2 x 2:")
    for number, name in enumerate("abcd"):
        d.grid(218 + 50 * number, 244, 18, [[(name, "")] * 2] * 2)
    d.text(540, 30, "Output, 6 x 6", "h ink")
    d.grid(540, 48, 40, [[(phase(y, x), "") for x in range(6)] for y in range(6)])
    d.arrow(154, 108, 206, 108)
    d.arrow(394, 128, 528, 128)
    d.text(24, 192, "Every output reads the taps", "t soft")
    d.text(24, 210, "of its own colour alone.", "t soft")
    d.text(24, 236, "No inserted zeros, no", "t soft")
    d.text(24, 254, "column buffer.", "t soft")
    return d


def fused() -> Drawing:
    d = Drawing("Nearest upsampling by 2 and a 3x3 convolution: taps that read the same input are summed", 820, 240)
    d.text(24, 30, "Upsampled input", "h ink")
    names = [["A", "A", "B", "B"], ["A", "A", "B", "B"], ["C", "C", "D", "D"], ["C", "C", "D", "D"]]
    fills = dict(zip("ABCD", "abcd"))
    d.grid(24, 48, 38, [[(fills[n], n) for n in row] for row in names])
    d.add('<rect class="line" x="62" y="86" width="114" height="114" style="stroke-width: 3"/>')
    d.text(24, 226, "3 x 3 window of one output", "t soft")
    d.text(290, 30, "Nine taps read four inputs", "h ink")
    taps = [["A", "B", "B"], ["C", "D", "D"], ["C", "D", "D"]]
    d.grid(290, 48, 38, [[(fills[n], f"w{3 * y + x}") for x, n in enumerate(row)] for y, row in enumerate(taps)])
    d.arrow(196, 124, 276, 124)
    d.text(560, 30, "Four sums, made at Create", "h ink")
    sums = [("A", "w0"), ("B", "w1 + w2"), ("C", "w3 + w6"), ("D", "w4 + w5 + w7 + w8")]
    for number, (name, text) in enumerate(sums):
        d.cell(560, 48 + 44 * number, 38, 38, fills[name], name)
        d.text(608, 72 + 44 * number, "× (" + text + ")")
    d.arrow(424, 124, 546, 124)
    return d


def resize() -> Drawing:
    d = Drawing("Where output pixels lie on the input axis: half_pixel, align_corners and asymmetric, 4 to 8", 820, 290)
    begin, step = 190, 140
    rules: list[tuple[str, str, Callable[[int], float]]] = [
        ("half_pixel", "(o + 0.5) / 2 - 0.5", lambda o: (o + 0.5) / 2 - 0.5),
        ("align_corners", "o * 3 / 7", lambda o: o * 3 / 7), ("asymmetric", "o / 2", lambda o: o / 2)]
    d.text(24, 30, "8 outputs (dots) of 4 inputs (squares): which coordinate does output o have?", "h ink")
    for row, (name, formula, coordinate) in enumerate(rules):
        y = 84 + 76 * row
        d.text(24, y - 4, name, "t ink")
        d.text(24, y + 14, formula, "s soft")
        d.line(begin - 40, y, begin + 3.4 * step, y)
        for i in range(4):
            d.cell(begin + i * step - 11, y - 11, 22, 22, "a", i)
        for o in range(8):
            x = begin + coordinate(o) * step
            d.line(x, y + 12, x, y + 22)
            d.dot(x, y + 27, 5, "loss")
            d.text(x, y + 47, o, "s soft mid")
    return d


def pixel_shuffle() -> Drawing:
    d = Drawing("Pixel shuffle by 2: four channels become a block of 2 x 2 pixels", 820, 230)
    d.text(24, 30, "4 channels of 2 x 2", "h ink")
    for channel, name in enumerate("abcd"):
        x = 24 + 104 * channel
        d.grid(x, 52, 40, [[(name, f"{channel}{chr(112 + 2 * y + x2)}") for x2 in range(2)] for y in range(2)])
        d.text(x + 40, 152, f"channel {channel}", "s soft mid")
    d.text(560, 30, "1 channel of 4 x 4", "h ink")
    d.grid(560, 52, 40, [[(phase(y, x), f"{y % 2 * 2 + x % 2}{chr(112 + y // 2 * 2 + x // 2)}") for x in range(4)]
                         for y in range(4)])
    d.arrow(440, 92, 545, 92)
    d.text(24, 196, "Each pixel p, q, r, s of the input becomes a block; its channels are the pixels of the block.",
           "t soft")
    return d


def max_pool() -> Drawing:
    values = [[1, 5, 2, 0], [4, 3, 7, 6], [8, 2, 0, 1], [3, 0, 9, 4]]
    best = {(0, 1): 5, (1, 2): 7, (2, 0): 8, (3, 2): 9}
    d = Drawing("MaxPool keeps the largest element and its index; MaxUnpool puts it back", 820, 240)
    d.text(24, 30, "MaxPool's input, 4 x 4", "h ink")
    d.grid(24, 48, 40, [[("b" if (y, x) in best else "none", values[y][x]) for x in range(4)] for y in range(4)])
    d.text(268, 30, "Values", "h ink")
    d.grid(268, 48, 40, [[("b", 5), ("b", 7)], [("b", 8), ("b", 9)]])
    d.text(400, 30, "Indices (kPlane)", "h ink")
    d.grid(400, 48, 40, [[("a", 1), ("a", 6)], [("a", 8), ("a", 14)]])
    d.text(620, 30, "MaxUnpool's output", "h ink")
    d.grid(620, 48, 40, [[("b", best[y, x]) if (y, x) in best else ("none", 0) for x in range(4)] for y in range(4)])
    d.arrow(194, 88, 256, 88)
    d.arrow(492, 88, 608, 88)
    d.text(268, 160, "An index is y * width + x", "t soft")
    d.text(268, 178, "in the plane of the full size.", "t soft")
    return d


def avg_pool() -> Drawing:
    d = Drawing("AvgPool takes the mean of a window; AvgUnpool spreads a value over it", 820, 200)
    d.text(24, 30, "AvgPool, kernel 2", "h ink")
    d.grid(24, 48, 40, [[("a", 1), ("a", 3), ("b", 2), ("b", 6)]])
    d.grid(64, 128, 40, [[("a", 2)]])
    d.grid(104, 128, 40, [[("b", 4)]])
    d.arrow(64, 92, 80, 122)
    d.arrow(144, 92, 128, 122)
    for x, name, fills in ((300, "kAdjoint", (1, 1, 2, 2)), (560, "kCopy", (2, 2, 4, 4))):
        d.text(x, 30, f"AvgUnpool, {name}", "h ink")
        d.grid(x + 40, 48, 40, [[("a", 2)]])
        d.grid(x + 80, 48, 40, [[("b", 4)]])
        d.grid(x, 128, 40, [[("a", fills[0]), ("a", fills[1]), ("b", fills[2]), ("b", fills[3])]])
        d.arrow(x + 56, 92, x + 40, 122)
        d.arrow(x + 104, 92, x + 120, 122)
    return d


def convex_upsample() -> Drawing:
    d = Drawing("Every output is a convex combination of the 3 x 3 inputs around it, with weights of its own", 820, 250)
    d.text(24, 30, "Flow, 3 x 3 neighbours", "h ink")
    d.grid(24, 48, 40, [[("c" if (y, x) == (1, 1) else "a", f"v{3 * y + x}") for x in range(3)] for y in range(3)])
    d.text(270, 30, "Mask of one output", "h ink")
    d.grid(270, 48, 40, [[("b", f"m{3 * y + x}") for x in range(3)] for y in range(3)])
    d.text(270, 196, "softmax over the nine:", "t soft")
    d.text(270, 214, "weights that sum to 1", "t soft")
    d.text(560, 30, "factor x factor outputs", "h ink")
    d.grid(560, 48, 40, [[("d" if (y, x) == (1, 2) else "c", "") for x in range(4)] for y in range(4)])
    d.text(560, 232, "output = scale · Σ softmax(m)k · vk", "t ink")
    d.arrow(154, 108, 258, 108)
    d.arrow(400, 108, 548, 108)
    return d


def layouts() -> Drawing:
    d = Drawing("The order of a tensor's elements in memory: NCHW, NHWC and NCHWc", 820, 280)
    d.text(24, 30, "1 image, 6 channels (colours), 2 pixels (p, q), in the order of memory", "h ink")
    fills = ["a", "b", "c", "d", "none", "none"]
    orders = [
        ("NCHW", "a plane for each channel", [(c, p) for c in range(6) for p in range(2)]),
        ("NHWC", "channels last", [(c, p) for p in range(2) for c in range(6)]),
        ("NCHW4c", "blocks of 4, filled up with 0", [(c, p) for b in range(2) for p in range(2)
                                                     for c in range(4 * b, 4 * b + 4)])]
    for row, (name, text, order) in enumerate(orders):
        y = 66 + 72 * row
        d.text(24, y + 12, name, "h ink")
        d.text(24, y + 30, text, "s soft")
        for column, (c, p) in enumerate(order):
            x = 212 + 37 * column
            if c < 6:
                d.cell(x, y, 37, 36, fills[c], f"{c}{'pq'[p]}")
            else:
                d.cell(x, y, 37, 36, "paper", "0")
    return d


def cells_of(line: str) -> list[str]:
    return [cell.strip().strip("*") for cell in line.strip().strip("|").split("|")]


def peers_tables() -> dict[str, dict[str, str]]:
    """What the first two tables of peers in the page on performance say: by column, the cell of each op."""
    columns: dict[str, dict[str, str]] = {}
    header: list[str] = []
    for line in (SITE / "performance.md").read_text().splitlines():
        if line.startswith("| op |"):
            header = cells_of(line)[1:]
            if columns.keys() & set(header):
                header = []  # of another machine
            columns.update({name: {} for name in header})
        elif not line.startswith("|"):
            header = []
        elif header and not line.startswith("| ---"):
            op, *cells = cells_of(line)
            for name, cell in zip(header, cells):
                columns[name][op] = cell
    return columns


def peers() -> Drawing:
    columns = peers_tables()
    names = [*list(columns)[list(columns).index("lost") + 1:], "best peer"]
    d = Drawing("Time of nine other libraries divided by that of Polyphase, geometric means by kind of layer", 820, 460)
    left, right, top = 130, 740, 76

    def x_of(value: float) -> float:
        return left + (right - left) * math.log(value / 0.7) / math.log(10 / 0.7)

    d.text(24, 28, "Time of other libraries / time of Polyphase", "h ink")
    d.text(24, 47, "One thread, f32. Bars: geometric mean over all layers; dots: over one kind of layer. Log scale.",
           "s soft")
    d.text(804, top - 8, "mean", "s soft end")
    bottom = top + 34 * len(names)
    for tick in (0.8, 1, 1.5, 2, 3, 5, 8):
        d.line(x_of(tick), top, x_of(tick), bottom, "line" if tick == 1 else "grid")
        d.text(x_of(tick), bottom + 18, f"{tick:g}", "s soft mid")
    for row, name in enumerate(names):
        y = top + 34 * row + 17
        cells = columns[name]
        value = float(cells["all"].split()[0])
        kind = "win" if value >= 1 else "loss"
        low, high = sorted((x_of(1), x_of(value)))
        d.text(left - 12, y + 4, name, "t ink end")
        d.add(f'<rect class="{kind}" x="{low:.1f}" y="{y - 8:g}" width="{high - low:.1f}" height="16" '
              f'opacity=".35"/>')
        values = [float(cell.split()[0]) for op, cell in cells.items() if op != "all" and re.match(r"[0-9.]", cell)]
        for one in values:
            d.dot(x_of(one), y, 4.5, "dot " + ("win" if one >= 1 else "loss"))
        d.text(804, y + 4, f"{value:.2f}", "t ink end")
    d.text(x_of(1) - 8, bottom + 38, "← the other is faster", "s loss end")
    d.text(x_of(1) + 8, bottom + 38, "Polyphase is faster →", "s win")
    return d


def errors() -> Drawing:
    lines = (SITE / "concepts" / "numerics_and_determinism.md").read_text().splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("| layer | products |"))
    layers = [cells_of(line) for line in lines[begin + 2:lines.index("", begin)]]
    kinds = {"one product after the other": "none", "PyTorch": "a", "Polyphase, kStrict": "c",
             "Polyphase, kDefault": "win"}
    left, right, top, bar = 250, 760, 92, 11
    bottom = top + len(layers) * (bar * len(kinds) + 12)
    d = Drawing("Error of f32 outputs of Polyphase, of PyTorch and of plain sums, in layers of real networks", 820,
                bottom + 34)
    most = 1e-6

    def x_of(value: float) -> float:
        return left + (right - left) * value / most

    d.text(24, 28, "Error of f32 outputs, against double", "h ink")
    d.text(24, 47, "Norm of the difference / norm of the output. Less is better. Rounding a number to f32 costs up to "
           "0.6e-7.", "s soft")
    x = 24.0
    for name, kind in kinds.items():
        d.cell(x, 60, 12, 12, kind)
        d.text(x + 18, 70.5, name, "s ink")
        x += 40 + 6.6 * len(name)
    for tick in range(0, 11, 2):
        d.line(x_of(tick * 1e-7), top - 4, x_of(tick * 1e-7), bottom, "line" if tick == 0 else "grid")
        d.text(x_of(tick * 1e-7), bottom + 18, f"{tick}e-7" if tick else "0", "s soft mid")
    for number, (name, products, *values) in enumerate(layers):
        y = top + number * (bar * len(kinds) + 12)
        network, _, rest = name.partition(", ")
        d.text(left - 12, y + 16, f"{network}, {products} products", "t ink end")
        d.text(left - 12, y + 32, rest, "s soft end")
        for row, (kind, value) in enumerate(zip(kinds.values(), values)):
            d.cell(left, y + row * bar, x_of(float(value)) - left, bar, kind)
    return d


FIGURES = {one.__name__: one for one in (phases, fused, resize, pixel_shuffle, max_pool, avg_pool, convex_upsample,
                                         layouts, peers, errors)}


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        stale = [name for name in KEPT if (HERE / f"{name}.svg").read_text() != FIGURES[name]().svg()]
        for name in stale:
            print(f"tools/docs/{name}.svg: is not what tools/docs/figures.py --write draws", file=sys.stderr)
        return 1 if stale else 0
    if len(sys.argv) != 2:
        print("usage: tools/docs/figures.py FOLDER|--write|--check", file=sys.stderr)
        return 2
    folder, names = (HERE, KEPT) if sys.argv[1] == "--write" else (pathlib.Path(sys.argv[1]), tuple(FIGURES))
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.svg").write_text(FIGURES[name]().svg())
    return 0


if __name__ == "__main__":
    sys.exit(main())
