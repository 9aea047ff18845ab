#!/usr/bin/env python3
"""Checks that the tests that tools/docs/promises.md names exist, and that each promise has one."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "tools/docs/promises.md"


def existing_tests():
    """The names of GoogleTest's tests, Suite.Name, and of those that CMake adds."""
    names = set()
    for source in (ROOT / "tests").rglob("*_test.cc"):
        text = source.read_text(encoding="utf-8")
        names |= {".".join(test) for test in re.findall(r"^(?:TYPED_)?TEST(?:_[FP])?\((\w+), (\w+)\)", text, re.M)}
    added = re.findall(r"add_test\(NAME (?:\$\{test_prefix\})?([\w.]+) ", (ROOT / "tests/CMakeLists.txt").read_text())
    return names | set(added)


def main():
    tests = existing_tests()
    promises, wrong = 0, []
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("| ") or re.match(r"\| (promise|---)", line):
            continue
        promises += 1
        guards = re.findall(r"`([\w.]+\.\w+)`", line.rstrip("| ").rpartition(" | ")[2])
        if not guards:
            wrong.append(f"{PAGE.name}:{number}: a promise that no test guards")
        wrong += [f"{PAGE.name}:{number}: there is no test {name}" for name in guards if name not in tests]
    print(*wrong, f"{promises} promises", sep="\n")
    return 1 if wrong or promises == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
