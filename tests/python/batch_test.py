"""polyphase_kernels.batch: pools, two Dask workers, files that fail, and what is done already."""

import concurrent.futures
import contextlib
import io
import multiprocessing
import os
import pathlib
import sys
import tempfile
import time
import unittest
from unittest import mock

import numpy as np

import polyphase_kernels as pph
from polyphase_kernels import _command, batch


def enlarge(source, target, arguments):
    """What workers do here: enlarges an array of bytes, and says where."""
    picture = np.fromfile(source, np.uint8)
    if not len(picture):
        raise ValueError(f"{source}: is empty")
    pph.interpolate(picture.reshape(1, 1, 1, -1), (1, len(picture) * int(arguments[0]))).tofile(target)
    with open(target, "ab") as file:
        file.write(b" %d" % os.getpid())


def fail_once_written(source, target, arguments):
    pathlib.Path(target).write_bytes(b"half")
    raise OSError("no space")


class Batch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root, self.out = pathlib.Path(folder.name) / "in", pathlib.Path(folder.name) / "out"
        for i in range(12):
            path = self.root / ("deep/er" if i % 3 else ".") / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes([i] * 5))
        (self.root / "3.png").write_bytes(b"")
        (self.root / "notes.txt").write_text("no picture")

    def check(self, executor, workers=None):
        report = batch.map(self.root, self.out, executor, function=enlarge, arguments=[2], pending=5)
        self.assertEqual((len(report.done), report.skipped, list(report.failed)), (11, [], ["3.png"]))
        self.assertRegex(str(report.failed["3.png"]), "3.png: is empty")
        workers_seen = set()
        for name in report.done:
            pixels, _, worker = (self.out / name).read_bytes().partition(b" ")
            self.assertEqual(pixels, bytes([int(pathlib.Path(name).stem)] * 10))
            workers_seen.add(worker)
        if workers:
            self.assertGreaterEqual(len(workers_seen), workers)
        self.assertEqual(len([path for path in self.out.rglob("*") if path.is_file()]), 11, "something is left behind")

        (self.root / "3.png").write_bytes(b"now")
        changed = self.root / "0.png"
        os.utime(changed, (time.time() + 60,) * 2)
        report = batch.map(self.root, self.out, executor, function=enlarge, arguments=[2])
        self.assertEqual((sorted(report.done), len(report.skipped), report.failed), (["0.png", "3.png"], 10, {}))
        report = batch.map(self.root, self.out, executor, function=enlarge, arguments=[2], resume=False)
        self.assertEqual(len(report.done), 12)

    def test_here(self):
        self.check(None)

    def test_threads(self):
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            self.check(pool)

    def test_processes(self):
        with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            self.check(pool)

    def test_dask(self):
        try:
            import distributed
        except ImportError:
            self.skipTest("distributed is not installed")
        sys.path.insert(0, str(pathlib.Path(__file__).parent))
        with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                                      silence_logs=50) as cluster, distributed.Client(cluster) as client:
            client.run(sys.path.insert, 0, str(pathlib.Path(__file__).parent))
            function = __import__("batch_test").enlarge  # by a name that workers can import
            with mock.patch.dict(globals(), enlarge=function):
                self.check(client.get_executor(), workers=2)

    def test_lists_and_suffixes(self):
        report = batch.map([self.root / "0.png", str(self.root / "deep/er/1.png")], self.out, function=enlarge,
                           arguments=[1], suffix=".jpg")
        self.assertEqual(sorted(report.done), ["0.jpg", "1.jpg"])

    def test_half_written_files_go(self):
        report = batch.map([self.root / "0.png"], self.out, function=fail_once_written)
        self.assertEqual([str(error) for error in report.failed.values()], ["no space"])
        self.assertEqual(list(self.out.iterdir()), [])

    def test_messages(self):
        for words, arguments, keywords in (
                ("must be a folder, or a list", (self.root / "0.png", self.out), {}),
                ("would be written twice, the first is '1.png'",
                 ([self.root / "deep/er/1.png", self.root / "1.png"], self.out), {}),
                ("pending = 0", (self.root, self.out), {"pending": 0})):
            with self.assertRaisesRegex((ValueError, NotADirectoryError), words):
                batch.map(*arguments, **keywords)
        missing = batch.map([self.root / "absent.png"], self.out, function=enlarge, arguments=[1])
        self.assertIsInstance(missing.failed["absent.png"], FileNotFoundError)
        report = batch.map([self.root / "0.png"], self.out)  # the package of a build tree has no program
        self.assertRegex(str(report.failed["0.png"]), "without the command-line tool|PNG")

    def test_progress(self):
        try:
            import tqdm  # noqa: F401
        except ImportError:
            with self.assertRaisesRegex(ImportError, "needs tqdm"):
                batch.map(self.root, self.out, function=enlarge, arguments=[1], progress=True)
            return
        with contextlib.redirect_stderr(io.StringIO()) as shown:
            batch.map(self.root, self.out, function=enlarge, arguments=[1], progress=True)
        self.assertIn("12/12", shown.getvalue())

    def test_program(self):
        program = os.environ.get("POLYPHASE_PROGRAM")
        if not program:
            self.skipTest("the command-line tool was not built")
        try:
            from PIL import Image
        except ImportError:
            self.skipTest("Pillow is not installed")
        Image.fromarray(np.full((4, 5, 3), 7, np.uint8)).save(self.root / "0.png")
        with mock.patch.object(_command, "program", return_value=program):
            report = batch.map([self.root / "0.png", self.root / "3.png"], self.out, arguments=["--scale", 2])
        self.assertEqual(report.done, ["0.png"])
        self.assertEqual(np.asarray(Image.open(self.out / "0.png")).shape, (8, 10, 3))
        self.assertRegex(str(report.failed["3.png"]), "3.png")


if __name__ == "__main__":
    unittest.main()
