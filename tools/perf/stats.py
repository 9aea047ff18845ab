"""From the times of paired rounds to a verdict: nothing in here measures, so that all of it is tested on made-up data.

A round times both revisions several times within some milliseconds; its value is the logarithm of the ratio of their
times, in which whatever lasts longer than the round cancels. A launch is a process: where its memory and code happen to
lie shifts all its rounds together, so that rounds of one launch are not independent, and it is the launches that a test
counts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from scipy import stats

RESAMPLES = 4000
CONFIDENCE = 0.99
SIGNIFICANCE = 0.01  # of q, the share of false alarms among all alarms
SMALLEST_EFFECT = 0.01  # a proven change that is smaller is nobody's concern
SEED = 1  # of the bootstrap: one set of rounds always gives one answer

SLOWER, FASTER, EQUAL, UNRESOLVED = "SLOWER", "FASTER", "EQUAL", "UNRESOLVED"


@dataclass(frozen=True)
class Estimate:
    """The ratio head / base of a row's times: above 1 the head is slower."""

    ratio: float
    low: float  # ends of the interval of CONFIDENCE
    high: float
    p: float  # of the hypothesis that the ratio is 1


def log_ratio(base: Sequence[float], head: Sequence[float]) -> float:
    """Of one round: the mean logarithms' difference. Times in any unit, all above 0."""
    return float(numpy.log(head).mean() - numpy.log(base).mean())


def estimate(launches: Sequence[Sequence[float]]) -> Estimate:
    """From the log-ratios of the rounds of each launch; at least two launches, each with at least one round.

    Ratio: median over launches of the median over their rounds. Interval: percentile bootstrap of the same on two
    levels, launches drawn with replacement and rounds within each. p: Student's t-test over the launches' medians,
    because a bootstrap of a handful of launches promises more than it knows.
    """
    medians = numpy.array([numpy.median(rounds) for rounds in launches])
    count = len(medians)

    generator = numpy.random.default_rng(SEED)
    inner = numpy.stack([_resampled_medians(numpy.asarray(rounds), generator) for rounds in launches])
    launch = generator.integers(count, size=(count, RESAMPLES))
    resample = generator.integers(RESAMPLES, size=(count, RESAMPLES))  # so that a launch drawn twice is not the same
    tail = (1 - CONFIDENCE) / 2
    low, high = numpy.quantile(numpy.median(inner[launch, resample], axis=0), [tail, 1 - tail])

    if numpy.ptp(medians) == 0:  # of which the test can make nothing
        p = 1.0 if medians[0] == 0 else 0.0
    else:
        p = float(stats.ttest_1samp(medians, 0.0).pvalue)
    return Estimate(math.exp(numpy.median(medians)), math.exp(low), math.exp(high), p)


def _resampled_medians(rounds: numpy.ndarray, generator: numpy.random.Generator) -> numpy.ndarray:
    """Medians of RESAMPLES draws of as many rounds with replacement."""
    drawn = generator.integers(len(rounds), size=(RESAMPLES, len(rounds)))
    return numpy.median(rounds[drawn], axis=1)


def adjust(p: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg: the q of every p, in the order of `p`."""
    values = numpy.asarray(p, dtype=float)
    count = len(values)
    order = numpy.argsort(values)
    scaled = values[order] * count / numpy.arange(1, count + 1)
    q = numpy.empty(count)
    q[order] = numpy.minimum(numpy.minimum.accumulate(scaled[::-1])[::-1], 1)
    return q.tolist()


def verdict(row: Estimate, q: float, equal: float) -> str:
    """`equal`: the row is EQUAL when the whole interval lies within this fraction of 1."""
    if q < SIGNIFICANCE and row.low > 1 and row.ratio > 1 + SMALLEST_EFFECT:
        return SLOWER
    if q < SIGNIFICANCE and row.high < 1 and row.ratio < 1 - SMALLEST_EFFECT:
        return FASTER
    if row.low > 1 - equal and row.high < 1 + equal:
        return EQUAL
    return UNRESOLVED
