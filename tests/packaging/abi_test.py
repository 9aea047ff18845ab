#!/usr/bin/env python3
"""Compares the ABI of libpolyphase.so with abi.txt: abi_test.py LIBRARY COMPILER INCLUDE.

The list has the symbols that the library exports, and what the compiler says about the headers: offsets and sizes of
the fields of C structs, values of C enums, and sizes and alignments of C++ types. With POLYPHASE_WRITE_ABI=1 it is
written anew; once the changelog says that the ABI version is released, only if no program that was linked with it
breaks.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIST = pathlib.Path(__file__).with_name("abi.txt")
sys.path.insert(0, str(ROOT / "tools/python"))
sys.dont_write_bytecode = True
import generate_ctypes  # noqa: E402

SKIPPED = 77


def exported(library):
    """The symbols, and the version that all of them have."""
    symbols = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", "--with-symbol-versions", library],
                             check=True, text=True, capture_output=True).stdout
    names = [line.split()[0] for line in symbols.splitlines()]
    versions = {name.partition("@@")[2] for name in names if "@@" in name}
    assert len(versions) == 1, versions
    return [f"version {versions.pop()}", *(f"symbol {name.partition('@@')[0]}" for name in names if "@@" in name)]


def declared(compiler, include):
    """The structs and enums, as a program says that includes the headers."""
    header = (ROOT / "include/polyphase/polyphase_c.h").read_text(encoding="utf-8")
    module = {}
    exec(generate_ctypes.generate(header), module)  # which ffi_test.py holds against the header
    lines = []
    for name in re.findall(r"typedef struct (\w+) \{", header):
        lines.append(f'printf("struct {name} %zu\\n", sizeof({name}));')
        for field, _ in module[name]._fields_:
            lines.append(f'printf("field {name}.{field} %zu %zu\\n", offsetof({name}, {field}), '
                         f"sizeof((({name}*)0)->{field}));")
    for body in re.findall(r"typedef enum \w+ \{(.*?)\}", header, flags=re.S):
        lines += [f'printf("value {value} %d\\n", int({value}));' for value in re.findall(r"(PPH_\w+) =", body)]
    for value in re.findall(r"#define (PPH_\w+) (?:INT64_C\()?\d", header):
        lines.append(f'printf("value {value} %lld\\n", (long long){value});')
    for path in sorted((ROOT / "include/polyphase").glob("*.h")):
        for name in re.findall(r"^(?:struct|class)(?: POLYPHASE_EXPORT| \[\[nodiscard\]\])? (\w+) (?:: \w+ )?\{$",
                               path.read_text(encoding="utf-8"), flags=re.M):
            if name != "StatusOr":  # a template
                lines.append(f'printf("type polyphase::{name} %zu %zu\\n", sizeof(polyphase::{name}), '
                             f"alignof(polyphase::{name}));")
    program = ("#include <cstddef>\n#include <cstdio>\n#include <polyphase/polyphase.h>\n"
               "#include <polyphase/polyphase_c.h>\nint main() {\n" + "\n".join(lines) + "\n}\n")
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "layouts.cc"
        source.write_text(program, encoding="utf-8")
        subprocess.run([compiler, "-std=c++17", f"-I{ROOT / 'include'}", f"-I{include}", source, "-o",
                        source.with_suffix("")], check=True)
        return subprocess.run([source.with_suffix("")], check=True, text=True, capture_output=True).stdout.splitlines()


def broken(old, new):
    """The lines of `old` on which programs rely and which `new` does not keep. C structs may grow at their ends."""
    kept = set(new)
    sizes = {line.split()[1]: int(line.split()[2]) for line in new if line.startswith("struct ")}
    for line in old:
        kind, name, *values = line.split()
        if line not in kept and not (kind == "struct" and sizes.get(name, 0) >= int(values[0])):
            yield line


def is_released(version):
    """Says whether the changelog has a version of this ABI, as "version POLYPHASE_0.2", that is not "(unreleased)"."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    number = re.escape(version.rpartition("_")[2])
    return re.search(rf"^## {number}\.\d+\b(?!.*\(unreleased\))", changelog, re.M) is not None


def main():
    library, compiler, include = sys.argv[1:]
    if shutil.which("nm") is None or sys.maxsize < 2**32 or "GLIBC" not in os.confstr("CS_GNU_LIBC_VERSION").upper():
        print("skipped: the list is that of 64-bit glibc, and needs nm")
        return SKIPPED
    found = sorted(exported(library) + declared(compiler, include))
    committed = LIST.read_text(encoding="utf-8").splitlines() if LIST.exists() else []
    version = next((line for line in committed if line.startswith("version ")), None)
    lost = list(broken(committed, found)) if version in found and is_released(version) else []
    if lost:
        print("Programs that were linked with this ABI version rely on what is gone or has changed:", *lost, sep="\n  ")
        print("Keep it, or raise the minor version in CMakeLists.txt, which is that of the ABI.")
        return 1
    if os.environ.get("POLYPHASE_WRITE_ABI"):
        LIST.write_text("\n".join(found) + "\n", encoding="utf-8")
    elif found != committed:
        for line in sorted(set(found) ^ set(committed)):
            print("new: " if line in found else "gone:", line)
        print("If that is intended: POLYPHASE_WRITE_ABI=1 ctest --preset gcc-release -R packaging.abi")
        return 1
    kinds = [line.split()[0] for line in found]
    print(", ".join(f"{kinds.count(kind)} {kind}s" for kind in ("symbol", "struct", "field", "value", "type")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
