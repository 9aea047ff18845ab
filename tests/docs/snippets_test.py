#!/usr/bin/env python3
"""Compiles and runs every C++, C and Python block of README.md, of the documentation and of the adapters' READMEs. Of
shell blocks, runs every line that calls the command-line tool, and looks for the scripts that others name; of CMake
blocks, builds the projects that find an installed Polyphase, and configures those that have it inside.

    snippets_test.py BUILD CXX [FILE...]

The blocks of a page in one language are one program, in their order, as a reader takes them; a block that has a main()
is a program by itself. Two kinds of HTML comments, which no reader sees, help:

    <!-- test:hidden python        code that the page does not show: what an example is run on, what it should give
    -->
    <!-- test:new -->              the next block begins a new program

Python programs run with the first interpreter that has what they import; where there is none, they are left out with a
word."""

from __future__ import annotations

import concurrent.futures
import functools
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "tools/docs").rglob("*.md")), ROOT / "src/README.md",
         *sorted((ROOT / "src/adapters").glob("*/README.md"))]
LANGUAGES = ("cpp", "c", "python", "sh", "cmake")
PRELUDE = "".join(f"#include <{name}>\n" for name in (
    "polyphase/polyphase.h", "cstdint", "cstdio", "string", "vector"))


@dataclass
class Program:
    page: pathlib.Path
    language: str
    blocks: list[tuple[int, str]] = field(default_factory=list)  # (line of the page, code)

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.blocks[0][0] - 1}"

    @property
    def is_whole(self) -> bool:
        return any(re.search(r"^int main\(|^cmake_minimum", code, re.MULTILINE) for _, code in self.blocks)

    def source(self) -> str:
        """The code, whose lines keep the page's numbers in messages."""
        if self.language == "cmake":
            return "".join(code for _, code in self.blocks)
        if self.language == "python":
            lines: list[str] = []
            for number, code in self.blocks:
                lines += [""] * (number - 1 - len(lines)) + code.splitlines()
            return "\n".join(lines) + "\n"
        blocks = [f'#line {number} "{self.page}"\n{code}\n' for number, code in self.blocks]
        if self.is_whole or self.language == "c":
            return "".join(blocks)
        includes, body = [], []
        for block in blocks:
            includes += re.findall(r"^#include .*\n", block, re.MULTILINE)
            body.append(re.sub(r"^#include .*$", "", block, flags=re.MULTILINE))
        return "".join(includes) + "int main() {\n" + "".join(body) + "return 0;\n}\n"


def programs_of(page: pathlib.Path) -> list[Program]:
    text = page.read_text()
    block = re.compile(r"^(?P<indent> *)(?P<fence>```+) *(?P<language>\w+) *\n(?P<code>.*?)^(?P=indent)(?P=fence) *$"
                       r"|^<!-- test:hidden (?P<hidden>\w+)\n(?P<extra>.*?)^-->$|^<!-- test:(?P<new>new) -->$"
                       r"|^<!-- test:(?P<wrong>.*)$", re.MULTILINE | re.DOTALL)
    programs: list[Program] = []
    open_ones: dict[str, Program] = {}
    for match in block.finditer(text):
        language = match["language"] or match["hidden"]
        if match["wrong"] or (match["hidden"] and language not in LANGUAGES):
            sys.exit(f"{page}: \"{match[0].splitlines()[0]}\" is no directive")
        if match["new"]:
            open_ones.clear()
        elif language in LANGUAGES:
            code = re.sub(f"^{match['indent'] or ''}", "", match["code"] or match["extra"], flags=re.MULTILINE)
            number = text.count("\n", 0, match.start()) + 2
            one = Program(page, language, [(number, code)])
            if (one.is_whole and not match["hidden"]) or language not in open_ones:
                programs.append(one)
                open_ones[language] = one
                if one.is_whole and not match["hidden"]:
                    del open_ones[language]
            else:
                open_ones[language].blocks.append((number, code))
    return programs


