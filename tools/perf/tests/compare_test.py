"""The schedule, the choice of rows and launches, and whole comparisons of two made-up modules (fake_rows.cc)."""

import argparse
import collections
import contextlib
import io
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import compare  # noqa: E402
import measure  # noqa: E402
import prove  # noqa: E402
import revisions  # noqa: E402
import state  # noqa: E402
import workloads  # noqa: E402

MODULES = os.environ.get("PERF_TEST_MODULES")
TABLE = [("a.up1", "resize"), ("b.up", "conv_transpose2d")]


def parse(*words):
    parser = argparse.ArgumentParser()
    compare.add_arguments(parser)
    return parser.parse_args(words)


class Measure(unittest.TestCase):
    def test_orders_are_balanced_and_random(self):
        blocks = measure.orders(random.Random(1), 100)
        for end in range(2, 101, 2):
            self.assertEqual(collections.Counter(blocks[:end]), {"ABBA": end // 2, "BAAB": end // 2})
        self.assertNotEqual(blocks, measure.orders(random.Random(2), 100))
        self.assertEqual(blocks, measure.orders(random.Random(1), 100))

    def test_rows_by_name(self):
        rows = measure.select_rows(TABLE, "^resize/.*/(nchw|nhwc)/", measure.LAYOUTS, "avx2", 2)
        self.assertEqual([row.name for row in rows], ["resize/a.up1/nchw/avx2/2", "resize/a.up1/nhwc/avx2/2"])
        with self.assertRaisesRegex(measure.Error, "--rows: 'nothing' is found in no name such as resize/a.up1"):
            measure.select_rows(TABLE, "nothing", measure.LAYOUTS, "avx2", 1)
        with self.assertRaisesRegex(measure.Error, "--layouts: no default row is in nchwc4"):
            measure.select_rows(workloads.read(), None, ["nchwc4"], "avx2", 1)

    def test_default_rows_are_in_the_table_and_cover_its_ops(self):
        table = workloads.read()
        rows = measure.select_rows(table, None, measure.LAYOUTS, "avx2", 1)
        self.assertEqual({row.op for row in rows}, {op for _, op in table})

    def test_a_launch_at_another_speed_is_dropped_and_repeated(self):
        row = measure.Row("resize", "a", "nchw", "avx2", 1)
        facts = {row: measure.Facts(1e-3, 1e6, 1e3, "", "")}
        controls = iter([1.0, 1.01, 1.5, 0.99, 1.0, 1.02, 9.0])
        one = lambda: measure.Launch({row: [measure.Round([1], [1], [next(controls)])]})
        result = measure.measure(one, facts, 5, 0.1)
        self.assertEqual((len(result.launches), result.dropped), (5, 1))
        self.assertNotIn(1.5, [launch.rounds[row][0].control[0] for launch in result.launches])

    def test_it_gives_up(self):
        row = measure.Row("resize", "a", "nchw", "avx2", 1)
        facts = {row: measure.Facts(1e-3, 1e6, 1e3, "", "")}
        time = iter(range(1, 100))
        one = lambda: measure.Launch({row: [measure.Round([1], [1], [2.0 ** next(time)])]})
        result = measure.measure(one, facts, 5, 0.1)
        self.assertEqual(len(result.launches) + result.dropped, 8)
        self.assertLess(len(result.launches), 5)


class Options(unittest.TestCase):
    def test_bad_usage(self):
        for words in (["a", "b", "--layouts", "nchw,x"], ["a", "--minutes", "-1"], ["a", "--threads", "1.5"],
                      ["a", "--rows", "("], []):
            with self.subTest(words), contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as stop:
                parse(*words)
            self.assertEqual(stop.exception.code, 2)

    def test_unknown_revision(self):
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            self.assertEqual(compare.main(parse("no-such-revision")), compare.EXIT_USAGE)
        self.assertIn("'no-such-revision' is no revision", errors.getvalue())


class Sources(unittest.TestCase):
    def test_they_are_told_apart_by_what_is_in_them(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(state, "checkout", return_value=folder))
        self.assertIsNone(revisions.sources(revisions.WORKING_TREE))

        def write(file, text):
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
            return revisions.sources(revisions.WORKING_TREE)

        def commit():
            revisions.git("add", "--all")
            revisions.git("-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "subject")
            return revisions.sources("HEAD")

        revisions.git("init", "-q")
        for file in ("src/a", "include/a", "third_party/a", "README"):
            write(file, "a")
        first = commit()
        self.assertEqual(revisions.sources(revisions.WORKING_TREE), first)
        self.assertEqual(write("README", "b"), first)
        changed, new = write("src/a", "b"), write("src/new", "")
        self.assertEqual(len({first, changed, new}), 3)
        self.assertEqual(revisions.sources("HEAD"), first)
        self.assertEqual(commit(), new)
        self.assertEqual(revisions.find(".").sources, revisions.find("HEAD").sources)
        self.assertIsNone(revisions.sources("no-such-revision"))


@unittest.skipUnless(MODULES, "PERF_TEST_MODULES names no folder with the runner and the modules")
class Whole(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        top = pathlib.Path(folder.name)
        self.enterContext(mock.patch.dict(os.environ, {"XDG_STATE_HOME": str(top / "state")}))
        self.enterContext(contextlib.redirect_stderr(io.StringIO()))
        self.enterContext(contextlib.redirect_stdout(io.StringIO()))
        for side in ("base", "head"):
            (top / side).mkdir()
            shutil.copy(pathlib.Path(MODULES) / f"fake_{side}.so", top / side / "rows.so")
            shutil.copy(pathlib.Path(MODULES) / "runner", top / side / "runner")
            (top / side / "build.json").write_text('{"compiler": "c", "flags": "f", "libraries": {}}')
        self.builds = [revisions.Build(top / side) for side in ("base", "head")]
        self.revisions = [revisions.Revision(digit, 40 * digit, digit, "2026-01-01T00:00:00Z") for digit in "ab"]

    def run_on(self, rows, *more):
        arguments = parse("a", "b", "--rows", rows, "--layouts", "nchw", "--launches", "5", "--minutes", "0.02",
                          "--max-control", "100", "--max-steal", "100", *more)
        run = compare.compare(*self.revisions, *self.builds, arguments)
        json.dumps(run, allow_nan=False)
        return run

    def test_verdicts(self):
        run = self.run_on("fpn.p5p4|hrnet.fuse.x[28]/|raft.convex", "--equal", "10")
        rows = {row["name"].split("/")[1]: row for row in run["rows"]}
        self.assertEqual(rows["fpn.p5p4"]["verdict"], "SLOWER")
        self.assertTrue(rows["fpn.p5p4"]["confirmed"])
        self.assertAlmostEqual(rows["fpn.p5p4"]["ratio"], 2, delta=0.1)
        self.assertEqual(rows["hrnet.fuse.x8"]["verdict"], "FASTER")
        self.assertEqual(rows["hrnet.fuse.x2"]["verdict"], "EQUAL")
        self.assertIn("/avx2/1", rows["fpn.p5p4"]["name"])
        self.assertEqual(run["verdict"], "SLOWER")
        self.assertEqual(len(run["failed"]), 1)
        self.assertIn("SLOWER", compare.table(run).splitlines()[1])

    def test_confirming_keeps_to_the_minutes_however_many_rows_changed(self):
        seconds = []
        launch = measure.launch

        def watched(base, head, facts, time, *others):
            seconds.append(time * len(facts))
            return launch(base, head, facts, time, *others)

        with mock.patch.object(measure, "launch", watched):
            self.run_on("fpn.p5p4|hrnet.fuse.x8/", "--minutes", "0.05")
        self.assertEqual(len(seconds), 10)
        self.assertLess(sum(seconds), 3)
        self.assertLess(sum(seconds[5:]), 0.3 * sum(seconds[:5]))

    def test_rows_that_fail_in_the_head_are_a_regression(self):
        for row, text in (("espcn.x3.ps", "head: "), ("yolov5.focus", "outputs differ"),
                          ("rife46.b3.ps", "differ by nan"), ("srvgg.x4.ps", "signal 6")):
            with self.subTest(row):
                run = self.run_on(f"{row}|hrnet.fuse.x2", "--equal", "10")
                self.assertIn(text, run["failed"][0]["error"])
                self.assertEqual(run["verdict"], "SLOWER")

    def test_rows_that_the_base_lacks_are_none(self):
        self.assertEqual(self.run_on("raft.convex|hrnet.fuse.x2", "--equal", "10")["verdict"], "EQUAL")
        with self.assertRaisesRegex(measure.Error, "no row runs"):
            self.run_on("raft.convex")

    def test_a_machine_that_is_unfit(self):
        with self.assertRaisesRegex(compare.Unfit, "control kernel"):
            self.run_on("hrnet.fuse.x2", "--max-control", "1e-6")


class Prove(unittest.TestCase):
    def test_what_counts_as_caught(self):
        def run(slowed, other):
            return {"started": "t", "head": {"revision": "r"}, "machine": {"class": "m", "steal": 0}, "launches": 5,
                    "dropped_launches": 0, "failed": [], "seconds": 1, "rows": [
                        {"op": op, "name": op, "verdict": verdict, "ratio": 1.03, "low": 1.02, "high": 1.04,
                         "base_ms": 1, "head_ms": 1, "roofline_fraction": 1}
                        for op, verdict in ((prove.SLOWED_OP, slowed), ("resize", other))]}
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertTrue(prove.of_slowdown(run("SLOWER", "EQUAL"))["caught"])
            self.assertFalse(prove.of_slowdown(run("UNRESOLVED", "EQUAL"))["caught"])
            self.assertEqual(prove.of_slowdown(run("SLOWER", "FASTER"))["alarms"], 1)
            self.assertEqual(prove.of_identical(run("SLOWER", "EQUAL"))["alarms"], 1)


if __name__ == "__main__":
    unittest.main()
