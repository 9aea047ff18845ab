"""The gate: what it makes of counts, what it accepts, and that its files say what is wrong with them."""

import argparse
import contextlib
import io
import os
import pathlib
import re
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import counting  # noqa: E402
import gate  # noqa: E402
import revisions  # noqa: E402
import state  # noqa: E402

CONV = counting.Row("conv_transpose2d/unet.up1/nchwc16", "avx2")
RESIZE = counting.Row("resize/yolov3.up1/nchw", "sse4")
SHUFFLE = counting.Row("pixel_shuffle/espcn.x3.ps/nchw", "avx2")
PARTS = {"shared": b"1", "convolution": b"2", "resize": b"3", "shuffle": b"4", "pool": b"5"}
CODE = counting.with_shared(PARTS)
BASELINE = gate.Baseline("GCC 12.2.0", CODE, {CONV: 100_000, RESIZE: 2000, SHUFFLE: 300})


def in_every_case(counts):
    """Of rows, with the counts in all layouts with all instruction sets."""
    return {counting.Row(f"{row.name.rpartition('/')[0]}/{layout}", isa): count for row, count in counts.items()
            for layout, isa in gate.CASES}


def judge(counts, accepted=(), baseline=BASELINE, rows=None):
    """Results by row, of instructions without heap calls."""
    counted = {row: counting.Count(count, 0) for row, count in counts.items()}
    results = gate.judge(baseline, CODE, rows or counts, counted, accepted, 0.01)
    return {result.row: result for result in results}


class Judge(unittest.TestCase):
    def test_the_threshold(self):
        for count, status in ((100_000, "SAME"), (100_990, "SAME"), (101_010, "MORE"), (99_010, "SAME"),
                              (98_990, "FEWER")):
            with self.subTest(count):
                result = judge({CONV: count})[CONV]
                self.assertEqual(result.status, status)
                self.assertEqual(result.fails, status == "MORE")
        self.assertAlmostEqual(judge({CONV: 102_500})[CONV].change, 0.025)

    def test_a_heap_call_fails_whatever_the_count(self):
        for count in (90_000, 100_000):
            [result] = gate.judge(BASELINE, CODE, [CONV], {CONV: counting.Count(count, 1)}, [], 0.01)
            self.assertTrue(result.fails)

    def test_a_row_without_baseline_fails(self):
        new = counting.Row("resize/new/nchw", "avx2")
        result = judge({new: 5})[new]
        self.assertEqual((result.status, result.fails, result.baseline), ("NEW", True, None))

    def test_what_is_not_counted_is_unchanged(self):
        results = judge({CONV: 100_000}, rows=[CONV, RESIZE])
        self.assertEqual(results[RESIZE].status, "UNCHANGED")
        self.assertEqual(results[RESIZE].count, 2000)

    def test_accepted(self):
        def allow(row, isa, change):
            return gate.Allowance(3, re.compile(row), isa, change, "exact rounding")

        for allowance, status in ((allow("unet", "avx2", 0.03), "ACCEPTED"), (allow("unet", "*", 0.0201), "ACCEPTED"),
                                  (allow("unet", "sse4", 0.03), "MORE"), (allow("unet", "*", 0.0199), "MORE"),
                                  (allow("^resize", "*", 0.03), "MORE")):
            with self.subTest(allowance):
                result = judge({CONV: 102_000}, [allowance])[CONV]
                self.assertEqual(result.status, status)
                self.assertEqual(result.allowance, allowance if status == "ACCEPTED" else None)


