"""Counts the instructions and the heap calls of a run of each row, in a build of the library."""

import collections
import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
import platform
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence

import workloads

ISAS = ("avx2", "sse4")
LAYOUTS = ("nchwc16", "nchw")
# Processes per ISA. Not the number of cores: what a process ran before a row may move its count by some instructions.
PARTS = 4

# Which of the library's object files are run by the rows of some ops alone. All others are shared by all rows.
FAMILIES = {
    "convolution": (
        re.compile("conv_transpose|nearest_conv|conv_pixel_shuffle"),
        {"geometry/conv", "geometry/conv_transpose", "geometry/phases", "kernels/conv_tile", "kernels/matrix_tile",
         "kernels/matrix_tile_x86", "kernels/planar_tile", "kernels/winograd", "phase_conv/direct",
         "phase_conv/gemm_col2im", "phase_conv/lower_conv", "phase_conv/lower_conv_transpose", "phase_conv/matrix",
         "phase_conv/planar", "phase_conv/plan", "phase_conv/problem", "phase_conv/task", "phase_conv/weights",
         "phase_conv/winograd"}),
    "resize": (
        re.compile("resize"),
        {"exec/resize", "geometry/resize", "geometry/resize_axis", "geometry/resize_presets", "kernels/resize_row",
         "plan/resize"}),
    "shuffle": (
        re.compile("pixel_"),
        {"exec/rearrange", "geometry/pixel_shuffle", "plan/rearrange"}),
    "convex": (
        re.compile("convex_upsample"),
        {"exec/convex_upsample", "geometry/convex_upsample", "kernels/convex_upsample", "plan/convex_upsample"}),
    "pool": (
        re.compile("max_unpool"),
        {"exec/max_unpool", "exec/pool", "geometry/pool", "kernels/max_unpool", "kernels/pool", "plan/max_unpool",
         "plan/pool"}),
}
SHARED = "shared"


class Error(Exception):
    """What cannot be built or counted; the text is for the user."""


@dataclasses.dataclass(frozen=True, order=True)
class Row:
    """A row of the table in a layout, run with an instruction set."""

    name: str  # op/id/layout
    isa: str

    @property
    def family(self) -> str:
        op = self.name.partition("/")[0]
        return next((name for name, (ops, _) in FAMILIES.items() if ops.match(op)), SHARED)


@dataclasses.dataclass(frozen=True)
class Count:
    """Of one run."""

    instructions: int | None  # None where it ran without valgrind
    heap_calls: int


