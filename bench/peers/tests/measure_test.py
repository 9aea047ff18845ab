"""Tests of bench/peers/measure.py."""

import random
import unittest

import numpy

import example  # noqa: F401  pylint: disable=unused-import; finds the modules
import measure


class DifferenceTest(unittest.TestCase):

    def setUp(self):
        self.expected = numpy.random.default_rng(1).normal(size=(1, 3, 20, 30)).astype(numpy.float32)

    def test_accepts_other_roundings(self):
        noise = numpy.random.default_rng(2).normal(size=self.expected.shape) * 1e-5
        self.assertIsNone(measure.difference((self.expected + noise).astype(numpy.float32), self.expected))

    def test_finds_half_precision(self):
        half = self.expected.astype(numpy.float16).astype(numpy.float32)
        self.assertIsNotNone(measure.difference(half, self.expected))
        bits = self.expected.view(numpy.uint32) & 0xFFFF0000
        self.assertIsNotNone(measure.difference(bits.view(numpy.float32), self.expected))

    def test_finds_one_wrong_value(self):
        for value in (float("nan"), 9.0):
            actual = self.expected.copy()
            actual[0, 1, 2, 3] = value
            self.assertIsNotNone(measure.difference(actual, self.expected))

    def test_finds_another_shape(self):
        self.assertIn("shape", measure.difference(self.expected[..., :-1], self.expected))

    def test_leaves_borders_out_only_where_asked(self):
        actual = self.expected.copy()
        actual[..., 0, :] += 1
        actual[..., :, -1] += 1
        self.assertIsNotNone(measure.difference(actual, self.expected))
        self.assertIsNone(measure.difference(actual, self.expected, border=1))


class PairsTest(unittest.TestCase):

    def test_blocks_are_abba_or_baab(self):
        calls = []
        effort = measure.Effort(seconds=10, most=16, patience=100)
        ours, theirs = measure.pairs(lambda: calls.append("a"), lambda: calls.append("b"), (1, 1), effort,
                                     random.Random(1))
        self.assertEqual((len(ours), len(theirs)), (16, 16))
        text = "".join(calls)
        blocks = {text[i:i + 4] for i in range(0, len(text), 4)}
        self.assertEqual(blocks, {"abba", "baab"})

    def test_stops_at_the_budget_but_not_before_the_least(self):
        effort = measure.Effort(seconds=0, least=4, most=20, patience=3)
        for expected, count in (((0.3, 0.4), 4), ((0.3, 0.5), 2)):
            ours, _ = measure.pairs(lambda: None, lambda: None, expected, effort, random.Random(1))
            self.assertEqual(len(ours), count)

    def test_short_runs_are_repeated_within_a_sample(self):
        calls = []
        effort = measure.Effort(seconds=0, least=2, sample=1.0)
        measure.pairs(lambda: calls.append("a"), lambda: calls.append("b"), (0.1, 0.5), effort, random.Random(1))
        self.assertEqual((calls.count("a"), calls.count("b")), (20, 4))


class RatioTest(unittest.TestCase):

    def test_interval_holds_the_ratio_and_drift_does_not_move_it(self):
        rng = numpy.random.default_rng(3)
        drift = numpy.linspace(1, 3, 20)
        ours = drift * rng.lognormal(0, 0.02, 20)
        theirs = 1.5 * drift * rng.lognormal(0, 0.02, 20)
        ratio = measure.ratio_of(list(ours), list(theirs))
        self.assertLess(ratio.low, 1.5)
        self.assertGreater(ratio.high, 1.5)
        self.assertLess(ratio.high - ratio.low, 0.1)

    def test_interval_covers_as_often_as_it_says(self):
        rng = numpy.random.default_rng(4)

        def bursts(count):
            return numpy.exp(rng.normal(0, 0.02, count) + (rng.random(count) < 0.15) * rng.exponential(0.2, count))

        for distribution in (lambda count: rng.lognormal(0, 0.1, count), bursts):
            for count in (2, 4, 6, 20):
                covered = 0
                for _ in range(400):
                    ratio = measure.ratio_of(distribution(count), distribution(count))
                    covered += ratio.low <= 1 <= ratio.high
                with self.subTest(count=count):
                    self.assertGreaterEqual(covered, 0.925 * 400)


if __name__ == "__main__":
    unittest.main()
