"""Charts of the report as coordinates, which its template draws as SVG: so they follow the page's colours, light or
dark, and every mark can say what it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LogAxis:
    """Maps the values low .. high, on a logarithmic scale, to the pixels begin .. end."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        """Values outside of the axis lie at its ends."""
        value = min(max(value, self.low), self.high)
        fraction = math.log(value / self.low) / math.log(self.high / self.low)
        return round(self.begin + (self.end - self.begin) * fraction, 1)

    def ticks(self) -> list[float]:
        """1, 2 and 5 times the powers of ten; of more than three decades, the powers alone."""
        factors = (1, 2, 5) if self.high / self.low <= 1000 else (1,)
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        ticks = (factor * 10.0**exponent for exponent in range(first, last + 1) for factor in factors)
        return [tick for tick in ticks if self.low <= tick <= self.high]


def ratio_axis(ratios: Sequence[float], width: float, margin: float) -> tuple[LogAxis, list[float]]:
    """An axis around 1 for `ratios`, and its ticks. It holds nine tenths of them, since what a change of some percent
    looks like must not depend on an extreme, and ends at a factor of 1.04 to 2."""
    factors = sorted(max(ratio, 1 / ratio) for ratio in ratios)
    limit = min(max(1.04, factors[int(0.9 * (len(factors) - 1))] * 1.005 if factors else 1), 2)
    axis = LogAxis(1 / limit, limit, margin, width - margin)
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5) if limit - 1 <= 2.5 * step)
    ticks = [1.0]
    for sign in (1, -1):
        for tick in (1 + sign * step, 1 + 2 * sign * step):
            if axis.low <= tick <= axis.high and abs(axis(tick) - axis(ticks[-1])) > 30:  # so long is a label
                ticks.append(tick)
    return axis, sorted(ticks)


def value_axis(values: Sequence[float], begin: float, end: float, spread: float = 1.15) -> LogAxis:
    """An axis that holds all values with some room, and is at least `spread` squared long."""
    low, high = min(values), max(values)
    room = max((high / low) ** 0.08, spread if high / low < spread else 1.0)
    return LogAxis(low / room, high * room, begin, end)


@dataclass(frozen=True)
class Label:
    """A text beside a mark."""

    text: str
    x: float
    y: float
    anchor: str  # SVG's text-anchor


def place_labels(marks: Sequence[tuple[float, float, str]], obstacles: Sequence[tuple[float, float]], width: float,
                 character: float = 6.2, height: float = 12) -> list[Label]:
    """Puts a label beside each (x, y, text), the first ones first, where it covers no obstacle and no other label; one
    that finds no place is left out."""
    boxes = [(x - 4, y - 4, x + 4, y + 4) for x, y in obstacles]
    labels = []
    for x, y, text in marks:
        length = character * len(text)
        for left, top, anchor in ((x + 11, y - height / 2, "start"), (x - 11 - length, y - height / 2, "end"),
                                  (x + 8, y + 6, "start"), (x + 8, y - height - 6, "start"),
                                  (x - 8 - length, y + 6, "end"), (x - 8 - length, y - height - 6, "end")):
            box = (left, top, left + length, top + height)
            if left >= 0 and left + length <= width and not any(_overlap(box, other) for other in boxes):
                boxes.append(box)
                labels.append(Label(text, round(left if anchor == "start" else left + length, 1),
                                    round(top + height - 3, 1), anchor))
                break
    return labels


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
