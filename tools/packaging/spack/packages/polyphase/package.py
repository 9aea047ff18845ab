"""The Spack package, which is built from a checkout, as there is no archive to download yet: in an environment,

    spack repo add tools/packaging/spack
    spack develop --path $PWD polyphase@0.2.0
    spack add polyphase
    spack install
"""

from spack.package import *

try:
    from spack_repo.builtin.build_systems.cmake import CMakePackage  # since Spack 1.0
except ImportError:
    pass  # before, it was one of spack.package


class Polyphase(CMakePackage):
    """CPU kernels for upsampling layers: transposed convolution, resize, pixel shuffle, unpooling."""

    license("Apache-2.0")

    version("0.2.0")

    variant("threads", default="tbb", values=("tbb", "std", "none"), multi=False, description="Default threads")
    variant("tool", default=True, description="Build the command-line tool")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("highway@1.0.3:")
    depends_on("intel-tbb@2021:", when="threads=tbb")
    with when("+tool"):
        depends_on("cli11@2.1:", type="build")
        depends_on("libpng@1.6:")
        depends_on("libjpeg-turbo@2.1:")

    def cmake_args(self):
        return [
            self.define("FETCHCONTENT_FULLY_DISCONNECTED", True),
            self.define("POLYPHASE_BUILD_TESTS", False),
            self.define("POLYPHASE_BUILD_BENCH", False),
            self.define("POLYPHASE_BUILD_PYTHON", False),
            self.define_from_variant("POLYPHASE_BUILD_CLI", "tool"),
            self.define_from_variant("POLYPHASE_THREADS", "threads"),
        ]