def picture() -> bytes:
    """A PNG of 24 x 16 pixels."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((x * 9 + y * channel) % 256 for x in range(24) for channel in (1, 5, 11))
                    for y in range(16))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 24, 16, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@dataclass
class Tree:
    """The build tree."""
    build: pathlib.Path
    cxx: str
    prelude: pathlib.Path  # a header with PRELUDE, which is compiled once

    def compiler(self, language: str) -> list[object]:
        return [*([self.cxx, "-std=c++17"] if language == "cpp" else ["cc", "-std=c11"]), "-Wall", "-Wextra", "-Werror",
                "-Wno-unused", "-Wno-unknown-pragmas", "-pthread", f"-I{ROOT}/include", f"-I{self.build}/include"]

    @property
    def provider(self) -> pathlib.Path:
        return self.build / "src/adapters/onnxruntime/libpolyphase_onnxruntime.so"

    @property
    def tool(self) -> pathlib.Path:
        return self.build / "tools/cli/polyphase"


@functools.lru_cache(maxsize=None)
def has(python: str, modules: tuple[str, ...]) -> bool:
    code = "import importlib.util, sys; sys.exit(any(importlib.util.find_spec(one) is None for one in sys.argv[1:]))"
    return subprocess.run([python, "-c", code, *modules], stderr=subprocess.DEVNULL, check=False).returncode == 0


def interpreter(modules: tuple[str, ...]) -> str | None:
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "polyphase"
    candidates = [cache / "python/bin/python", cache / "onnxruntime/newest/bin/python",
                  cache / "onnxruntime/oldest/bin/python", "/usr/bin/python3", "python3"]
    for candidate in map(str, candidates):
        if shutil.which(candidate) and has(candidate, modules):
            return candidate
    return None


def package(tree: Tree, folder: pathlib.Path) -> pathlib.Path:
    """The folder with the Python package of the build tree, which has the command-line tool as a wheel has."""
    source, target = tree.build / "python/polyphase_kernels", folder / "python/polyphase_kernels"
    target.mkdir(parents=True)
    for path in source.iterdir():
        (target / path.name).symlink_to(path.resolve())
    (target / "bin").mkdir()
    if tree.tool.exists():
        (target / "bin/polyphase").symlink_to(tree.tool)
    return target.parent


def run(program: Program, tree: Tree) -> str | None:
    """Compiles and runs. Returns what was wrong, None, or a text that begins with "left out"."""
    def call(command: list[object], **options: object) -> str | None:
        done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=300, check=False, **options)  # type: ignore[call-overload]
        return None if done.returncode == 0 else f"status {done.returncode}\n{done.stdout}"

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "photos").mkdir()
        for path in ("in.png", "photos/one.png"):
            (folder / path).write_bytes(picture())
        if program.language == "sh":
            for number, code in program.blocks:
                for line in code.splitlines():
                    for path in re.findall(r"(?<![\w/])(?:tools|bench)/[\w./-]*\w", line.split("#")[0]):
                        if not (ROOT / path).exists():
                            return f"{path} is not there"
                    if not line.startswith("polyphase ") or "--model" in line:  # whose weights are not here
                        continue
                    if not tree.tool.exists():
                        return "left out: the command-line tool was not built"
                    jpeg = call([tree.tool, "upscale", "in.png", "in.jpg", "--scale", 1], cwd=folder)
                    wrong = jpeg or call(["bash", "-c", f'polyphase() {{ "{tree.tool}" "$@"; }}; {line}'], cwd=folder)
                    if wrong:
                        return f"line {number}: {line}: {wrong}"
            return None
        if program.language == "python":
            modules = set(re.findall(r"^(?:import|from) (\w+)", program.source(), re.MULTILINE))
            if "polyphase_kernels" in modules:
                if not (tree.build / "python/polyphase_kernels/_c_api.py").exists():
                    return "left out: the Python package was not built"
                modules.add("numpy")
            if "onnxruntime" in modules:
                if not tree.provider.exists():
                    return "left out: the ONNX Runtime provider was not built"
                (folder / tree.provider.name).symlink_to(tree.provider)
            python = interpreter(tuple(sorted(modules - {"polyphase_kernels"})))
            if python is None:
                return f"left out: no Python has {', '.join(sorted(modules))}"
            source = folder / "snippet.py"
            source.write_text(program.source())
            environment = {**os.environ, "PYTHONPATH": str(package(tree, folder)), "PYTHONDONTWRITEBYTECODE": "1"}
            return call([python, source.name], cwd=folder, env=environment)
        if program.language == "cmake":
            (folder / "CMakeLists.txt").write_text(program.source())
            (folder / "my_program.cc").write_text("#include <polyphase/polyphase.h>\n"
                                                  "int main() { return polyphase::Version() == nullptr; }\n")
            configure = ["cmake", "-S", folder, "-B", folder / "out", f"-DCMAKE_CXX_COMPILER={tree.cxx}",
                         f"-DCMAKE_PREFIX_PATH={folder / 'prefix'}"]
            if "find_package" not in program.source():
                (folder / "polyphase").symlink_to(ROOT)
                return call(configure)
            if call(["cmake", "--install", tree.build, "--prefix", folder / "prefix"]):
                return "left out: not everything was built that is installed"
            return call(configure) or call(["cmake", "--build", folder / "out"]) or call([folder / "out/my_program"])
        source = folder / f"snippet.{'cc' if program.language == 'cpp' else 'c'}"
        source.write_text(program.source())
        libraries = tree.build / "src"
        prelude = ["-include", tree.prelude] if program.language == "cpp" and not program.is_whole else []
        wrong = call([*tree.compiler(program.language), *prelude, source, "-o", folder / "snippet", f"-L{libraries}",
                      "-lpolyphase", f"-Wl,-rpath,{libraries}"])
        return wrong or call([folder / "snippet"], cwd=folder)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], pathlib.Path(folder) / "prelude.h")
        tree.prelude.write_text(PRELUDE)
        subprocess.run([*map(str, tree.compiler("cpp")), "-x", "c++-header", tree.prelude, "-o", f"{tree.prelude}.gch"],
                       check=True)
        return run_all(tree)


def run_all(tree: Tree) -> int:
    pages = [pathlib.Path(path).resolve() for path in sys.argv[3:]] or PAGES
    programs = [program for page in pages for program in programs_of(page)]
    failed, left_out = 0, 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for program, result in zip(programs, pool.map(lambda one: run(one, tree), programs)):
            if result is None:
                continue
            print(f"{program.name} ({program.language}): {result}")
            if result.startswith("left out"):
                left_out += 1
            else:
                failed += 1
    counts = ", ".join(f"{sum(one.language == language for one in programs)} {language}" for language in LANGUAGES)
    print(f"programs: {counts}; {failed} failed, {left_out} left out")
    return 1 if failed or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
