"""Change points: where a noisy series of times takes a step, and how large each step is.

E-divisive (Matteson and James, "A nonparametric approach for multiple change point analysis of multivariate data",
2014) picks the place of a step by the energy distance of the values on both sides; whether it is one is decided by a
t-test instead of the paper's permutations, as in Hunter (Fleming et al., "Hunter: using change point detection to hunt
for performance regressions", 2023): it is quick, and the same series always gives the same steps.

A slow drift is no step; it is described by a staircase of them. What the two sides differ in besides their mean, such
as the noise, is not reported; nor is a step of which there are not yet three measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from scipy import stats

# A side of a step has so many values at least: two outliers in a row are not taken for a level.
SMALLEST_SEGMENT = 3
# Chance that a series of nothing but noise shows a step (0.3 to 2.7 % in simulations of 6 to 80 values, normal or with
# the heavy tails of Student's t of 3 degrees).
SIGNIFICANCE = 0.01
# Splits are made where p is below this multiple of the significance and judged again, with the final neighbours, at the
# end: of two steps, the first one tested is seen against a side that still contains the other.
WEAK = 10
# Steps smaller than 1 % are not reported, however sure: code that moved by some bytes does as much.
SMALLEST_CHANGE = 0.01


@dataclass(frozen=True)
class ChangePoint:
    """A step between the values `index - 1` and `index`."""

    index: int
    before: float  # geometric mean of the level that ends here, in the unit of the series
    after: float  # of the level that begins here
    p: float  # chance of such a step, or a clearer one, anywhere in noise

    @property
    def ratio(self) -> float:
        """after / before: 1.03 is 3 % slower in a series of times."""
        return self.after / self.before


def change_points(values: Sequence[float], labels: Sequence[object] | None = None, *,
                  significance: float = SIGNIFICANCE, smallest_change: float = SMALLEST_CHANGE) -> list[ChangePoint]:
    """The steps of a series of positive values, in their order.

    `labels`, one per value, says what was measured: a step lies only where the label changes, so that two measurements
    of one revision are never told apart. Logarithms are compared: noise and steps of a time are proportional to it.
    Raises ValueError on values that are not positive and finite.
    """
    values = numpy.asarray(values, dtype=float)
    if values.ndim != 1 or not numpy.all(numpy.isfinite(values) & (values > 0)):
        raise ValueError("a series of times has positive, finite values only")
    if labels is not None and len(labels) != len(values):
        raise ValueError(f"{len(labels)} labels for {len(values)} values")
    logs = numpy.log(values)
    allowed = numpy.ones(len(logs) + 1, dtype=bool)
    if labels is not None:
        allowed[1:-1] = [a != b for a, b in zip(labels, labels[1:])]

    steps = _split(logs, 0, len(logs), allowed, WEAK * significance)
    while True:
        found = _judge(logs, steps)
        weakest = max(found, key=lambda point: point.p, default=None)
        if weakest is not None and weakest.p >= significance:
            steps.remove(weakest.index)
            continue
        smallest = min(found, key=lambda point: abs(numpy.log(point.ratio)), default=None)
        if smallest is not None and abs(numpy.log(smallest.ratio)) < numpy.log1p(smallest_change):
            steps.remove(smallest.index)
            continue
        return found


def levels(values: Sequence[float], points: Sequence[ChangePoint]) -> list[tuple[int, int, float]]:
    """(begin, end, geometric mean) of the stretches of `values` between the steps."""
    bounds = [0, *(point.index for point in points), len(values)]
    return [(begin, end, float(numpy.exp(numpy.mean(numpy.log(values[begin:end])))))
            for begin, end in zip(bounds, bounds[1:]) if end > begin]


def _split(logs: numpy.ndarray, begin: int, end: int, allowed: numpy.ndarray, significance: float) -> list[int]:
    """The steps of logs[begin:end] by divide and conquer."""
    best = _clearest(logs[begin:end], allowed[begin:end + 1])
    if best is None:
        return []
    step, stop = begin + best[0], begin + best[1]
    if _p_value(logs[begin:step], logs[step:stop]) >= significance:
        return []
    return [*_split(logs, begin, step, allowed, significance), step, *_split(logs, step, end, allowed, significance)]


def _clearest(logs: numpy.ndarray, allowed: numpy.ndarray) -> tuple[int, int] | None:
    """(step, end) with the largest scaled energy distance between logs[:step] and logs[step:end], None if too short.

    With all ends, a step is found as well that a later one undoes.
    """
    n = len(logs)
    if n < 2 * SMALLEST_SEGMENT:
        return None
    # total[i, j] is the sum of the distances between the first i and the first j values.
    total = numpy.zeros((n + 1, n + 1))
    total[1:, 1:] = numpy.abs(logs[:, None] - logs[None, :]).cumsum(axis=0).cumsum(axis=1)
    step, end = numpy.meshgrid(numpy.arange(n + 1), numpy.arange(n + 1), indexing="ij")
    left, right = step, end - step
    valid = (left >= SMALLEST_SEGMENT) & (right >= SMALLEST_SEGMENT) & allowed[:, None]
    if not valid.any():
        return None
    step, end, left, right = step[valid], end[valid], left[valid], right[valid]
    inside_left = total[step, step]
    between = total[step, end] - inside_left
    inside_right = total[end, end] - inside_left - 2 * between
    distance = 2 * between / (left * right) - inside_left / (left * (left - 1)) - inside_right / (right * (right - 1))
    best = numpy.argmax(left * right / (left + right) * distance)
    return int(step[best]), int(end[best])


def _judge(logs: numpy.ndarray, steps: Sequence[int]) -> list[ChangePoint]:
    """The steps with their levels, each tested against its neighbours."""
    bounds = [0, *steps, len(logs)]
    return [ChangePoint(step, float(numpy.exp(logs[begin:step].mean())), float(numpy.exp(logs[step:end].mean())),
                        _p_value(logs[begin:step], logs[step:end]))
            for begin, step, end in zip(bounds, bounds[1:], bounds[2:])]


def _p_value(left: numpy.ndarray, right: numpy.ndarray) -> float:
    """Student's t-test of equal means, times the number of places that the step was chosen from (Bonferroni)."""
    places = len(left) + len(right) - 2 * SMALLEST_SEGMENT + 1
    spread = numpy.concatenate([left - left.mean(), right - right.mean()]).std()
    if spread < 1e-12:  # no noise but rounding, no doubt
        return 1.0 if abs(left.mean() - right.mean()) < 1e-12 else 0.0
    return float(min(1.0, places * stats.ttest_ind(left, right).pvalue))
