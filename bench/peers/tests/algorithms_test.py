"""Tests of bench/peers/algorithms.py."""

import pathlib
import tempfile
import unittest

from example import TABLE  # noqa: F401  its folder is on the path
import algorithms
from rows import read_table


class RandomTableTest(unittest.TestCase):

    def read(self, count, seed):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "random.tsv"
            path.write_text(algorithms.random_table(count, seed), encoding="utf-8")
            return read_table(path)

    def test_is_a_table_of_all_ops(self):
        rows = self.read(200, 3)
        self.assertEqual(len(rows), 200)
        self.assertEqual(len({row.id for row in rows}), 200)
        self.assertEqual({row.op for row in rows}, {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
                                                    "nearest_conv3x3", "conv_pixel_shuffle"})
        for row in rows:
            self.assertTrue(all(size > 0 for size in row.output_shape), row)
            self.assertEqual(row.c_in % row.groups, 0, row)
            self.assertEqual(row.c_out % row.groups, 0, row)
        self.assertTrue(any(row.groups > 1 for row in rows))
        self.assertTrue(any(row.n > 1 for row in rows))

    def test_a_seed_gives_the_same_layers(self):
        self.assertEqual(self.read(20, 3), self.read(20, 3))
        self.assertNotEqual(self.read(20, 3), self.read(20, 4))


class SummaryTest(unittest.TestCase):

    def result(self, name, **ratios):
        return algorithms.Result(name, "nhwc", "a shape", "subpixel", 1.5, ratios)

    def test_loss_is_against_the_quickest(self):
        self.assertEqual(self.result("a", subpixel=1.0, winograd=2.0).loss, 1.0)
        self.assertEqual(self.result("a", subpixel=1.0, winograd=0.5, planar=0.8).loss, 2.0)

    def test_lists_the_bad_choices_worst_first(self):
        text = algorithms.summary([self.result("good", subpixel=1.0, winograd=0.9),
                                   self.result("bad", subpixel=1.0, winograd=0.8),
                                   self.result("worst", subpixel=1.0, winograd=0.5)])
        lines = text.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertIn("33.3 % of them at most 1.15", lines[0])
        self.assertIn("worst", lines[1])
        self.assertIn("bad", lines[2])

    def test_plans_are_compared_without_their_reasons(self):
        self.assertEqual(algorithms.plan_of("conv_transpose winograd F(3, 2), blocks of 7 tiles (as requested), avx2"),
                         algorithms.plan_of("conv_transpose winograd F(3, 2), blocks of 7 tiles (estimated 3), avx2"))


if __name__ == "__main__":
    unittest.main()
