#!/usr/bin/env python3
"""Checks what the recipes of package managers say against the project: recipes_test.py BUILD CMAKE.

Their versions and CMake options are the project's, and vcpkg's port, whose functions are imitated, makes a package that
a program finds and links, with one of the two libraries in it. The recipes of Debian and Conan are run by
tools/packaging/debian.sh and conan.sh, which take minutes."""

import collections
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "tools/packaging"
PROJECT = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
VERSION = re.search(r"^project\(polyphase VERSION (\S+)", PROJECT, re.M)[1]
ABI = VERSION.rpartition(".")[0]

# What vcpkg does when a port calls it, as far as the files of this package are concerned.
VCPKG = """
set(VCPKG_LIBRARY_LINKAGE {linkage})
set(FEATURES core tool)
set(CURRENT_PACKAGES_DIR "{folder}")
function(vcpkg_check_features)
endfunction()
function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
  if(NOT EXISTS ${{arg_SOURCE_PATH}}/CMakeLists.txt)
    message(FATAL_ERROR "no project in ${{arg_SOURCE_PATH}}")
  endif()
endfunction()
function(vcpkg_cmake_install)
  foreach(tree "" /debug)
    execute_process(COMMAND ${{CMAKE_COMMAND}} --install "{build}" --prefix ${{CURRENT_PACKAGES_DIR}}${{tree}}
      OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endfunction()
function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "CONFIG_PATH" "")
  file(COPY ${{CURRENT_PACKAGES_DIR}}/${{arg_CONFIG_PATH}} DESTINATION ${{CURRENT_PACKAGES_DIR}}/kept)
endfunction()
function(vcpkg_fixup_pkgconfig)
endfunction()
function(vcpkg_copy_tools)
endfunction()
function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  file(COPY ${{arg_FILE_LIST}} DESTINATION ${{CURRENT_PACKAGES_DIR}})
endfunction()
include("{port}")
"""


def check(holds, message):
    if not holds:
        sys.exit(f"recipes_test.py: {message}")


def versions():
    port = json.loads((PACKAGING / "vcpkg/polyphase/vcpkg.json").read_text(encoding="utf-8"))
    check(port["version"] == VERSION, f"vcpkg.json is of version {port['version']}, and the project of {VERSION}")
    control = (PACKAGING / "debian/control").read_text(encoding="utf-8")
    for found in set(re.findall(r"libpolyphase[0-9][0-9.]*", control)) | {
            path.stem for path in (PACKAGING / "debian").glob("libpolyphase[0-9]*.install")}:
        check(found == f"libpolyphase{ABI}", f"Debian's package {found} has not the version of the ABI, {ABI}")


def options():
    known = set(re.findall(r"^(?:option|set)\((POLYPHASE_\w+)", PROJECT, re.M))
    for name in ("debian/rules", "conan/conanfile.py", "vcpkg/polyphase/portfile.cmake",
                 "spack/packages/polyphase/package.py"):
        used = set(re.findall(r"POLYPHASE_[A-Z_]+", (PACKAGING / name).read_text(encoding="utf-8")))
        check(used and used <= known, f"{name}: the project has no option {used - known}")


def spack():
    """Runs the package with directives that note what they are given."""
    noted = collections.defaultdict(list)

    def directive(name):
        def note(*values, **_):
            noted[name] += values
            return contextlib.nullcontext()
        return note

    class CMakePackage:
        define = staticmethod(lambda option, value: f"{option}={value}")

        def define_from_variant(self, option, variant):
            check(variant in noted["variant"], f"Spack's package has no variant {variant}")
            return self.define(option, variant)

    module = types.ModuleType("spack.package")
    module.CMakePackage = CMakePackage
    for name in ("license", "version", "variant", "depends_on", "when"):
        setattr(module, name, directive(name))
    sys.modules.update({"spack": types.ModuleType("spack"), "spack.package": module})
    path = PACKAGING / "spack/packages/polyphase/package.py"
    package = {}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), package)
    check(noted["version"] == [VERSION], f"Spack's package is of version {noted['version']}")
    check("POLYPHASE_THREADS=threads" in package["Polyphase"]().cmake_args(), "Spack's package chooses no threads")


def vcpkg(build, cmake):
    for linkage, kept, gone in (("static", "libpolyphase.a", "libpolyphase.so"),
                                ("dynamic", "libpolyphase.so", "libpolyphase.a")):
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder, "vcpkg.cmake")
            script.write_text(VCPKG.format(linkage=linkage, folder=folder, build=build,
                                           port=PACKAGING / "vcpkg/polyphase/portfile.cmake"), encoding="utf-8")
            subprocess.run([cmake, "-P", script], check=True)
            for tree in ("", "debug"):
                check(list(pathlib.Path(folder, tree, "lib").glob(kept)), f"vcpkg, {linkage}: {tree}/lib has no {kept}")
                check(not list(pathlib.Path(folder, tree, "lib").glob(gone + "*")), f"vcpkg, {linkage}: has {gone}")
            project = pathlib.Path(folder, "project")
            subprocess.run([cmake, "-S", ROOT / "tests/consumer", "-B", project, f"-DCMAKE_PREFIX_PATH={folder}"],
                           check=True, stdout=subprocess.DEVNULL)
            subprocess.run([cmake, "--build", project, "--target", "upscale_c"], check=True, stdout=subprocess.DEVNULL)
            said = subprocess.run([project / "upscale_c"], check=True, text=True, capture_output=True).stdout
            print(f"vcpkg, {linkage}: {said.splitlines()[0]}")


def main():
    build, cmake = sys.argv[1:]
    versions()
    options()
    spack()
    vcpkg(build, cmake)
    return 0


if __name__ == "__main__":
    sys.exit(main())
