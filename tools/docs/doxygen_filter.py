#!/usr/bin/env python3
"""Turns the plain comments of a header into Doxygen's: tools/docs/doxygen_filter.py HEADER

A comment above a declaration documents it, and one behind it does so, too. Lines that are indented within a comment are
formulas, which stay as they are, or items of a list, if they begin with a name and a colon."""

from __future__ import annotations

import re
import sys

ITEM = re.compile(r'(\s+[\w, ]+: )|("\w+"\s{2,})')
BEHIND = re.compile(r"^(.*[;,(]|.*\bPPH_\w+ = \d+)\s*(?:// (.*)|/\* (.*) \*/)$")


def escape(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", re.sub(r"([\\@<>&#%])", r"\\\1", text))


def paragraphs(lines: list[str]) -> list[str]:
    """Doxygen's markup of a comment's lines, which have lost the comment's signs."""
    result: list[str] = []
    kind = "text"
    for line in lines:
        indented = line.startswith("  ")
        if kind == "formula" and not indented:
            result.append("@endverbatim")
            kind = "text"
        if ITEM.match(line):
            if kind == "formula":
                result.append("@endverbatim")
            result.append("@li " + escape(line.strip()))
            kind = "item"
        elif indented and kind != "item":
            if kind != "formula":
                result.append("@verbatim")
            result.append(line[2:])
            kind = "formula"
        else:
            if kind == "item" and not indented:
                result.append("")
                kind = "text"
            result.append(escape(line.strip()))
    return [*result, "@endverbatim"] if kind == "formula" else result


def convert(text: str) -> str:
    lines = text.splitlines()
    result: list[str] = []
    i = 0
    while i < len(lines):
        line = lines[i]
        begin = i
        block: list[str] = []
        if re.match(r"\s*//", line):
            while i < len(lines) and re.match(r"\s*//", lines[i]):
                block.append(re.sub(r"^\s*// ?", "", lines[i]))
                i += 1
        elif re.match(r"\s*/\*", line):
            while True:
                block.append(re.sub(r"^\s*(/\*[- ]*|\* ?)", "", lines[i].replace("*/", "")).rstrip())
                i += 1
                if "*/" in lines[i - 1]:
                    break
        if i > begin:
            block = [one for one in block if not one.startswith("NOLINT")]
            if block:
                made = paragraphs(block)
                result.append("/** " + ("@file\n" if begin == 0 else "") + "\n".join(made) + " */")
            continue
        i += 1
        line = re.sub(r"\s*// NOLINT.*", "", line)
        # C's tag and type of the same name would be documented twice.
        line = re.sub(r"^typedef ((?:struct|enum) \w+ \{)", r"\1", line)
        line = re.sub(r"(^| )\} \w+;$", r"\1};", line)
        match = BEHIND.match(line)
        if match and not line.lstrip().startswith("#"):
            line = f"{match[1]} /**< {escape(match[2] or match[3])} */"
        result.append(line)
    return "\n".join(result) + "\n"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as header:
        sys.stdout.write(convert(header.read()))
