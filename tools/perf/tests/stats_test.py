"""Statistics on made-up rounds: how often identical code raises an alarm, how small a slowdown is found."""

import pathlib
import sys
import unittest

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import stats  # noqa: E402

# As a 2-core virtual machine is: a launch is off by so much as a whole, its rounds by so much with heavy tails.
BETWEEN, WITHIN = 0.004, 0.015


def row(generator, effect, launches=10, rounds=30, between=BETWEEN):
    """Log-ratios of a row whose head takes (1 + effect) times as long."""
    return [numpy.log1p(effect) + between * generator.standard_normal() + WITHIN * generator.standard_t(2, size=rounds)
            for _ in range(launches)]


def verdicts(rows):
    estimates = [stats.estimate(launches) for launches in rows]
    adjusted = stats.adjust([estimate.p for estimate in estimates])
    return [stats.verdict(estimate, q, 0.015) for estimate, q in zip(estimates, adjusted)]


class Stats(unittest.TestCase):
    def test_log_ratio(self):
        self.assertAlmostEqual(stats.log_ratio([1, 4], [2, 8]), numpy.log(2))
        self.assertAlmostEqual(stats.log_ratio([2, 2], [1, 1]), -numpy.log(2))

    def test_identical_code_raises_no_alarm(self):
        generator = numpy.random.default_rng(1)
        found = [verdict for _ in range(4) for verdict in verdicts([row(generator, 0) for _ in range(30)])]
        self.assertLessEqual(found.count(stats.SLOWER) + found.count(stats.FASTER), 1)
        self.assertGreater(found.count(stats.EQUAL), 105)

    def test_noise_is_unresolved_rather_than_equal(self):
        generator = numpy.random.default_rng(2)
        found = verdicts([row(generator, 0, between=0.04) for _ in range(30)])
        self.assertEqual(set(found), {stats.UNRESOLVED})

    def test_one_slow_row_of_thirty_is_found(self):
        generator = numpy.random.default_rng(3)
        missed = alarms = 0
        for _ in range(4):
            found = verdicts([row(generator, 0.03 if i == 7 else 0) for i in range(30)])
            missed += found[7] != stats.SLOWER
            alarms += sum(verdict in (stats.SLOWER, stats.FASTER) for i, verdict in enumerate(found) if i != 7)
        self.assertEqual((missed, alarms), (0, 0))

    def test_faster(self):
        generator = numpy.random.default_rng(4)
        self.assertEqual(verdicts([row(generator, -0.03), row(generator, 0)]), [stats.FASTER, stats.EQUAL])

    def test_small_effects_are_nobodys_concern(self):
        estimate = stats.Estimate(ratio=1.005, low=1.004, high=1.006, p=1e-9)
        self.assertEqual(stats.verdict(estimate, 1e-9, 0.015), stats.EQUAL)
        self.assertEqual(stats.verdict(estimate, 1e-9, 0.004), stats.UNRESOLVED)

    def test_large_effects_need_significance(self):
        estimate = stats.Estimate(ratio=1.2, low=1.01, high=1.3, p=0.02)
        self.assertEqual(stats.verdict(estimate, 0.02, 0.015), stats.UNRESOLVED)
        self.assertEqual(stats.verdict(estimate, 0.001, 0.015), stats.SLOWER)

    def test_interval_covers(self):
        generator = numpy.random.default_rng(5)
        estimates = [stats.estimate(row(generator, 0.03)) for _ in range(150)]
        covered = sum(estimate.low <= 1.03 <= estimate.high for estimate in estimates)
        self.assertGreaterEqual(covered, 144)  # of 148.5 that it promises

    def test_rounds_of_one_launch_are_not_independent(self):
        """However many rounds, launches that disagree leave the row open."""
        generator = numpy.random.default_rng(6)
        launches = [numpy.full(1000, shift) + 1e-3 * generator.standard_normal(1000)
                    for shift in (0.08, -0.05, 0.06, -0.04, 0.05)]
        estimate = stats.estimate(launches)
        self.assertGreater(estimate.p, 0.1)
        self.assertLess(estimate.low, 1)
        self.assertGreater(estimate.high, 1)

    def test_degenerate_rounds(self):
        self.assertEqual(stats.estimate([[0.0], [0.0]]), stats.Estimate(1, 1, 1, 1))
        self.assertEqual(stats.estimate([[0.1], [0.1]]).p, 0)

    def test_adjust(self):
        # From the definition: q of the k-th smallest is the smallest p n / k from there on.
        self.assertEqual([round(q, 6) for q in stats.adjust([0.04, 0.001, 0.03, 0.5])],
                         [0.053333, 0.004, 0.053333, 0.5])
        self.assertEqual(stats.adjust([0.9, 1.0]), [1.0, 1.0])
        self.assertEqual(stats.adjust([]), [])


if __name__ == "__main__":
    unittest.main()
