"""Builds the programs of tests/consumer with the package, and runs them."""

import pathlib

from conan import ConanFile
from conan.tools.build import can_run
from conan.tools.cmake import CMake, cmake_layout

PROGRAMS = pathlib.Path(__file__).resolve().parents[4] / "tests/consumer"


class PolyphaseTest(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeDeps", "CMakeToolchain", "VirtualRunEnv"

    def requirements(self):
        self.requires(self.tested_reference_str)

    def layout(self):
        cmake_layout(self)

    def build(self):
        cmake = CMake(self)
        cmake.configure(build_script_folder=PROGRAMS)
        cmake.build()

    def test(self):
        if can_run(self):
            for program in ("upscale_cxx", "upscale_c", "engine"):
                self.run(f'"{pathlib.Path(self.build_folder, self.cpp.build.bindir, program)}"', env="conanrun")
