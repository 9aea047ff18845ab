#!/usr/bin/env python3
"""Puts together what Sphinx reads: tools/docs/stage.py FOLDER XML

The pages of tools/docs/site, the figures, the texts that live elsewhere in the repository, whose links are made to fit,
what Doxygen's XML has of each header, and the reference of the Python package."""

from __future__ import annotations

import os
import pathlib
import re
import sys
import xml.etree.ElementTree

import figures
import python_reference

ROOT = pathlib.Path(__file__).resolve().parents[2]
SITE = ROOT / "tools" / "docs" / "site"
# Texts from elsewhere, and their pages.
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "src/README.md": "contributing/map.md",
    "tools/docs/CONTRIBUTING.md": "contributing/index.md",
    "third_party/README.md": "contributing/dependencies.md",
    "tools/docs/promises.md": "promises.md",
    "tools/docs/SECURITY.md": "security.md",
    "src/adapters/onnxruntime/README.md": "integrate/onnxruntime_provider.md",
    "src/adapters/python/README.md": "integrate/python_package.md",
}
# A link of Markdown to a file; or code, which is left alone: a block, or within a line.
LINK_OR_CODE = re.compile(r"(!?)\[([^\]]+)\]\(([^)#:\s]+)(#[^)\s]*)?\)"
                          r"|^```[\s\S]*?^```$|^(?:    .*\n)+|`[^`\n]+`", re.MULTILINE)


def fit_links(text: str, source: pathlib.PurePosixPath, page: pathlib.PurePosixPath) -> str:
    """The text of `source` with links that work in `page`: a file that is no page becomes its name."""
    def fit(match: re.Match[str]) -> str:
        image, label, target, anchor = match.groups()
        if not target:
            return match[0]
        path = os.path.normpath(source.parent / target)
        if not (ROOT / path).exists():
            sys.exit(f"tools/docs/stage.py: {source}: {target} is not there")
        if image:
            return f"![{label}]({os.path.relpath('figures/' + pathlib.Path(path).name, page.parent)})"
        if path in ELSEWHERE or path.startswith("tools/docs/site/"):
            there = ELSEWHERE.get(path, path.removeprefix("tools/docs/site/"))
            return f"[{label}]({os.path.relpath(there, page.parent)}{anchor or ''})"
        return label if "`" in label else f"`{label}`"

    return LINK_OR_CODE.sub(fit, text)


# The headers of the C++ reference; tools/docs/site/reference/cpp.md has their order.
HEADERS = {
    "operator": "Operators and plans", "tensor": "Tensors", "runtime": "Runtime", "status": "Status",
    "weights": "Weights and numerics", "epilogue": "Epilogue", "conv_transpose": "ConvTranspose", "conv": "Conv",
    "resize": "Resize", "pixel_shuffle": "PixelShuffle", "pool": "Pooling and unpooling",
    "convex_upsample": "ConvexUpsample", "convert": "Convert", "auto_pad": "AutoPad"}


def reference(folder: pathlib.Path) -> dict[str, str]:
    """A page for each header: what it declares in the namespace, in the header's order."""
    def parse(name: str) -> xml.etree.ElementTree.Element:
        return xml.etree.ElementTree.parse(folder / f"{name}.xml").getroot()

    found: dict[str, list[tuple[int, str]]] = {}

    def add(element: xml.etree.ElementTree.Element, directive: str, name: str | None, options: str = "") -> None:
        location = element.find("location")
        assert location is not None
        text = f"```{{doxygen{directive}}} {name}\n{options}```\n"
        found.setdefault(pathlib.Path(location.attrib["file"]).stem, []).append((int(location.attrib["line"]), text))

    namespace = parse("namespacepolyphase")
    for inner in namespace.iter("innerclass"):
        compound = parse(inner.attrib["refid"])[0]
        add(compound, compound.attrib["kind"], compound.findtext("compoundname"), ":members:\n:undoc-members:\n")
    for member in namespace.iter("memberdef"):
        if member.attrib["kind"] in ("enum", "function", "variable", "typedef"):
            add(member, member.attrib["kind"], f"polyphase::{member.findtext('name')}")
    if set(found) != set(HEADERS):
        sys.exit(f"tools/docs/stage.py: HEADERS and include/polyphase differ: {set(found) ^ set(HEADERS)}")
    return {f"reference/{name}.md": f"# {title}\n\n`#include <polyphase/{name}.h>`\n\n" +
            "\n".join(text for _, text in sorted(found[name])) for name, title in HEADERS.items()}


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    files = {path.relative_to(SITE).as_posix(): path.read_bytes() for path in SITE.rglob("*") if path.is_file()}
    files.update({page: text.encode() for page, text in reference(pathlib.Path(sys.argv[2])).items()})
    for source, page in ELSEWHERE.items():
        text = (ROOT / source).read_text()
        fitted = fit_links(text, pathlib.PurePosixPath(source), pathlib.PurePosixPath(page))
        files[page] = (f"% From {source}\n\n" + fitted).encode()
    files["reference/python.md"] = python_reference.page().encode()
    readme = pathlib.PurePosixPath("README.md")
    fit_links((ROOT / readme).read_text(), readme, readme)  # is no page, but its links are looked at as well
    for name, draw in figures.FIGURES.items():
        files[f"figures/{name}.svg"] = draw().svg().encode()
    for picture in (ROOT / "tools" / "docs").glob("*.svg"):
        files[f"figures/{picture.name}"] = picture.read_bytes()
    for program in [*(ROOT / "tests" / "examples").glob("*.*"), ROOT / "tests" / "consumer" / "engine.c"]:
        files[f"programs/{program.name}"] = program.read_bytes()  # which pages include
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


if __name__ == "__main__":
    main()