class Code(unittest.TestCase):
    def test_rows_depend_on_their_family_and_on_what_is_shared(self):
        def unchanged(**changed):
            code = counting.with_shared({**PARTS, **changed})
            return [row for row in BASELINE.counts if BASELINE.is_unchanged(row, code)]

        self.assertEqual(unchanged(), [CONV, RESIZE, SHUFFLE])
        self.assertEqual(unchanged(convolution=b"x"), [RESIZE, SHUFFLE])
        self.assertEqual(unchanged(resize=b"x", pool=b"x"), [CONV, SHUFFLE])
        self.assertEqual(unchanged(shared=b"x"), [])
        self.assertFalse(BASELINE.is_unchanged(counting.Row("resize/new/nchw", "avx2"), CODE))

    def test_every_op_of_the_table_has_a_family(self):
        rows = counting.all_rows()
        self.assertGreater(len(rows), 400)
        self.assertEqual({row.family for row in rows}, set(counting.FAMILIES))
        self.assertEqual(counting.Row("conv_pixel_shuffle/x/nchw", "avx2").family, "convolution")

    def test_files_of_families_exist_and_others_are_shared(self):
        for family, (_, files) in counting.FAMILIES.items():
            for file in files:
                self.assertTrue((state.checkout() / "src" / f"{file}.cc").is_file(), file)
                self.assertEqual(counting.family_of(pathlib.PurePath(f"{file}.cc.o")), family)
        self.assertEqual(counting.family_of(pathlib.PurePath("kernels/panel.cc.o")), counting.SHARED)
        self.assertEqual(counting.family_of(pathlib.PurePath("kernels/not_yet_written.cc.o")), counting.SHARED)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "file.tsv"

    def error(self, read, text):
        self.path.write_text(text, encoding="utf-8")
        with self.assertRaises(gate.GateError) as raised:
            read(self.path)
        return str(raised.exception)

    def test_a_baseline_is_read_as_it_was_written(self):
        folder = self.path.parent / "instructions"
        code = {family: CODE[family] for family in ("convolution", "resize", "shuffle")}
        baseline = gate.Baseline("GCC 12.2.0", code, in_every_case(BASELINE.counts))
        gate.write_baseline(folder, baseline)
        self.assertEqual(gate.read_baseline(folder), baseline)
        self.assertEqual({path.stem for path in folder.iterdir()}, code.keys())
        resize = (folder / "resize.tsv").read_text(encoding="utf-8")

        counts = in_every_case({CONV: 90_000, RESIZE: 2000, counting.Row("conv_pixel_shuffle/a/nchw", "avx2"): 7})
        del code["shuffle"]
        gate.write_baseline(folder, gate.Baseline("GCC 12.2.0", code, counts))
        self.assertEqual((folder / "resize.tsv").read_text(encoding="utf-8"), resize)
        self.assertEqual({path.stem for path in folder.iterdir()}, code.keys())
        lines = (folder / "convolution.tsv").read_text(encoding="utf-8").splitlines()
        self.assertEqual([line.split("\t")[:2] for line in lines[4:]],
                         [["conv_pixel_shuffle/a", "7"], ["conv_transpose2d/unet.up1", "90000"]])

    def test_errors_of_a_baseline(self):
        folder = self.path.parent
        head = f"# environment: GCC\n# code: 1\n{gate.COLUMNS}\n"
        for text, words in ((head + "a/b\t1\t2\t3\n", (":4:", "4 numbers of instructions")),
                            (head + "a/b\t1\t2\t0\t4\n", (":4:", "4 numbers of instructions")),
                            (head + "a/b\t1\t2\t3\t4\n" * 2, (":5:", "twice")),
                            ("# environment: GCC\nrow\n", (":2:", gate.COLUMNS)),
                            (f"{gate.COLUMNS}\n", ("environment",)), ("", ("no rows",))):
            with self.subTest(text):
                message = self.error(lambda path: gate.read_baseline(path.parent), text)
                for word in (*words, "--update"):
                    self.assertIn(word, message)
        (folder / "other.tsv").write_text(head.replace("GCC", "Clang"), encoding="utf-8")
        self.assertIn("several environments", self.error(lambda path: gate.read_baseline(path.parent), head))
        for path in folder.iterdir():
            path.unlink()
        with self.assertRaisesRegex(gate.GateError, "no files"):
            gate.read_baseline(folder)

    def test_accepted(self):
        self.path.write_text("# why\n\n^resize/\t*\t+2.5%\texact rounding\nunet\tsse4\t3 %\twider sums\n",
                             encoding="utf-8")
        first, second = gate.read_accepted(self.path)
        self.assertEqual((first.line, first.isa, first.change, first.reason), (3, "*", 0.025, "exact rounding"))
        self.assertTrue(first.covers(RESIZE, 0.02))
        self.assertFalse(first.covers(CONV, 0.02))
        self.assertEqual((second.line, second.isa, second.change), (4, "sse4", 0.03))

    def test_errors_of_accepted(self):
        for line, words in (("unet\tavx2\t2%", "3 columns, must be 4"), ("unet avx2 2% why", "1 columns, must be 4"),
                            ("(\tavx2\t2%\twhy", "row '(' must be a regular expression"),
                            ("unet\tavx3\t2%\twhy", "isa 'avx3' must be avx2, sse4 or *"),
                            ("unet\tavx2\t0.02\twhy", "change '0.02' must be"),
                            ("unet\tavx2\t-2%\twhy", "change '-2%' must be"),
                            ("unet\tavx2\t2%\t ", "reason must say why")):
            with self.subTest(line):
                message = self.error(gate.read_accepted, f"# a comment\n{line}\n")
                self.assertIn(f"{self.path}:2: ", message)
                self.assertIn(words, message)

    def test_a_dump_of_callgrind(self):
        self.path.write_text("# callgrind format\npart: 1\ndesc: Trigger: Client Request: unet.up1 nchw\nevents: Ir\n"
                             "summary: 12\nfn=(1) main\n0 12\ntotals: 12\n", encoding="utf-8")
        self.assertEqual(counting.read_dump(self.path), ("unet.up1 nchw", 12))


