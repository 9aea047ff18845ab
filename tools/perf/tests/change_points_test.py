"""Change points on series whose steps are known."""

import pathlib
import sys
import unittest

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import change_points  # noqa: E402


def series(levels, noise=0.007, seed=1):
    """Times with a relative noise; `levels` is a list of (number of values, level)."""
    random = numpy.random.default_rng(seed)
    level = numpy.concatenate([numpy.full(count, value) for count, value in levels])
    return level * numpy.exp(noise * random.standard_normal(len(level)))


def indices(values, **options):
    return [point.index for point in change_points.change_points(values, **options)]


class ChangePoints(unittest.TestCase):
    def test_one_step_at_its_place(self):
        for seed in range(20):
            with self.subTest(seed=seed):
                [point] = change_points.change_points(series([(12, 2.0), (12, 2.06)], noise=0.004, seed=seed))
                self.assertAlmostEqual(point.index, 12, delta=1)
                self.assertAlmostEqual(point.ratio, 1.03, delta=0.007)
                self.assertAlmostEqual(point.before, 2.0, delta=0.01)
                self.assertLess(point.p, 0.01)

    def test_steps_down_as_well(self):
        [point] = change_points.change_points(series([(10, 1.0), (10, 0.8)]))
        self.assertEqual(point.index, 10)
        self.assertAlmostEqual(point.ratio, 0.8, delta=0.01)

    def test_noise_gives_none(self):
        # 1 % of the series at most is the rule; 6 of 300 would be a chance of 3 in a hundred, and the seed is fixed.
        for noise in ("standard_normal", "heavy tails"):
            random = numpy.random.default_rng(5)
            false_alarms = 0
            for _ in range(300):
                values = random.standard_normal(30) if noise == "standard_normal" else random.standard_t(3, 30)
                false_alarms += bool(indices(numpy.exp(0.02 * values), smallest_change=0))
            self.assertLess(false_alarms, 9, noise)

    def test_two_steps(self):
        self.assertEqual(indices(series([(10, 1.0), (15, 1.05), (12, 1.1)])), [10, 25])

    def test_a_step_that_is_undone(self):
        self.assertEqual(indices(series([(20, 1.0), (6, 1.06), (20, 1.0)])), [20, 26])

    def test_a_slow_drift_is_a_staircase(self):
        # No step, but all that steps can say of it: several of them, all in the same direction.
        drift = series([(60, 1.0)], noise=0.003) * numpy.linspace(1, 1.2, 60)
        points = change_points.change_points(drift)
        self.assertGreater(len(points), 2)
        self.assertTrue(all(1.01 <= point.ratio < 1.15 for point in points), points)

    def test_one_outlier_is_no_step(self):
        values = series([(30, 1.0)])
        values[17] = 1.5
        self.assertEqual(indices(values), [])
        values[-1] = 1.5
        self.assertEqual(indices(values), [])

    def test_small_steps_are_left_out(self):
        values = series([(40, 1.0), (40, 1.006)], noise=0.001)
        self.assertEqual(indices(values), [])
        self.assertEqual(indices(values, smallest_change=0.004), [40])

    def test_short_and_exact_series(self):
        self.assertEqual(indices([]), [])
        self.assertEqual(indices([1.0]), [])
        self.assertEqual(indices([1, 1, 2, 2]), [])  # too few values to know
        self.assertEqual(indices([1.0] * 10), [])
        self.assertEqual(indices([1.0] * 5 + [1.1] * 5), [5])

    def test_steps_lie_between_labels(self):
        values = series([(7, 1.0), (8, 1.1)])
        labels = ["a"] * 5 + ["b"] * 5 + ["c"] * 5
        self.assertEqual(indices(values), [7])
        self.assertTrue(set(indices(values, labels=labels)) <= {5, 10})
        self.assertEqual(indices(values, labels=["a"] * 15), [])

    def test_the_same_series_gives_the_same_steps(self):
        values = series([(30, 1.0), (30, 1.02)], noise=0.02)
        self.assertEqual(change_points.change_points(values), change_points.change_points(values))

    def test_the_clearest_split_is_that_of_the_definition(self):
        # Q of Matteson and James, (7): mn / (m + n) (2 E|X - Y| - E|X - X'| - E|Y - Y'|), written as it stands there.
        def inside(x):
            pairs = [abs(a - b) for i, a in enumerate(x) for b in x[:i]]
            return sum(pairs) / len(pairs)

        def scaled_distance(x, y):
            between = sum(abs(a - b) for a in x for b in y) / (len(x) * len(y))
            return len(x) * len(y) / (len(x) + len(y)) * (2 * between - inside(x) - inside(y))

        smallest = change_points.SMALLEST_SEGMENT
        for seed in range(20):
            values = numpy.random.default_rng(seed).standard_normal(14)
            definition = max(((step, end) for step in range(smallest, 15) for end in range(step + smallest, 15)),
                             key=lambda split: scaled_distance(values[:split[0]], values[split[0]:split[1]]))
            self.assertEqual(change_points._clearest(values, numpy.ones(15, dtype=bool)), definition)

    def test_levels(self):
        values = [2.0] * 4 + [3.0] * 4
        self.assertEqual([(begin, end, round(level, 9)) for begin, end, level in
                          change_points.levels(values, change_points.change_points(values))],
                         [(0, 4, 2.0), (4, 8, 3.0)])

    def test_bad_values(self):
        for values in ([1.0, 0.0], [1.0, -1.0], [1.0, float("nan")], [[1.0, 2.0]]):
            with self.assertRaisesRegex(ValueError, "positive"):
                change_points.change_points(values)
        with self.assertRaisesRegex(ValueError, "1 labels for 2 values"):
            change_points.change_points([1.0, 2.0], ["a"])


if __name__ == "__main__":
    unittest.main()
