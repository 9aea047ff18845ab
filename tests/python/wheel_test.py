"""The wheel, in a fresh environment without compiler: POLYPHASE_WHEEL, or one that is built here if scikit-build-core
is installed. What it carries for others is tried with a compiler."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import venv
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
C_PROGRAM = r"""
#include <polyphase/polyphase_c.h>
#include <polyphase/version.h>
#include <stdio.h>
int main(void) { return puts(pph_version()) < 0 || POLYPHASE_VERSION[0] != pph_version()[0]; }
"""
CMAKE = """
cmake_minimum_required(VERSION 3.25)
project(program LANGUAGES C)
find_package(polyphase REQUIRED)
message(STATUS "threads: ${polyphase_THREADS}")
add_executable(program program.c)
target_link_libraries(program PRIVATE polyphase::polyphase)
"""


def build(folder):
    try:
        import scikit_build_core  # noqa: F401
    except ImportError:
        print("scikit-build-core is not installed: the wheel is not tested (tools/fetch_python.sh)")
        sys.exit(77)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
                    "--no-build-isolation", "--wheel-dir", folder, HERE.parents[1]], check=True)
    return next(pathlib.Path(folder).glob("*.whl"))


class Wheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.wheel = pathlib.Path(os.environ.get("POLYPHASE_WHEEL") or build(cls.folder))
        venv.create(cls.folder / "env", with_pip=False, symlinks=True)
        cls.bin = cls.folder / "env/bin"
        site, = (cls.folder / "env/lib").glob("python*/site-packages")
        subprocess.run([sys.executable, "-m", "pip", "--python", cls.bin / "python", "install", "--quiet", "--no-deps",
                        "--no-index", "--disable-pip-version-check", cls.wheel], check=True)
        # NumPy is this Python's.
        (site / "numpy.pth").write_text(str(pathlib.Path(np.__file__).parents[1]))

    def run_in_env(self, *command, **keywords):
        environment = {"PATH": str(self.bin), "LC_ALL": "C.UTF-8"}
        return subprocess.run(command, env=environment, text=True, capture_output=True, **keywords)

    def ask(self, expression):
        run = self.run_in_env(self.bin / "python", "-c", f"import polyphase_kernels as p; print({expression})")
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.strip()

    def test_contents(self):
        self.assertRegex(self.wheel.name, r"polyphase_kernels-[0-9.]+-py3-none-.*\.whl")
        names = set(zipfile.ZipFile(self.wheel).namelist())
        package = {name.removeprefix("polyphase_kernels/") for name in names if ".dist-info" not in name}
        self.assertLessEqual({"__init__.py", "__init__.pyi", "py.typed", "torch.py", "batch.py", "_c_api.py",
                              "lib/libpolyphase.so", "include/polyphase/polyphase_c.h", "include/polyphase/export.h",
                              "lib/cmake/polyphase/polyphase-config.cmake"}, package)
        self.assertFalse([name for name in package if name.endswith((".a", ".pyc", ".hpp")) or "hwy" in name])

    def test_layers(self):
        run = self.run_in_env(self.bin / "python", "-B", HERE / "layers_test.py", "Values", "Memory", "Errors",
                              "Interface.test_examples", "Interface.test_functions_have_signatures_and_docs")
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_command(self):
        run = self.run_in_env(self.bin / "polyphase", "info")
        if "without the command-line tool" in run.stderr:
            self.skipTest(run.stderr)
        self.assertIn("std", run.stdout)
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_provider(self):
        path = self.ask("p.onnxruntime_provider_path()") if any(
            "onnxruntime" in name for name in zipfile.ZipFile(self.wheel).namelist()) else None
        if path is None:
            run = self.run_in_env(self.bin / "python", "-c",
                                  "import polyphase_kernels as p; p.onnxruntime_provider_path()")
            self.assertRegex(run.stderr, "FileNotFoundError.*without the headers of ONNX Runtime")
        else:
            symbols = subprocess.run(["nm", "-D", "--defined-only", path], text=True, capture_output=True).stdout
            self.assertIn("CreateEpFactories", symbols)

    def test_c_programs(self):
        if not shutil.which("cc") or not shutil.which("cmake"):
            self.skipTest("cc or cmake is not installed")
        source = self.folder / "program.c"
        source.write_text(C_PROGRAM)
        library = pathlib.Path(self.ask("p.get_library_path()"))
        subprocess.run(["cc", source, f"-I{self.ask('p.get_include()')}", f"-L{library.parent}", "-lpolyphase",
                        f"-Wl,-rpath,{library.parent}", "-o", self.folder / "program"], check=True)
        version = subprocess.run([self.folder / "program"], text=True, capture_output=True, check=True).stdout.strip()
        self.assertEqual(version, self.ask("p.__version__"))
        (self.folder / "CMakeLists.txt").write_text(CMAKE)
        run = subprocess.run(["cmake", "-S", self.folder, "-B", self.folder / "build",
                              f"-Dpolyphase_DIR={self.ask('p.get_cmake_dir()')}"], text=True, capture_output=True)
        self.assertIn("threads: std", run.stdout, run.stderr)
        subprocess.run(["cmake", "--build", self.folder / "build"], check=True, capture_output=True)
        self.assertEqual(subprocess.run([self.folder / "build/program"], text=True, capture_output=True, check=True)
                         .stdout.strip(), version)


if __name__ == "__main__":
    unittest.main()
