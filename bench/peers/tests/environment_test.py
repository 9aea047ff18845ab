"""Tests of bench/peers/environment.py, without a network."""

import contextlib
import io
import pathlib
import subprocess
import tempfile
import unittest
import unittest.mock

import example  # noqa: F401  pylint: disable=unused-import; finds the modules
import environment


class EnvironmentTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "peers"
        self.commands = []

    def run_command(self, command, check, **_):
        """Stands for subprocess.run; "ncnn" cannot be installed."""
        self.commands.append([str(part) for part in command])
        if "venv" in command:
            self.folder.mkdir(exist_ok=True)
        failed = "ncnn" in command
        if failed and check:
            raise subprocess.CalledProcessError(1, command)
        return subprocess.CompletedProcess(command, int(failed), "", "looked everywhere\nno such package\n")

    def prepare(self):
        output = io.StringIO()
        with unittest.mock.patch("subprocess.run", self.run_command), contextlib.redirect_stderr(output):
            python = environment.prepare(self.folder)
        self.assertEqual(python, self.folder / "bin" / "python3")
        return output.getvalue()

    def test_goes_without_what_cannot_be_installed(self):
        output = self.prepare()
        self.assertIn("ncnn cannot be installed, the comparison goes without it: no such package", output)
        self.assertTrue(any("openvino" in command for command in self.commands))
        self.assertTrue(any("pillow" in command for command in self.commands))

    def test_is_made_once(self):
        self.prepare()
        self.commands.clear()
        self.prepare()
        self.assertEqual(self.commands, [])

    def test_is_made_anew_when_the_packages_change(self):
        self.prepare()
        self.commands.clear()
        with unittest.mock.patch.object(environment, "OPTIONAL", ("pillow",)):
            self.prepare()
        self.assertGreater(len(self.commands), 1)

    def test_fails_without_the_required(self):
        with unittest.mock.patch.object(environment, "REQUIRED", ("ncnn",)):
            with self.assertRaises(subprocess.CalledProcessError):
                self.prepare()
        self.assertFalse((self.folder / "complete").exists())


if __name__ == "__main__":
    unittest.main()
