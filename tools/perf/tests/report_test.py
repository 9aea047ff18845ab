"""The report: what stands in it and in which order, that nothing in it can break out of its place, and its geometry."""

import argparse
import contextlib
import html.parser
import io
import json
import os
import pathlib
import re
import shlex
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import example  # noqa: E402  (finds tools/perf)

import charts  # noqa: E402
import compare  # noqa: E402
import history  # noqa: E402
import report  # noqa: E402
import rivals  # noqa: E402
import state  # noqa: E402

EVIL = "<script>alert('\"&amp;</script>"


class Page(html.parser.HTMLParser):
    """The text of a page, the attributes of its elements; its elements must be closed in order."""

    VOID = {"meta", "input", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.elements = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def words(self):
        """The text, with a blank between the texts of two elements."""
        return " ".join(" ".join(self.text).split())


def records(runs):
    return [record for run in runs for record in history.records(run)]


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.run_ = example.make_head()
        cls.gate = example.make_gate()
        cls.records = records([*example.make_history(), cls.run_])
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "peers.jsonl"
            example.make_peers(path)
            cls.peers = rivals.read(path)
        cls.html = report.render(cls.run_, cls.records, cls.gate, example.make_proof(), cls.peers)
        cls.page = Page(cls.html)

    def test_changed_rows_come_first(self):
        rows = [attributes for attributes in self.page.all("tr") if attributes.get("class") == "row"]
        self.assertEqual(len(rows), len(example.ROWS))
        verdicts = [row["data-verdict"] for row in rows]
        self.assertEqual(verdicts, sorted(verdicts, key=report.ORDER.index))
        self.assertEqual([row["data-text"].split("/")[1] for row in rows][:5],
                         ["hifigan.up1", "dcgan.g3", "segnet.d1", "sdxl.up3", "unet3d.up2"])

    def test_what_the_second_measurement_denies_is_marked(self):
        words = self.page.words()
        self.assertTrue("unresolved*" in words)
        self.assertTrue("* changed in the first measurement, not in the second." in words)

    def test_contents(self):
        words = self.page.words()
        for text in ("2 slower", "3 faster", "1 unresolved", "12 equal", "+3.1 %", "\N{MINUS SIGN}28.0 %",
                     "Identical code: 0 alarms over 30 rows", "+3.0 % injected into conv_transpose1d: caught",
                     "in 4 of 4 rows, measured as +3.1 %", "0 alarms in the other 26",
                     "Strips of 768 KiB: fewer passes", "Base afd9d690", "avx2 +3.40 %",
                     "204 % 366 GFLOP/s", "12.9 GB/s", "raft.convex", "not available: has no such op", "GNU 12.2.0",
                     "oneDNN"):
            self.assertTrue(text in words, text)

    def test_steps_are_drawn(self):
        steps = [attributes for attributes in self.page.all("line") if attributes.get("class") == "step"]
        self.assertEqual(len(steps), 6)  # three, in the table and in the charts

    def test_missing_parts_say_what_makes_them(self):
        page = Page(report.render(self.run_))
        for command in ("tools/perf/perf gate", "tools/perf/perf prove", "tools/compare_peers",
                        "tools/perf/perf history --measure"):
            self.assertTrue(command in page.words(), command)
        self.assertFalse("Instructions" in page.words())

    def test_counts_off_the_baseline(self):
        words = self.page.words()
        self.assertTrue("4 of 36 counts, of all rows of the workload table, are not those of the baseline" in words)
        gate = example.make_gate()
        gate["rows"] = [{**row, "status": "SAME", "change": 0.0} for row in gate["rows"]]
        page = Page(report.render(self.run_, gate=gate))
        self.assertTrue("All 36 counts are those of the baseline" in page.words())
        gate["rows"][3] = {**gate["rows"][3], "name": "resize/of.another.row/nchw", "heap_calls": 2}
        words = Page(report.render(self.run_, gate=gate)).words()
        self.assertTrue("1 of 36 counts" in words and "resize/of.another.row/nchw" in words)

    def test_half_a_proof_asks_for_the_other(self):
        proof = example.make_proof()
        del proof["slowdown"]
        words = Page(report.render(self.run_, proof=proof)).words()
        self.assertTrue("0 alarms" in words and "tools/perf/perf prove" in words)

    def test_a_missed_slowdown_and_alarms_are_said(self):
        proof = example.make_proof()
        proof["slowdown"]["caught"], proof["identical"]["alarms"] = False, 1
        words = Page(report.render(self.run_, proof=proof)).words()
        self.assertTrue("missed" in words and "1 alarm over" in words and "on another machine" not in words)
        proof["identical"]["machine"] = "another"
        self.assertTrue("on another machine" in Page(report.render(self.run_, proof=proof)).words())

    def test_what_was_not_resolved_is_not_called_equal(self):
        for verdict, text in (("EQUAL", "EQUAL"), ("UNRESOLVED", "NO CHANGE SEEN")):
            run = example.make_run(rows=[(*row[:4], 1.0) for row in example.ROWS[:3]])
            for row in run["rows"]:
                row["verdict"] = "EQUAL"
            run["rows"][1]["verdict"] = verdict
            page = Page(report.render(run))
            self.assertTrue(text in page.words(), text)
            self.assertEqual("more time resolves more" in page.words(), verdict == "UNRESOLVED")

    def test_rows_that_fail_are_said(self):
        run = {**self.run_, "failed": [{"name": "resize/gone", "error": "head: " + EVIL}]}
        self.assertTrue("Does not run: resize/gone head: " + EVIL in Page(report.render(run)).words())

    def test_nothing_breaks_out_of_its_place(self):
        run = json.loads(json.dumps(example.make_head()).replace("dcgan.g3", "dcgan.MARK"))
        run["head"]["subject"] = run["machine"]["cpu"] = run["command"] = EVIL
        run["machine"]["libraries"] = {EVIL: EVIL}
        for row in run["rows"]:
            row["name"] = row["name"].replace("MARK", EVIL)
            row["algorithm"] = EVIL
        past = [{**record, "subject": EVIL} for record in records([*example.make_history(), run])]
        proof = example.make_proof()
        proof["slowdown"]["kernel"] = EVIL
        peers = rivals.Rivals({**self.peers.header, "command": EVIL}, ["f"], [EVIL, *self.peers.peers[1:]],
                              {EVIL: EVIL}, {EVIL: EVIL}, self.peers.rows, self.peers.families, 10)
        text = report.render(run, past, self.gate, proof, peers)
        self.assertFalse("<script>alert" in text)
        page = Page(text)
        self.assertEqual(len(page.all("script")), 1)
        self.assertTrue(EVIL in page.words())
        self.assertTrue(any(EVIL in row.get("data-text", "") for row in page.all("tr")))

    def test_no_request_leaves_the_page(self):
        for tag, attributes in self.page.elements:
            self.assertFalse({"src", "href", "srcset", "action", "data", "poster"} & set(attributes), (tag, attributes))
            self.assertNotIn(tag, ("link", "img", "iframe", "object", "base"))
        for word in ("url(", "@import", "http:", "https:", "fetch(", "XMLHttpRequest"):
            self.assertFalse(word in self.html, word)

    def test_a_page_without_rows_of_one_kind(self):
        for wanted in (lambda row: row[1] == 0, lambda row: row[1] > 0, lambda row: row[0].startswith("max")):
            rows = [row for row in example.ROWS if wanted(row)]
            Page(report.render(example.make_run(rows=rows)))
        run = example.make_run()
        run["machine"] = {**run["machine"], "calibration": None}
        self.assertTrue("no calibration" in Page(report.render(run)).words())

    def test_the_command_of_a_row_measures_it_alone(self):
        parser = argparse.ArgumentParser()
        compare.add_arguments(parser)
        copied = [attributes["data-copy"] for _, attributes in self.page.elements if "data-copy" in attributes]
        commands = {command for command in copied if "--rows" in command}
        self.assertEqual(len(commands), len(example.ROWS))
        self.assertTrue(all(copied.count(command) == 2 for command in commands))  # button and text
        names = [row[0] for row in example.ROWS]
        for command in commands:
            words = shlex.split(command)
            self.assertEqual(words[:2], ["tools/perf/perf", "compare"])
            arguments = parser.parse_args(words[2:])
            found = [name for name in names if re.search(arguments.rows, name)]
            self.assertEqual(len(found), 1, command)
            self.assertEqual(found[0].split("/")[2:], [*arguments.layouts, arguments.isa, str(arguments.threads)])

    def test_roof(self):
        run = example.make_run(rows=[("a/compute/nchw/avx3/1", 1e9, 1e6, 1.0, 1.0),
                                     ("a/memory/nchw/avx3/1", 1e6, 1e7, 1.0, 1.0)])
        plot = report.roofline(run)["scatter"]
        (left, left_y), (ridge, top), (_, right_y) = plot["roof"]
        compute, memory = plot["marks"]
        self.assertAlmostEqual(compute.y, top, delta=0.2)
        self.assertEqual(top, right_y)
        self.assertGreater(compute.x, ridge)
        slope = (top - left_y) / (ridge - left)
        self.assertAlmostEqual(memory.y, left_y + slope * (memory.x - left), delta=0.5)

    def test_losses_come_first(self):
        best = [row.best for row in self.peers.rows]
        self.assertEqual(best[:-1], sorted(best[:-1]))
        self.assertIsNone(best[-1])  # has no answer
        self.assertEqual(self.peers.lost, sum(ratio < 1 for ratio in best[:-1]))
        self.assertEqual(self.peers.families[-1].op, "all")
        self.assertEqual(sum(family.rows for family in self.peers.families[:-1]), self.peers.families[-1].rows)


class Formats(unittest.TestCase):
    def test_percent(self):
        for fraction, text in ((0.0312, "+3.1 %"), (-0.28, "\N{MINUS SIGN}28.0 %"), (0.0, "0.0 %"), (-0.0004, "0.0 %"),
                               (1.34, "2.3x"), (0.999, "+99.9 %")):
            self.assertEqual(report.percent(fraction).replace("\N{NO-BREAK SPACE}", " "), text)

    def test_milliseconds(self):
        self.assertEqual([report.page.milliseconds(value) for value in (0.5, 2.0, 12.345, 123.4, 1234.5)],
                         ["0.500", "2.00", "12.3", "123", "1234"])

    def test_names(self):
        self.assertEqual(report.Name.of("resize/a/b.c/nchw/avx2/2"),
                         report.Name("resize", "a/b.c", "nchw", "avx2", "2"))
        self.assertEqual(report.Name.of("odd").id, "odd")

    def test_log_axis(self):
        axis = charts.LogAxis(0.01, 100, 0, 400)
        self.assertEqual([axis(value) for value in (0.001, 0.01, 1, 100, 1000)], [0, 0, 200, 400, 400])
        self.assertEqual(axis.ticks(), [0.01, 0.1, 1, 10, 100])
        self.assertEqual(charts.LogAxis(0.9, 6, 0, 1).ticks(), [1, 2, 5])

    def test_ratio_axis(self):
        axis, ticks = charts.ratio_axis([0.99, 1.02], 150, 8)
        self.assertEqual((axis(1), axis.high), (75, 1.04))
        self.assertEqual([round(100 * (tick - 1)) for tick in ticks], [-2, 0, 2, 4])
        axis, ticks = charts.ratio_axis([0.2, 1.02, 1.01, 1.02, 1.03], 150, 8)
        self.assertEqual(axis.high, 1.04)  # one extreme
        axis, ticks = charts.ratio_axis([0.2, 0.3, 1.02], 150, 8)
        self.assertEqual((axis(1), axis.high), (75, 2))
        self.assertEqual([round(100 * (tick - 1)) for tick in ticks], [-50, 0, 50])  # +100 would touch +50
        self.assertEqual(charts.ratio_axis([], 150, 8)[0].high, 1.04)

    def test_labels_do_not_overlap(self):
        marks = [(100 + 3 * index, 100 + index % 3, f"label {index}") for index in range(20)]
        obstacles = [(x, y) for x, y, _ in marks]
        labels = charts.place_labels(marks, obstacles, 400)
        self.assertTrue(labels)
        boxes = []
        for label in labels:
            width = 6.2 * len(label.text)
            left = label.x if label.anchor == "start" else label.x - width
            boxes.append((left, label.y - 9, left + width, label.y + 3))
        for index, box in enumerate(boxes):
            self.assertFalse(any(charts._overlap(box, other) for other in boxes[:index]))
            self.assertFalse(any(box[0] < x < box[2] and box[1] < y < box[3] for x, y in obstacles))


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        patch = mock.patch.dict(os.environ, XDG_STATE_HOME=folder.name)
        patch.start()
        self.addCleanup(patch.stop)

    def call(self, *words):
        parser = argparse.ArgumentParser()
        report.add_arguments(parser)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = report.main(parser.parse_args(words))
        return code, out.getvalue().strip(), err.getvalue()

    def test_writes_the_last_comparison(self):
        example.make_all(self.folder)
        code, path, _ = self.call()
        self.assertEqual(code, 0)
        words = Page(pathlib.Path(path).read_text(encoding="utf-8")).words()
        for text in (example.commit(27)[:8], "0 alarms", "raft.convex", "avx2 +3.40"):
            self.assertTrue(text in words, text)
        other = self.folder / "new" / "page.html"
        self.assertEqual(self.call("--output", str(other))[:2], (0, str(other)))
        self.assertTrue(other.is_file())

    def test_the_newest_peers_of_each_row(self):
        def store(name, *arguments):
            path = rivals.directory() / f"{name}.jsonl"
            example.make_peers(path, *arguments)
            os.utime(path, (0, int(name)))

        store("1", example.ROWS[:-1], "2026-11-01T10:00:00+00:00")
        store("2", [example.ROWS[0], example.ROWS[-1]], "2026-11-02T11:00:00+00:00")
        store("3", example.ROWS[:3], "2026-11-03T12:00:00+00:00", 2)
        found = rivals.read()
        self.assertEqual(len(found.rows), len(example.ROWS) + 1)
        self.assertEqual(found.header["started"][:10], "2026-11-02")
        self.assertEqual(found.measured, ["2026-11-02 11:00, revision 9fe1745ab0: 3 rows",
                                          f"2026-11-01 10:00, revision 9fe1745ab0: {len(example.ROWS) - 2} rows"])
        dates = {row.id: row.text[-16:] for row in found.rows}
        self.assertEqual(dates["dcgan.g3"], "2026-11-02 11:00")
        self.assertEqual(dates["unet3d.up2"], "2026-11-01 10:00")
        self.assertEqual(len(rivals.read(rivals.directory() / "3.jsonl").rows), 4)

    def test_bad_usage(self):
        self.assertEqual(self.call()[0], 2)
        self.assertIn("perf compare BASE HEAD makes one", self.call()[2])
        self.assertIn("does not exist", self.call("/nowhere.json")[2])
        path = state.save_run(example.make_run())
        self.assertIn("--peers: /nowhere.jsonl does not exist", self.call("--peers", "/nowhere.jsonl")[2])
        path.write_text('{"format": 2}')
        self.assertIn("is no comparison of format 1", self.call()[2])
        path.write_text("{")
        self.assertEqual(self.call()[0], 2)
        self.assertIn("is not JSON", self.call()[2])
        (self.folder / "broken.jsonl").write_text('nonsense\n{"kind": "header"}\n')
        path.write_text(json.dumps(example.make_run()))
        code, _, err = self.call("--peers", str(self.folder / "broken.jsonl"))
        self.assertEqual(code, 2)
        self.assertIn("broken.jsonl:1", err)


if __name__ == "__main__":
    unittest.main()