class Build:
    """A folder that CMake configured, brought up to date."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Raises Error."""
        self.folder = folder
        cache = folder / "CMakeCache.txt"
        if not cache.is_file():
            raise Error(f"--build '{folder}' must be a folder that CMake configured: `cmake --preset gcc-release`")
        self._cache = dict(re.findall(r"^(\w+):\w+=(.*)$", cache.read_text(encoding="utf-8"), re.MULTILINE))
        if self._cache.get("CMAKE_BUILD_TYPE") != "Release" or self._cache.get("POLYPHASE_SANITIZE"):
            raise Error(f"--build '{folder}' must be of type Release and without sanitizers")
        made = subprocess.run(["cmake", "--build", folder, "--target", "polyphase_count"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if made.returncode != 0:
            raise Error(f"{made.stdout[-2000:]}polyphase_count cannot be built in {folder} (it needs valgrind's "
                            "headers, which `tools/setup.sh perf` installs; then configure again)")
        self.program = folder / "bench" / "polyphase_count"

    def environment(self) -> str:
        """What counts depend on beside the code."""
        flags = f"{self._cache['CMAKE_CXX_FLAGS']} {self._cache['CMAKE_CXX_FLAGS_RELEASE']}".strip()
        versions = subprocess.run([self.program, "--environment"], text=True, stdout=subprocess.PIPE, check=True)
        return f"{platform.machine()}, {versions.stdout.strip()}, {flags}"

    def code(self) -> dict[str, str]:
        """A hash per family of what its rows run: its own files and what is shared, to which the table belongs and how
        it is run."""
        library = self.folder / "src" / "CMakeFiles" / "polyphase_objects.dir"
        bench = self.folder / "bench" / "CMakeFiles"
        runs_it = [bench / "polyphase_bench_parts.dir" / f"{name}.cc.o" for name in ("case", "shrink", "workloads")]
        runs_it += bench.glob("polyphase_count.dir/**/count.cc.o")
        parts = collections.defaultdict(hashlib.sha256)
        parts[SHARED].update(workloads.PATH.read_bytes())
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "code.o"
            for path in (*sorted(library.glob("*/*.o")), *runs_it):
                subprocess.run(["objcopy", "--strip-debug", "--remove-section=.comment", "--remove-section=.eh_frame",
                                "--remove-section=.note*", path, copy], check=True)
                part = parts[family_of(path.relative_to(library)) if path.is_relative_to(library) else SHARED]
                part.update(path.name.encode())
                part.update(hashlib.sha256(copy.read_bytes()).digest())
        return with_shared({name: part.digest() for name, part in parts.items()})


def all_rows() -> list[Row]:
    """Those of the table that the library has."""
    return sorted(Row(f"{op}/{id}/{layout}", isa) for id, op in workloads.read() for layout in LAYOUTS for isa in ISAS)


def with_shared(parts: dict[str, bytes]) -> dict[str, str]:
    """Of the hashes of the parts of the code: one per family, which what is shared is in."""
    return {name: hashlib.sha256(parts.get(name, b"") + parts[SHARED]).hexdigest()[:16] for name in (SHARED, *FAMILIES)}


def family_of(path: pathlib.PurePath) -> str:
    """Of an object file, relative to the library's: whose rows run it."""
    name = path.as_posix().removesuffix(".cc.o")
    return next((family for family, (_, files) in FAMILIES.items() if name in files), SHARED)


def count(build: Build, rows: Sequence[Row], jobs: int, keep: pathlib.Path | None, valgrind: bool,
          done: Callable[[str], None]) -> dict[Row, Count]:
    """Runs the rows, `jobs` processes at once: under callgrind, whose files stay in `keep`, one per row; or, much
    quicker, without `valgrind`, for the heap calls alone.

    Raises Error with what the first process said that failed.
    """
    counts: dict[Row, Count] = {}
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        dumps = keep or pathlib.Path(folder)
        dumps.mkdir(parents=True, exist_ok=True)
        futures = []
        for isa in ISAS:
            of_isa = [row for row in rows if row.isa == isa]
            for part in range(min(PARTS, len(of_isa))):
                futures.append(pool.submit(_count_part, build, isa, of_isa[part::PARTS],
                                           dumps / f"{isa}.{part}" if valgrind else None, done))
        try:
            for future in concurrent.futures.as_completed(futures):
                counts.update(future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return counts


def _count_part(build: Build, isa: str, rows: Sequence[Row], dump: pathlib.Path | None,
                done: Callable[[str], None]) -> dict[Row, Count]:
    # The costs of PLT entries, which callgrind otherwise skips, would be counted twice in a part's total. Without an
    # environment, stacks begin where they begin elsewhere.
    cases = {(row.name.split("/")[1], row.name.split("/")[2]): row for row in rows}
    for old in _dumps(dump):
        old.unlink()
    callgrind = ["valgrind", "--tool=callgrind", "--skip-plt=no", "--dump-line=no", f"--callgrind-out-file={dump}"]
    process = subprocess.Popen(
        [*(callgrind if dump else ()), build.program, workloads.PATH, isa],
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath), "LD_BIND_NOW": "1"})
    errors: list[str] = []
    reader = threading.Thread(target=lambda: errors.extend(process.stderr))
    reader.start()
    with process:
        process.stdin.write("".join(f"{workload} {layout}\n" for workload, layout in cases))
        process.stdin.close()
        heap_calls = {}
        for line in process.stdout:
            workload, layout, calls = line.split("\t")[:3]
            heap_calls[cases[workload, layout]] = int(calls)
            done(cases[workload, layout].name)
        reader.join()
    if process.returncode != 0 or len(heap_calls) != len(rows):
        said = "".join([line for line in errors if not line.startswith("==")] or errors)[-2000:].rstrip()
        raise Error(f"polyphase_count {isa} ended with {process.returncode}: {said}")
    instructions = dict(read_dump(path) for path in _dumps(dump))
    return {row: Count(instructions[" ".join(case)] if dump else None, heap_calls[row]) for case, row in cases.items()}


def _dumps(dump: pathlib.Path | None) -> list[pathlib.Path]:
    """Callgrind's files of a process."""
    return list(dump.parent.glob(f"{dump.name}.*")) if dump else []


def read_dump(path: pathlib.Path) -> tuple[str, int]:
    """The request that made a file of callgrind's, and the instructions in it."""
    text = path.read_text(encoding="utf-8")
    request = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
    total = re.search(r"^totals: (\d+)", text, re.MULTILINE)
    return request[1] if request else "", int(total[1]) if total else 0
