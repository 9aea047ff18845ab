#!/usr/bin/env python3
"""Prints the type stub of polyphase_kernels, whose layers and functions are made when it is imported:
PYTHONPATH=build/gcc-release/python tools/python/generate_stub.py > src/adapters/python/polyphase_kernels/__init__.pyi
"""

import dataclasses
import inspect
import re
import textwrap

import polyphase_kernels as package

HEADER = '''"""Made by tools/python/generate_stub.py; tests/python/layers_test.py compares."""

from typing import Any, List, Optional, Sequence, Tuple, Union

from numpy import ndarray

'''


def signature(function, returned=None):
    """The signature as text, with a type for everything."""
    found = inspect.signature(function)
    parameters = [one if one.name == "self" or one.annotation is not one.empty else one.replace(annotation="Any")
                  for one in found.parameters.values()]
    text = str(found.replace(parameters=parameters, return_annotation=found.empty))
    text = text.replace("typing.", "").replace("'Any'", "Any").replace("NoneType", "None")
    return f"{text} -> {returned}" if returned else text


def wrapped(line):
    """The lines of a function, broken between its parameters."""
    indent = " " * (len(line) - len(line.lstrip()) + 8)
    parts = re.split(r"(?<=,) (?=\*,|\w+: )", line)  # not within a type
    lines = textwrap.wrap(" ".join(part.replace(" ", "\0") for part in parts), 120, subsequent_indent=indent,
                          break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")


def generate():
    arrays = {"MaxPool": "Union[ndarray, Tuple[ndarray, ndarray]]"}
    arrays["max_pool"] = arrays["MaxPool"]
    returned = {"fold_batch_norm": "Tuple[ndarray, ndarray]", "targets": "List[Tuple[str, bool, bool]]"}
    lines = ["__version__: str", "", "", "class Plan:", "    workspace_bytes: int", "",
             "    def describe(self) -> str: ...", ""]
    names = ["Layer", *(name for name in package.__all__ if name not in ("Layer", "Plan"))]
    for name in names:
        value = getattr(package, name)
        if not inspect.isclass(value):
            kind = returned.get(name) or ("str" if name.startswith("get_") or name.endswith("_path") else "ndarray")
            lines += ["", wrapped(f"def {name}{signature(value, arrays.get(name, kind))}: ..."), ""]
            continue
        bases = [base for base in value.__mro__[1:] if base.__name__ in names]
        lines += ["", f"class {name}({bases[0].__name__}):" if bases else f"class {name}:"]
        inherited = {one.name for base in bases for one in dataclasses.fields(base)}
        for one in dataclasses.fields(value):
            if one.name not in inherited:
                lines.append(f"    {one.name}: {inspect.formatannotation(one.type).replace('typing.', '')}"
                             .replace("NoneType", "None"))
        if name == "Layer":
            lines += ["", "    def plan(self, shape: Sequence[int], dtype: Any = 'float32') -> Plan: ...",
                      "    def describe(self) -> str: ..."]
        elif name != "Fused":
            text = signature(value).replace("(", "(self, ", 1).replace("(self, )", "(self)")
            call = signature(value.__call__, arrays.get(name, "ndarray"))
            lines += ["", wrapped(f"    def __init__{text} -> None: ..."), wrapped(f"    def __call__{call}: ...")]
        lines.append("")
    return HEADER + "\n".join(lines)


if __name__ == "__main__":
    print(generate(), end="")
