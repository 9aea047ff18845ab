"""Measuring: fair times of two ways to compute the same, on a machine whose speed drifts."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import random
import time
import typing

import numpy

Run = typing.Callable[[], typing.Any]

# mallopt's parameters, of malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

# Relative to the largest value and to the norm of all: f32 arithmetic in any order, Winograd's too, stays below; half
# precision, a wrong coordinate or a wrong border do not.
LARGEST_ERROR = 1e-3
NORM_ERROR = 1e-4


def keep_freed_memory() -> None:
    """Lets malloc keep what is freed, for otherwise the page faults of fresh outputs double some peers' times. Must be
    called before anything else allocates much. Does nothing where libc is not glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return
    for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
        mallopt(parameter, 2**31 - 1)


def difference(actual: numpy.ndarray, expected: numpy.ndarray, border: int = 0) -> str | None:
    """What is wrong with an output; None where it agrees. `border` outputs at the end of each spatial axis are not
    looked at."""
    if actual.shape != expected.shape:
        return f"shape {actual.shape}, not {expected.shape}"
    if border:
        inner = (...,) + (slice(border, -border),) * (expected.ndim - 2)
        actual, expected = actual[inner], expected[inner]
    error = actual.ravel() - expected.ravel()
    largest = float(numpy.abs(error).max()) / max(float(numpy.abs(expected).max()), 1e-30)
    norm = float(numpy.linalg.norm(error)) / max(float(numpy.linalg.norm(expected.ravel())), 1e-30)
    if largest <= LARGEST_ERROR and norm <= NORM_ERROR:  # not so where one is NaN
        return None
    return f"values differ by up to {largest:.1e} of the largest, {norm:.1e} of the norm"


def time_of(run: Run, repetitions: int = 1) -> float:
    """Seconds of one run, the mean of `repetitions` in a row."""
    start = time.perf_counter()
    for _ in range(repetitions):
        run()
    return (time.perf_counter() - start) / repetitions


def trial(run: Run, first: float, budget: float) -> float:
    """Least seconds of a few runs within `budget` seconds; `first` seconds were those of an earlier one, which is
    enough where it was much longer than the budget."""
    best = first if first > 4 * budget else time_of(run)
    end = time.perf_counter() + budget
    while best < budget and time.perf_counter() < end:
        best = min(best, time_of(run, max(1, min(100, int(budget / 8 / max(best, 1e-7))))))
    return best


@dataclasses.dataclass(frozen=True)
class Effort:
    """How long to measure."""

    seconds: float = 0.5  # for two competitors
    least: int = 4  # pairs of samples, whatever they take, but 2 where these would take more than `patience` seconds
    most: int = 20
    patience: float = 3.0
    sample: float = 0.002  # seconds; shorter runs are repeated within a sample
    pause: float = 0.0  # seconds before a sample, in which the other's threads stop spinning


def pairs(ours: Run, theirs: Run, expected: tuple[float, float], effort: Effort,
          rng: random.Random) -> tuple[list[float], list[float]]:
    """Seconds per run of both, sampled in turns: blocks of A B B A or B A A B, by chance, so that neither a drift nor
    an order favours one. Equal indices are neighbours in time. `expected` are their seconds about."""
    runs = (ours, theirs)
    repetitions = [max(1, round(effort.sample / max(seconds, 1e-7))) for seconds in expected]
    least = effort.least if effort.least * sum(expected) <= effort.patience else 2
    samples: tuple[list[float], list[float]] = ([], [])
    start = time.perf_counter()
    while len(samples[0]) < effort.most:
        first = rng.randrange(2)
        for side in (first, 1 - first, 1 - first, first):
            if effort.pause:
                time.sleep(effort.pause)
                if expected[side] < effort.pause:
                    runs[side]()  # wakes the threads up
            samples[side].append(time_of(runs[side], repetitions[side]))
        if len(samples[0]) >= least and time.perf_counter() - start > effort.seconds:
            break
    return samples


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Theirs / ours: above 1 where we are quicker; with its 95 % confidence interval."""

    ratio: float
    low: float
    high: float


def ratio_of(ours: list[float], theirs: list[float]) -> Ratio:
    """The median ratio of neighbouring samples and its interval, which is as wide as the quartiles of the log-ratios
    are apart, times what two, four or twenty of them need for 95 %. (A bootstrap of two values covers half of that.)"""
    logs = numpy.log(numpy.asarray(theirs)) - numpy.log(numpy.asarray(ours))
    median = numpy.median(logs)
    half = _half_width(len(logs)) * _quartile_range(logs)
    return Ratio(*(float(numpy.exp(value)) for value in (median, median - half, median + half)))


def side_by_side(ours: Run, theirs: Run, seconds: float) -> tuple[Ratio, float, float]:
    """The ratio of two ways to run a model, and the median seconds of ours and of theirs."""
    expected = [trial(run, time_of(run), 0.05) for run in (ours, theirs)]
    samples = pairs(ours, theirs, tuple(expected), Effort(seconds=seconds, most=200), random.Random(1))
    return (ratio_of(*samples), *(float(numpy.median(side)) for side in samples))


def geometric_mean(values: typing.Collection[float]) -> float:
    """Of positive numbers."""
    return float(numpy.exp(numpy.mean(numpy.log(list(values)))))


def _quartile_range(values: numpy.ndarray) -> numpy.ndarray:
    """Along the last axis; bursts of other processes, which only some samples meet, hardly move it."""
    low, high = numpy.quantile(values, (0.25, 0.75), axis=-1)
    return high - low


@functools.cache
def _half_width(count: int) -> float:
    """How far the median of so many values is from that of their distribution, in ranges of their quartiles: 95 % are
    nearer. It is simulated for normal values, and holds well enough for others."""
    values = numpy.random.default_rng(1).standard_normal((20000, count))
    return float(numpy.quantile(numpy.abs(numpy.median(values, axis=-1)) / _quartile_range(values), 0.95))
