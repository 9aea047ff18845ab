#!/usr/bin/env python3
"""Writes a Python module with the ctypes declarations of polyphase_c.h: generate_ctypes.py HEADER MODULE.

The header has no macro that a caller needs, so the declarations follow from its text alone.
"""

import os
import pathlib
import re
import sys

SCALARS = {"size_t": "c_size_t", "int32_t": "c_int32", "int64_t": "c_int64", "float": "c_float", "double": "c_double",
           "pph_status": "c_int"}


def value_names(names):
    """What Python calls the values of an enum: without their common words, and "none" whatever it is of."""
    common = os.path.commonprefix(names)
    common = common[:common.rindex("_") + 1]
    return ["none" if name.endswith("_NONE") else name[len(common):].lower() for name in names]


def ctype(declaration, structs):
    """The ctypes expression for a C type such as "const float*"."""
    base, stars = re.fullmatch(r"(?:const )?(\w+)(\**)", declaration).groups()
    if not stars:
        return SCALARS.get(base, "c_void_p")  # pph_task is the only other one
    if base == "char":
        return "c_char_p"
    if base in structs:
        return f"POINTER({base})"
    if stars == "**":
        return "POINTER(c_void_p)"
    return f"POINTER({SCALARS[base]})" if base in ("size_t", "int32_t") else "c_void_p"


def field(declaration, structs, constants):
    """The name and the ctypes expression of a field, whose comments are gone."""
    function = re.match(r"\w+\*? \(\*(\w+)\)", declaration)
    if function:
        return function[1], "c_void_p"
    kind, name, length = re.fullmatch(r"(.+?[ *])(\w+)(?:\[(\w+)\])?", declaration).groups()
    kind = ctype(kind.strip(), structs)
    return name, f"{kind} * {constants[length]}" if length else kind


def generate(text):
    without_comments = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    constants = dict(re.findall(r"#define (PPH_\w+) (?:INT64_C\()?(\d+)", without_comments))
    structs = re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, flags=re.S)
    names = {name for name, _ in structs}
    lines = ['"""polyphase_c.h. Made by tools/python/generate_ctypes.py, and not to be changed."""', "",
             "from ctypes import POINTER, Structure, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t,"
             " c_void_p", ""]
    lines += [f"{name} = {value}" for name, value in constants.items()]
    lines += ["", "# Enums: the values by their names."]
    for name, body in re.findall(r"typedef enum (\w+) \{(.*?)\} \1;", without_comments, flags=re.S):
        values = re.findall(r"(PPH_\w+) = (\d+)", body)
        pairs = zip(value_names([value for value, _ in values]), values)
        lines.append(f"{name} = {{{', '.join(f'{short!r}: {number}' for short, (_, number) in pairs)}}}")
    lines += ["", "# Structs. _enums_ names the enums of their fields."]
    for name, _ in structs:
        lines += [f"class {name}(Structure):", "    pass", ""]
    for name, body in structs:
        enums = re.findall(r"int32_t (\w+); +/\* (pph_\w+)", body)
        body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
        fields = [field(" ".join(line.split()), names, constants) for line in body.split(";")[:-1]]
        lines += [f"{name}._fields_ = [", *(f"    ({key!r}, {kind})," for key, kind in fields), "]",
                  f"{name}._enums_ = {{{', '.join(f'{key!r}: {enum}' for key, enum in enums)}}}"]
    lines += ["", "# Functions: what they return and take.", "FUNCTIONS = {"]
    for returned, name, arguments in re.findall(r"POLYPHASE_EXPORT ([\w ]+\*?) ?(pph_\w+)\(([^;]*)\);",
                                                without_comments):
        returned = "None" if returned.strip() == "void" else ctype(returned.strip(), names)
        taken = [] if arguments == "void" else [
            ctype(re.sub(r" ?\w+$", "", " ".join(argument.split())), names) for argument in arguments.split(",")]
        lines.append(f"    {name!r}: ({returned}, [{', '.join(taken)}]),")
    return "\n".join(lines + ["}", ""])


if __name__ == "__main__":
    header, module = map(pathlib.Path, sys.argv[1:])
    module.write_text(generate(header.read_text(encoding="utf-8")), encoding="utf-8")
