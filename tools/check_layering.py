#!/usr/bin/env python3
"""Checks that the includes of include/ and src/ obey the layer rules of src/README.md, and that tests/ has none
of bench/."""

import pathlib
import re
import sys

# The layers that each folder of src/ may include, besides itself and the public headers.
LAYERS = {
    "base": set(),
    "geometry": {"base"},
    "kernels": {"base"},
    "plan": {"geometry", "kernels", "base"},
    "exec": {"plan", "kernels", "geometry", "base"},
    "phase_conv": {"exec", "plan", "kernels", "geometry", "base"},
    "api": {"phase_conv", "exec", "plan", "geometry", "base"},
}
# Third-party headers, and the only layer that may include them.
PRIVATE = {"hwy": "kernels", "tbb": "exec", "oneapi": "exec"}
# The headers of the C++17 standard library, with those of C by both names.
STANDARD = set("""
    algorithm any array atomic bitset charconv chrono codecvt complex condition_variable deque exception execution
    filesystem forward_list fstream functional future initializer_list iomanip ios iosfwd iostream istream iterator
    limits list locale map memory memory_resource mutex new numeric optional ostream queue random ratio regex
    scoped_allocator set shared_mutex sstream stack stdexcept streambuf string string_view strstream system_error thread
    tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector""".split())
for name in """assert ctype errno fenv float inttypes limits locale math setjmp signal stdarg stddef stdint stdio stdlib
               string time uchar wchar wctype""".split():
    STANDARD |= {"c" + name, name + ".h"}


def broken_rule(path, included):
    """The rule that `#include "included"` breaks in the file `path` (both with '/'), or None."""
    top = included.split("/")[0] if "/" in included else None
    if path.startswith("include/"):
        if top != "polyphase" and included not in STANDARD:
            return "public headers include the C++17 standard library and polyphase/ alone"
        return None
    if path.startswith("tests/"):
        return "bench/ uses tests/ref, so that tests/ uses nothing of bench/" if top == "bench" else None
    layer = path.split("/")[1]
    if layer == "adapters":
        own = "/".join(path.split("/")[1:3]) + "/"
        if top in LAYERS or top in PRIVATE or (top == "polyphase" and included != "polyphase/polyphase_c.h"):
            return "an adapter uses the C API, polyphase/polyphase_c.h, alone"
        if (top == "adapters" and not included.startswith(own)) or included.startswith("."):
            return f"an adapter includes its own headers, by their path from src/ on: {own}"
        return None
    if layer not in LAYERS:
        return f"src/{layer} is no layer; the layers are {' '.join(LAYERS)}"
    if top == "adapters":
        return "adapters use the library, and nothing of it uses them"
    if top in PRIVATE and layer != PRIVATE[top]:
        return f"{top}/ belongs to src/{PRIVATE[top]} alone"
    if top in LAYERS and top != layer:
        if top not in LAYERS[layer]:
            return f"{layer} may include {', '.join(sorted(LAYERS[layer])) or 'no other layer'}"
        if included.endswith("-inl.h"):
            return "an -inl.h file is private to its layer"
    if included.startswith("."):
        return "write the path from src/ (or include/) on"
    return None


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    files = [file for folder in ("include", "src", "tests") for file in sorted((root / folder).rglob("*"))]
    checked = errors = 0
    for file in files:
        if file.suffix not in (".h", ".cc", ".c"):
            continue
        path = file.relative_to(root).as_posix()
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
            if not match:
                continue
            checked += 1
            rule = broken_rule(path, match[1])
            if rule:
                errors += 1
                print(f"{path}:{number}: includes {match[1]}: {rule}", file=sys.stderr)
    print(f"{checked} includes, {errors} against the layer rules")
    return 1 if errors or not checked else 0


# Each of these must be refused, or this script has lost its teeth.
for forbidden in (
    ("include/polyphase/tensor.h", "hwy/highway.h"),
    ("include/polyphase/tensor.h", "unistd.h"),
    ("include/polyphase/tensor.h", "plan/plan.h"),
    ("src/base/a.h", "geometry/a.h"),
    ("src/geometry/a.cc", "kernels/a.h"),
    ("src/kernels/a.cc", "geometry/a.h"),
    ("src/kernels/a.cc", "tbb/parallel_for.h"),
    ("src/plan/a.cc", "exec/a.h"),
    ("src/plan/a.cc", "hwy/highway.h"),
    ("src/plan/a.cc", "kernels/a-inl.h"),
    ("src/exec/a.cc", "api/a.h"),
    ("src/api/a.cc", "kernels/a.h"),
    ("src/api/a.cc", "oneapi/tbb.h"),
    ("src/extra/a.cc", "vector"),
    ("src/api/a.cc", "../plan/a.h"),
    ("src/api/a.cc", "adapters/onnxruntime/a.h"),
    ("src/adapters/onnxruntime/a.cc", "api/a.h"),
    ("src/adapters/onnxruntime/a.cc", "polyphase/operator.h"),
    ("src/adapters/onnxruntime/a.cc", "hwy/highway.h"),
    ("src/adapters/onnxruntime/a.cc", "adapters/python/a.h"),
    ("tests/ops/a_test.cc", "bench/a.h"),
):
    assert broken_rule(*forbidden), forbidden

if __name__ == "__main__":
    sys.exit(main())
