"""The Conan recipe; tools/packaging/conan.sh makes the package and uses it."""

import pathlib

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rm

ROOT = pathlib.Path(__file__).resolve().parents[3]  # of a checkout: a recipe in Conan's cache looks at its sources
SOURCES = ("CMakeLists.txt", "LICENSE", "include/*", "src/*", "third_party/*", "tools/packaging/*.in")


class Polyphase(ConanFile):
    name = "polyphase"
    description = "CPU kernels for upsampling layers: transposed convolution, resize, pixel shuffle, unpooling"
    license = "Apache-2.0"
    topics = ("neural-network", "inference", "simd", "upsampling", "image-processing")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "threads": ["tbb", "std", "none"]}
    default_options = {"shared": True, "threads": "tbb"}

    def set_version(self):
        line = next(line for line in load(self, ROOT / "CMakeLists.txt").splitlines() if line.startswith("project("))
        self.version = line.split()[2]

    def export_sources(self):
        for pattern in SOURCES:
            copy(self, pattern, ROOT, self.export_sources_folder)

    def requirements(self):
        self.requires("highway/[>=1.0.3 <2]")
        if self.options.threads == "tbb":
            self.requires("onetbb/[>=2021]", options={"shared": True})

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables.update({
            "FETCHCONTENT_FULLY_DISCONNECTED": True, "POLYPHASE_THREADS": str(self.options.threads),
            "POLYPHASE_BUILD_TESTS": False, "POLYPHASE_BUILD_BENCH": False, "POLYPHASE_BUILD_CLI": False,
            "POLYPHASE_BUILD_PYTHON": False})
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, pathlib.Path(self.package_folder, "licenses"))
        library, other = ("libpolyphase.a", "static") if self.options.shared else ("libpolyphase.so*", "shared")
        rm(self, library, pathlib.Path(self.package_folder, "lib"))
        rm(self, f"polyphase-{other}*.cmake", pathlib.Path(self.package_folder, "lib/cmake/polyphase"))

    def package_info(self):
        self.cpp_info.libs = ["polyphase"]
        self.cpp_info.system_libs = ["m", "pthread"]
        # CMake takes the configuration that the project installs.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/polyphase"]
        self.cpp_info.set_property("pkg_config_name", "polyphase")