class Command(unittest.TestCase):
    """The command on a build and counts that are made up."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.baseline = self.folder / "instructions"
        self.accepted = self.folder / "accepted.tsv"
        self.accepted.write_text("", encoding="utf-8")
        gate.write_baseline(self.baseline, gate.Baseline("GCC 12.2.0", CODE, {row: 1000 for row in self.rows()}))
        self.counts = {row: counting.Count(1000, 0) for row in self.rows()}
        self.code = dict(CODE)
        build = mock.Mock()
        build.return_value.environment.return_value = "GCC 12.2.0"
        build.return_value.code = lambda: self.code
        for patch in (mock.patch.dict(os.environ, XDG_STATE_HOME=folder.name), mock.patch.object(gate, "Build", build),
                      mock.patch.object(gate, "count", self.count), mock.patch.object(gate.shutil, "which"),
                      mock.patch.object(revisions, "sources", lambda revision: "0123abcd"),
                      mock.patch.object(counting, "all_rows", self.rows)):
            patch.start()
            self.addCleanup(patch.stop)
        self.build = build
        self.counted = []

    @staticmethod
    def rows():
        return [counting.Row(f"{name}/{layout}", isa) for name in ("resize/a", "max_unpool/b")
                for layout in counting.LAYOUTS for isa in counting.ISAS]

    def change(self, part):
        self.code = counting.with_shared({**PARTS, part: b"changed"})

    def count(self, build, rows, jobs, keep, valgrind, done):
        self.counted, self.valgrind = list(rows), valgrind
        return {row: self.counts[row] for row in rows}

    def run_command(self, *words):
        """Exit code and all output."""
        parser = argparse.ArgumentParser()
        gate.add_arguments(parser)
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            files = ["--baseline", str(self.baseline), "--accepted", str(self.accepted)]
            code = gate.main(parser.parse_args([*files, *words]))
        return code, out.getvalue()

    def test_unchanged_code_is_not_counted(self):
        code, text = self.run_command()
        self.assertEqual((code, self.counted), (0, []))
        self.assertIn("8 rows: 8 UNCHANGED", text)
        self.run_command("--all")
        self.assertEqual(len(self.counted), 8)

    def test_changed_code_is_counted_and_more_fails(self):
        self.change("resize")
        slow = counting.Row("resize/a/nchw", "sse4")
        self.counts[slow] = counting.Count(1023, 0)
        code, text = self.run_command()
        self.assertEqual(code, 1)
        self.assertEqual({row.name.partition("/")[0] for row in self.counted}, {"resize"})
        self.assertRegex(text, r"MORE +resize/a/nchw +sse4 +1,000 -> +1,023 +\+2\.30%")
        self.assertIn("--update", text)
        self.assertIn("accepted.tsv", text)
        stored = state.read_json(state.gate_path("0123abcd"))
        self.assertEqual({row["status"] for row in stored["rows"]}, {"MORE", "SAME", "UNCHANGED"})
        [row] = [row for row in stored["rows"] if row["status"] == "MORE"]
        self.assertEqual((row["name"], row["isa"], row["baseline"], row["count"]), (slow.name, "sse4", 1000, 1023))

        self.assertEqual(self.run_command("--threshold", "3")[0], 0)
        self.accepted.write_text("^resize/a/\tsse4\t2.5%\tthe border is exact\n^max_unpool\t*\t2%\told\n",
                                 encoding="utf-8")
        code, text = self.run_command()
        self.assertEqual(code, 0)
        self.assertIn("accepted.tsv:1: the border is exact", text)
        self.assertIn("accepted.tsv:2 is not needed", text)

    def test_update(self):
        self.change("shared")
        slow = counting.Row("resize/a/nchw", "sse4")
        moved = counting.Row("resize/a/nchw", "avx2")
        self.counts[slow], self.counts[moved] = counting.Count(100_050, 0), counting.Count(100_003, 0)
        gate.write_baseline(self.baseline, gate.Baseline("GCC 12.2.0", CODE, {row: 100_000 for row in self.rows()}))
        self.assertEqual(self.run_command("--update")[0], 0)
        counts = gate.read_baseline(self.baseline).counts
        self.assertEqual((counts[slow], counts[moved]), (100_050, 100_000))
        self.assertEqual(self.run_command()[0], 0)

    def test_update_writes_what_cannot_be_read(self):
        (self.baseline / "pool.tsv").write_text("<<<<<<<\n", encoding="utf-8")
        self.assertEqual(self.run_command()[0], 2)
        self.assertEqual(self.run_command("--update")[0], 0)
        self.assertEqual(self.run_command()[0], 0)

    def test_heap_calls_fail_and_are_no_baseline(self):
        self.change("pool")
        self.counts[counting.Row("max_unpool/b/nchw", "avx2")] = counting.Count(1000, 2)
        code, text = self.run_command()
        self.assertEqual(code, 1)
        self.assertRegex(text, r"HEAP +max_unpool/b/nchw .* 2 heap calls")
        before = gate.read_baseline(self.baseline)
        self.assertEqual(self.run_command("--update")[0], 1)
        self.assertEqual(gate.read_baseline(self.baseline), before)

    def test_fewer_is_said(self):
        self.change("pool")
        self.counts[counting.Row("max_unpool/b/nchw", "avx2")] = counting.Count(900, 0)
        code, text = self.run_command()
        self.assertEqual(code, 0)
        self.assertRegex(text, r"FEWER +max_unpool/b/nchw")
        self.assertIn("became faster", text)

    def test_with_another_compiler_only_heap_calls_are_looked_at_but_for_an_update(self):
        self.build.return_value.environment.return_value = "Clang 17.0.0"
        self.counts = {row: counting.Count(None, 0) for row in self.rows()}
        code, text = self.run_command()
        self.assertEqual((code, self.counted, self.valgrind), (0, self.rows(), False))
        self.assertRegex(text, r"NOT COMPARED: instructions, since .*GCC 12\.2\.0; this build is Clang 17\.0\.0")
        self.assertIn("8 rows: 0 of them call the heap", text)
        self.assertFalse(state.gate_path("0123abcd").exists())
        self.counts[counting.Row("resize/a/nchw", "sse4")] = counting.Count(None, 3)
        code, text = self.run_command()
        self.assertEqual(code, 1)
        self.assertRegex(text, r"HEAP +resize/a/nchw +sse4  3 heap calls")
        code, text = self.run_command("--keep", "x")
        self.assertEqual(code, 2)
        self.assertIn("--keep", text)
        self.counts = {row: counting.Count(1000, 0) for row in self.rows()}
        self.assertEqual(self.run_command("--update")[0], 0)
        self.assertTrue(self.valgrind)
        self.assertEqual(gate.read_baseline(self.baseline).environment, "Clang 17.0.0")

    def test_wrong_options(self):
        for words, message in ((("--update", "--rows", "a"), "--rows must not be given"),
                               (("--rows", "zzz"), "'zzz' matches no row")):
            code, text = self.run_command(*words)
            self.assertEqual(code, 2)
            self.assertIn(message, text)
        for words in (("--threshold", "-1"), ("--threshold", "x"), ("--jobs", "0"), ("--rows", "(")):
            with self.assertRaises(SystemExit) as left, contextlib.redirect_stderr(io.StringIO()):
                self.run_command(*words)
            self.assertEqual(left.exception.code, 2)


class Build(unittest.TestCase):
    def test_a_folder_that_is_no_build(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            with self.assertRaisesRegex(counting.Error, "cmake --preset"):
                counting.Build(folder)
            (folder / "CMakeCache.txt").write_text("CMAKE_BUILD_TYPE:STRING=Debug\n", encoding="utf-8")
            with self.assertRaisesRegex(counting.Error, "must be of type Release"):
                counting.Build(folder)


if __name__ == "__main__":
    unittest.main()
