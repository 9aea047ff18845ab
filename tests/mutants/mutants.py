#!/usr/bin/env python3
"""Applies small faults, one at a time, to a copy of the sources, and tells which of them no test notices.

The tables beside this file are TOML. A mutant is

    [name]
    file = "src/kernels/pool.cc"
    was = '''text that occurs exactly once in the file'''
    now = '''what takes its place'''
    tests = ["ops_pool_test:MaxPool.*"]   # programs, each with a gtest filter if need be, one of which must turn red

A fault that only AVX-512 shows has needs = "avx3" as well.

The copy is build/mutants/tree. It is built in build/mutants/build, with assertions, for AVX2 and the baseline alone,
which takes a third of the time of all targets, and for AVX-512 where a mutant needs it. Both folders stay for the next
time. The tests must pass without a mutant first.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

TOP = pathlib.Path(__file__).resolve().parents[2]
TREE = TOP / "build/mutants/tree"
BUILD = TOP / "build/mutants/build"
DISABLED_TARGETS = "HWY_AVX3_DL|HWY_SSE4|HWY_SSSE3"
TIMEOUT_SECONDS = 180  # of one program: an endless loop is noticed as well


def read_tables():
    mutants = {}
    for path in sorted(pathlib.Path(__file__).parent.glob("*.toml")):
        for name, mutant in tomllib.loads(path.read_text()).items():
            if set(mutant) - {"needs"} != {"file", "was", "now", "tests"} or not mutant["tests"]:
                sys.exit(f"{path.name}: {name}: must have file, was, now and tests, and nothing else but needs")
            if mutant.get("needs", "avx3") != "avx3":
                sys.exit(f"{path.name}: {name}: needs = {mutant['needs']}: must be avx3")
            mutants[f"{path.stem}/{name}"] = mutant
    return mutants


def mutate(mutant, text):
    """Returns the text with the fault, or None where the mutant does not fit."""
    return text.replace(mutant["was"], mutant["now"]) if text.count(mutant["was"]) == 1 else None


def copy_sources():
    """Brings the copy up to date. Equal files are left alone, so that nothing is built again for them."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TOP,
                            check=True, capture_output=True).stdout.decode()
    names = {name for name in listed.split("\0") if name and (TOP / name).is_file()}
    for path in TREE.rglob("*"):
        if path.is_file() and str(path.relative_to(TREE)) not in names:
            path.unlink()
    for name in names:
        source, target = TOP / name, TREE / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)


def has_avx3():
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    return cpuinfo.is_file() and {"avx512dq", "avx512bw", "avx512vl"} <= set(cpuinfo.read_text().split())


def configure(avx3):
    disabled = DISABLED_TARGETS if avx3 else f"{DISABLED_TARGETS}|HWY_AVX3"
    subprocess.run(["cmake", "-G", "Ninja", "-S", TREE, "-B", BUILD, "-DCMAKE_BUILD_TYPE=Debug",
                    "-DCMAKE_CXX_FLAGS_DEBUG=-O1", "-DPOLYPHASE_INSTALL=OFF",
                    f"-DPOLYPHASE_DISABLED_TARGETS={disabled}"], check=True, stdout=subprocess.DEVNULL)


def build(programs, jobs):
    """Builds test programs. Returns the end of the compiler's output where that fails, otherwise None."""
    result = subprocess.run(["cmake", "--build", BUILD, f"-j{jobs}", "--target", *sorted(programs)],
                            capture_output=True, text=True)
    return None if result.returncode == 0 else result.stdout[-3000:]


def program_of(test):
    return test.partition(":")[0]


def run(test):
    """Runs a test. Returns in a few words how it fails, or None where it passes."""
    program, _, gtest_filter = test.partition(":")
    command = [BUILD / "tests" / program, "--gtest_brief=1", "--gtest_fail_fast"]
    if gtest_filter:
        command.append(f"--gtest_filter={gtest_filter}")
    try:
        result = subprocess.run(command, cwd=TREE, capture_output=True, text=True, errors="replace",
                                timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return "does not end"
    if re.search(r"^\[==========\] 0 tests", result.stdout, re.MULTILINE):
        sys.exit(f"{test}: no test of this name")
    if result.returncode == 0:
        return None
    failed = re.findall(r"^\[  FAILED  \] ([\w./]+)", result.stdout, re.MULTILINE)
    return failed[0] if failed else f"ends with {result.returncode}"


def try_mutant(mutant, jobs):
    """Builds and tests a mutant and returns its status and a detail; the copy is as it was afterwards."""
    path = TREE / mutant["file"]
    original = path.read_text() if path.is_file() else ""
    mutated = mutate(mutant, original)
    if mutated is None:
        return "STALE", f"{original.count(mutant['was'])} places in {mutant['file']} have the text, must be 1"
    path.write_text(mutated)
    try:
        if errors := build({program_of(test) for test in mutant["tests"]}, jobs):
            return "DOES NOT COMPILE", errors
        for test in mutant["tests"]:
            if failure := run(test):
                return "KILLED", f"{program_of(test)}: {failure}"
        return "SURVIVED", ", ".join(mutant["tests"])
    finally:
        path.write_text(original)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="the begin of table/name; without any, all run")
    parser.add_argument("--list", action="store_true", help="check that the tables fit the sources, and build nothing")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count(), help="of the builds")
    args = parser.parse_args()
    mutants = read_tables()
    for begin in args.names:
        if not any(name.startswith(begin) for name in mutants):
            sys.exit(f"no mutant begins with {begin}")
    mutants = {name: mutant for name, mutant in mutants.items()
               if not args.names or any(name.startswith(begin) for begin in args.names)}
    if args.list:
        stale = [name for name, mutant in mutants.items() if mutate(mutant, (TOP / mutant["file"]).read_text()) is None]
        for name in mutants:
            print("STALE " if name in stale else "      ", name)
        sys.exit(1 if stale else 0)

    needing = {name for name, mutant in mutants.items() if "needs" in mutant}
    if not has_avx3():
        for name in sorted(needing):
            print(f"LEFT OUT {name}: this CPU has no AVX-512")
            del mutants[name]
        needing = set()

    TREE.mkdir(parents=True, exist_ok=True)
    copy_sources()
    configure(avx3=bool(needing))
    tests = {test for mutant in mutants.values() for test in mutant["tests"]}
    programs = {program_of(test) for test in tests}
    if errors := build(programs, args.jobs):
        sys.exit(f"without a mutant, the build fails:\n{errors}")
    for program in sorted(programs):  # each of its tests once, though several filters may have it
        filters = {test.partition(":")[2] or "*" for test in tests if program_of(test) == program}
        if failure := run(f"{program}:{':'.join(sorted(filters))}"):
            sys.exit(f"without a mutant, {program} fails: {failure}")

    statuses = []
    # Mutants of one file are neighbours: the file is built once for each of them, the others not at all.
    for name, mutant in sorted(mutants.items(), key=lambda item: item[1]["file"]):
        status, detail = try_mutant(mutant, args.jobs)
        statuses.append(status)
        print(f"{status:8} {name}: {detail}", flush=True)
    print(", ".join(f"{statuses.count(status)} {status}" for status in sorted(set(statuses))))
    sys.exit(0 if set(statuses) <= {"KILLED"} else 1)


if __name__ == "__main__":
    main()
