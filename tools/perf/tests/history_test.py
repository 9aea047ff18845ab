"""The history: what it takes from a comparison, in which order it stands, and what its command says."""

import argparse
import concurrent.futures
import contextlib
import io
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import example  # noqa: E402  (finds tools/perf)

import history  # noqa: E402
import state  # noqa: E402

NAME = example.ROWS[0][0]
CLASS = example.MACHINE["class"]


def run_command(*words):
    """Exit code, standard output and standard error of perf history."""
    parser = argparse.ArgumentParser()
    history.add_arguments(parser)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = history.main(parser.parse_args(words))
    return code, out.getvalue(), err.getvalue()


class History(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        patch = mock.patch.dict(os.environ, XDG_STATE_HOME=folder.name)
        patch.start()
        self.addCleanup(patch.stop)

    def test_the_control_takes_the_machine_out(self):
        def row(drifts):
            return {"rounds": [{"launch": launch, "confirmation": False, "base": [2.0 * drift, 2.0 * drift],
                                "head": [3.0 * drift, 3.0 * drift], "control": [0.5 * drift]}
                               for launch, drift in enumerate(drifts)]}

        for drifts in ([1.0, 1.0, 1.0], [1.0, 1.7, 0.8]):
            self.assertAlmostEqual(history.controls(row(drifts), "base"), 4.0)
            self.assertAlmostEqual(history.controls(row(drifts), "head"), 6.0)

    def test_launches_count_once_however_many_rounds_they_have(self):
        rounds = [{"launch": launch, "confirmation": False, "base": [time], "head": [1.0], "control": [1.0]}
                  for launch, time, count in ((0, 1.0, 1), (1, 1.1, 1), (2, 9.0, 20)) for _ in range(count)]
        self.assertAlmostEqual(history.controls({"rounds": rounds}, "base"), 1.1)

    def test_without_rounds_the_medians_serve(self):
        row = {"rounds": [], "base_ms": 3.0, "head_ms": 4.0, "control_ms": 0.5}
        self.assertAlmostEqual(history.controls(row, "head"), 8.0)

    def test_both_sides_are_added_once(self):
        run = example.make_run()
        history.append(run)
        history.append(run)
        records = history.read(CLASS)
        self.assertEqual([record["revision"] for record in records], [run["base"]["revision"], run["head"]["revision"]])
        self.assertEqual(records[1]["machine"], example.MACHINE)
        base, head = history.series(records, NAME)
        self.assertAlmostEqual(math.log(head.controls / base.controls), math.log(1.031), delta=0.006)
        self.assertAlmostEqual(head.milliseconds, 25.3, delta=0.3)

    def test_runs_that_end_together_are_all_added(self):
        runs = [example.make_run(number, number + 1, launches=0) for number in range(0, 16, 2)]
        with concurrent.futures.ProcessPoolExecutor(len(runs)) as pool:
            list(pool.map(history.append, runs))
        self.assertEqual(len(history.read(CLASS)), 2 * len(runs))

    def test_a_working_tree_is_left_out(self):
        run = example.make_run()
        run["head"]["revision"] = "working tree"
        history.append(run)
        self.assertEqual([record["revision"] for record in history.read(CLASS)], [run["base"]["revision"]])

    def test_order_is_that_of_the_commits(self):
        later, earlier = example.make_run(5, 6), example.make_run(3, 4)
        later["base"]["date"] = "2026-11-06T01:30:00+02:00"  # on the 5th, in UTC
        later["head"]["date"] = "2026-11-06T00:30:00+00:00"
        history.append(later)
        history.append(earlier)
        order = [point.revision for point in history.series(history.read(CLASS), NAME)]
        self.assertEqual(order, [example.commit(number) for number in (3, 4, 5, 6)])

    def test_a_comparison_counts_once(self):
        """The base counts where its revision was never a head, and where the head is a working tree."""
        def points():
            return [(point.revision, point.measured[:10]) for point in history.series(history.read(CLASS), NAME)]

        a, b, c = (example.commit(number) for number in (1, 2, 3))
        history.append(example.make_run(1, 2))
        self.assertEqual(points(), [(a, "2026-11-03"), (b, "2026-11-03")])
        history.append(example.make_run(2, 3))
        self.assertEqual(points(), [(a, "2026-11-03"), (b, "2026-11-03"), (c, "2026-11-04")])
        run = example.make_run(2, 8)
        run["head"]["revision"] = "working tree"
        history.append(run)
        self.assertEqual(points(), [(a, "2026-11-03"), (b, "2026-11-03"), (b, "2026-11-09"), (c, "2026-11-04")])

    def test_moods_of_the_machine_are_no_steps(self):
        random = numpy.random.default_rng(1)
        records = []
        for number in range(100):  # of 5 % of 18 such rows, one step may be expected; it is 0.3 of them that are
            mood = {row[0]: numpy.exp(random.normal(0, 0.02)) for row in example.ROWS}
            rows = [(*row[:4], 1.0) for row in example.ROWS]
            records += history.records(example.make_run(number, number + 1, rows, launches=0, level=mood))
        names = history.names(records)
        found = [step for name in names for step in history.steps(name, history.series(records, name), len(names))]
        self.assertEqual(found, [])

    def test_steps_are_found_at_their_revisions(self):
        for run in example.make_history():
            history.append(run)
        records = history.read(CLASS)
        names = history.names(records)
        found = {(step.name, step.point.revision): step.change.ratio for name in names
                 for step in history.steps(name, history.series(records, name), len(names))}
        self.assertEqual(set(found), {(example.ROWS[row][0], example.commit(number))
                                      for row, number in ((0, 20), (7, 17), (9, 18))})
        self.assertAlmostEqual(found[example.ROWS[7][0], example.commit(17)], 0.85, delta=0.01)

    def test_a_broken_line_is_named(self):
        history.append(example.make_run())
        path = state.history_path(CLASS)
        path.write_text(path.read_text() + '{"format": 1, "rev\n')
        with self.assertRaisesRegex(history.HistoryError, r"\.jsonl:3: .*delete it"):
            history.read(CLASS)
        path.write_text('{"format": 9}\n')
        with self.assertRaisesRegex(history.HistoryError, ":1: not of format 1"):
            history.read(CLASS)
        self.assertEqual(run_command()[0], 2)

    def test_command(self):
        self.assertEqual(run_command()[0], 0)
        self.assertIn("no history yet", run_command()[1])
        for run in example.make_history():
            history.append(run)
        code, out, _ = run_command()
        self.assertEqual(code, 0)
        self.assertRegex(out, rf"{example.commit(17)[:8]}.*\n *-1[45]\.\d%  {example.ROWS[7][0]}")
        self.assertIn("3 steps in 18 rows", out)
        code, out, _ = run_command("--rows", "dcgan")
        self.assertEqual(code, 0)
        self.assertRegex(out, rf"-[67]\.\d%.*\n.*{example.commit(20)[:8]} +2\d\.\d+ ms")
        self.assertNotIn("hifigan", out)

    def test_command_adds_a_stored_comparison(self):
        path = state.save_run(example.make_run())
        code, out, _ = run_command("--append", str(path))
        self.assertEqual(code, 0)
        self.assertIn(example.commit(27)[:8], out)

    def test_bad_usage(self):
        history.append(example.make_run())
        state.write_json(state.history_path(CLASS).with_name("list"), [1])
        for words, message in ((("--rows", "("), "no regular expression"), (("--rows", "nothing"), "no row of this"),
                               (("--class", "other"), "there is no history of \"other\""),
                               (("--append", "/nowhere.json"), "does not exist"),
                               (("--append", __file__), "is not JSON"),
                               (("--append", str(state.history_path(CLASS).with_name("list"))), "is no comparison"),
                               (("--measure", "HEAD"), "at least two revisions"),
                               (("--measure", "HEAD", "no-such-revision"), "--measure: ")):
            with self.subTest(words=words):
                code, _, err = run_command(*words)
                self.assertEqual(code, 2)
                self.assertIn(message, err)

    def test_neighbours_are_measured(self):
        def git(*words):
            subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", "-C", folder, *words], check=True,
                           capture_output=True)

        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(state, "checkout", return_value=pathlib.Path(folder)):
            git("init", "-q")
            for subject in "abcd":
                git("commit", "-q", "--allow-empty", "-m", subject)
            four = history._revisions(["HEAD~3..HEAD"])
            self.assertEqual(len(four), 4)
            self.assertEqual(history._revisions(["HEAD~3", "HEAD~1"]), [four[0], four[2]])
            with mock.patch.object(history.subprocess, "run") as called:
                called.return_value.returncode = 1
                history._measure(four, {"--rows": "x", "--minutes": None})
                self.assertEqual([call.args[0][2:] for call in called.call_args_list],
                                 [["compare", base, head, "--rows", "x"] for base, head in zip(four, four[1:])])
                called.return_value.returncode = 3
                with self.assertRaisesRegex(history.HistoryError, "compare ended with 3"):
                    history._measure(four, {})


if __name__ == "__main__":
    unittest.main()
