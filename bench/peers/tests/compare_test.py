"""Tests of bench/peers/compare.py, record.py, report.py and options.py."""

import contextlib
import io
import pathlib
import re
import tempfile
import unittest

from example import ExampleLibrary, ExamplePeer, make_row, repeat
import compare
import options as command_line
import report
from peer import Unsupported
from record import Record


def slow(values):
    """The right result, many times over."""
    for _ in range(50):
        result = repeat(values)
    return result


def fail(_):
    raise RuntimeError("no memory for <this>\nand a page of details")


def refuse(_):
    raise Unsupported("is of no use here")


class RefusingPeer(ExamplePeer):
    """Can't run any row."""

    def configurations(self, row, data):
        refuse(None)


HEADER = {"format": 1, "started": "2026-11-28T13:00:00+00:00", "command": "tools/compare_peers --rows '<x>'",
          "machine": {"cpu": "Example CPU", "cores": 2, "memory_gib": 8, "system": "Debian", "kernel": "6.1"},
          "revision": "0123456789", "workloads": "workloads.tsv", "workloads_sha256": "0123",
          "threads": 1, "layouts": ["nchwc16", "nchw"],
          "peers": {"Slow": "1"}, "absent": {"gone": "OSError: no <file>"}}


class ComparisonTestCase(unittest.TestCase):
    """Compares example rows into a record in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "deep" / "run.jsonl"
        self.options = command_line.parse(["--layouts", "nchwc16,nchw", "--seconds", "0.01", "--rounds", "2"])
        self.peers = [
            ExamplePeer("Slow", {"slow nchw": slow, "wrong": lambda values: repeat(values) + 1}),
            ExamplePeer("Wrong", {"nchw": lambda values: -repeat(values)}),
            ExamplePeer("Failing", {"nchw": fail}),
            RefusingPeer("Refusing", {}),
        ]

    def compare(self, **columns):
        record = Record(self.path)
        record.write("header", **HEADER)
        comparison = compare.Comparison(self.options, ExampleLibrary(), self.peers, record)
        result = comparison.row(make_row(size=(64, 64), **columns))
        record.write_row(result)
        return result


class CompareTest(ComparisonTestCase):

    def test_each_peer_gets_what_it_deserves(self):
        result = self.compare()
        peers = {peer.peer: peer for peer in result.peers}
        self.assertEqual({name: peer.status for name, peer in peers.items()},
                         {"Slow": "timed", "Wrong": "wrong", "Failing": "failed", "Refusing": "unsupported"})
        self.assertEqual(peers["Failing"].reason, "RuntimeError: no memory for <this>")
        self.assertEqual(peers["Refusing"].reason, "is of no use here")
        self.assertGreater(peers["Slow"].best.low, 1)
        self.assertEqual(peers["Slow"].best.configuration, "slow nchw")
        self.assertEqual(peers["Slow"].plain.layout, "nchw")
        self.assertIsNotNone(peers["Slow"].trials[1].wrong)
        self.assertEqual([peer.closed for peer in self.peers], [1, 1, 1, 1])
        self.assertGreater(result.roofline_fraction, 0)

    def test_a_row_that_we_cannot_run_does_not_vanish(self):
        self.compare()
        result = self.compare(id="test.convex", mode="convex")
        self.assertIn("has no op", result.unavailable)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.assertEqual(report.main(self.path), 1)
        self.assertIn("NOT AVAILABLE in Polyphase: resize/test.convex", output.getvalue())
        for path in (self.path.with_suffix(".md"), self.path.with_suffix(".html")):
            self.assertRegex(path.read_text(encoding="utf-8"), r"Not available in Polyphase: resize/test\.convex")

    def test_a_crash_is_left_out_when_the_row_is_repeated(self):
        record = Record(self.path)
        record.write("begin", row="test.row", peer="Slow")
        self.assertEqual(Record(self.path).begun, ("test.row", "Slow"))
        record.write("crash", row="test.row", peer="Slow")
        self.assertIsNone(Record(self.path).begun)
        peers = {peer.peer: peer for peer in self.compare().peers}
        self.assertEqual(peers["Slow"].status, "crashed")
        self.assertEqual(self.peers[0].closed, 0)

    def test_a_record_is_read_as_it_was_written(self):
        result = self.compare()
        self.assertEqual(Record(self.path).rows["test.row"], result)

    def test_what_was_measured_in_another_way_is_not_resumed(self):
        self.compare()
        record = Record(self.path)
        compare.check_resumed(record, HEADER)
        for key, value in (("threads", 2), ("layouts", ["nhwc"]), ("workloads", "other.tsv"),
                           ("workloads_sha256", "fedc")):
            with self.subTest(key), contextlib.redirect_stderr(io.StringIO()) as errors, \
                    self.assertRaises(SystemExit) as caught:
                compare.check_resumed(record, {**HEADER, key: value})
            self.assertEqual(caught.exception.code, 2)
            self.assertIn(f"it was measured with {key} {HEADER[key]}, this is {value}", errors.getvalue())

    def test_a_record_may_be_cut_off_but_not_broken(self):
        self.compare()
        text = self.path.read_text(encoding="utf-8")
        self.path.write_text(text + '{"kind": "row", "ro', encoding="utf-8")
        self.assertEqual(list(Record(self.path).rows), ["test.row"])
        Record(self.path).write("begin", row="other", peer="Slow")
        self.assertEqual(Record(self.path).begun, ("other", "Slow"))
        self.assertEqual(list(Record(self.path).rows), ["test.row"])
        self.path.write_text("nonsense\n" + text, encoding="utf-8")
        with self.assertRaisesRegex(ValueError, r"run\.jsonl:1: is not a line"):
            Record(self.path)


class ReportTest(ComparisonTestCase):

    def test_losers_come_first_and_the_best_is_marked(self):
        quick, other = self.compare(id="a.quick"), self.compare(id="b.lost")
        lost = other.peers[0]
        lost.best.ratio, lost.best.low, lost.best.high = 0.5, 0.4, 0.6
        record = Record(self.path)
        record.write_row(other)
        page, table, summary = report.write(record)
        family = report.family("resize", list(record.rows.values()))
        self.assertAlmostEqual(family.best, (0.5 * quick.peers[0].best.ratio)**0.5)
        self.assertEqual((family.losses, family.certain_losses), (1, 1))
        markdown = table.read_text(encoding="utf-8")
        losers = markdown.split("## Rows where a peer is quicker")[1].split("\n## ")[0]
        self.assertIn("resize/b.lost", losers)
        self.assertNotIn("a.quick", losers)
        self.assertIn("**0.50**", markdown)
        self.assertIn("| all | 2 |", summary.read_text(encoding="utf-8"))
        html = page.read_text(encoding="utf-8")
        self.assertLess(html.index("<svg"), html.index("<table"))
        heads = re.findall("<th(?: [^>]*)?>([^<]*)", html.split('<table id="ops">')[1].split("</thead>")[0])
        self.assertEqual(heads[:6], ["op", "rows", "best peer", "in NCHW", "lost", "roofline"])
        timed = {peer.peer for row in (quick, other) for peer in row.peers if peer.best}
        silent = {peer.peer for row in (quick, other) for peer in row.peers} - timed
        self.assertTrue(silent)
        self.assertEqual(set(heads[6:]), timed)  # a peer without a time has no column
        self.assertIn("Test &lt;net&gt;", html)
        self.assertNotIn("<net>", html)
        self.assertNotIn("http", html.replace("http-equiv", ""))


class OptionsTest(unittest.TestCase):

    def refused(self, *arguments):
        with self.assertRaises(SystemExit) as caught, contextlib.redirect_stderr(io.StringIO()) as errors:
            command_line.parse(list(arguments))
        self.assertEqual(caught.exception.code, 2)
        return errors.getvalue()

    def test_says_which_option_is_wrong(self):
        self.assertIn("'tensorfl' is not one of torch", self.refused("--peers", "torch,tensorfl"))
        self.assertIn("'nchwc5' is not one of", self.refused("--layouts", "nchwc5"))
        self.assertIn("--threads: '0' is not a whole number of at least 1", self.refused("--threads", "0"))
        self.assertIn("is more than the", self.refused("--threads", "100000"))
        self.assertIn("is not a regular expression", self.refused("--rows", "("))
        self.assertIn("--seconds: 'nan' is not a number", self.refused("--seconds", "nan"))
        self.assertIn("--workloads nowhere: there is no such file", self.refused("--workloads", "nowhere"))
        self.assertIn("--build nowhere: there is no such directory", self.refused("--build", "nowhere"))


if __name__ == "__main__":
    unittest.main()
