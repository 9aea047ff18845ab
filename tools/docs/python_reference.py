"""The reference of the Python package as Markdown, from its type stub and the docstrings of its layers."""

from __future__ import annotations

import ast
import inspect
import pathlib
import re
import textwrap

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "src/adapters/python/polyphase_kernels"
# What the docstrings of layers that have a rank leave open (polyphase_kernels/_layers.py), here for 2.
RANK = {"rank": "2", "axes": "h, w", "kernel": "kh, kw", "out": "h_out, w_out", "ones": "4, 4", "twice": "8, 8"}
FIELD = re.compile(r"([a-z_]+(?:, [a-z_]+)*): ")


def escape(text: str) -> str:
    """Text that Markdown leaves as it is, but for code."""
    return "".join(part if number % 2 else re.sub(r"([*_\[\]<>])", r"\\\1", part)
                   for number, part in enumerate(re.split(r"(`[^`]*`)", text)))


def markdown(docstring: str) -> str:
    """Lines that begin with names and a colon become a list, and examples code."""
    lines: list[str] = []
    kind = ""
    for line in inspect.cleandoc(docstring).splitlines():
        if line.startswith(">>>"):
            if kind != "code":
                lines += ["", "```pycon"]
            kind = "code"
        elif kind == "code" and not line:
            lines.append("```")
            kind = ""
        field = FIELD.match(line)
        if kind == "code":
            lines.append(line)
        elif field:
            if kind != "list":
                lines.append("")
            names = ", ".join(f"`{name}`" for name in field[1].split(", "))
            lines.append(f"- {names}: {escape(line[field.end():])}")
            kind = "list"
        elif kind == "list" and line.startswith("    "):
            lines.append("  " + escape(line.strip()))
        else:
            if kind == "list":
                lines.append("")
            kind = ""
            lines.append(escape(line))
    return "\n".join([*lines, "```"] if kind == "code" else lines)


def signature(function: ast.FunctionDef, common: set[str]) -> str:
    """Without types, and without what many functions have in common."""
    given = function.args
    defaults = [None] * (len(given.args) - len(given.defaults)) + list(given.defaults)
    parts, left_out = [], False
    for argument, default in [*zip(given.args, defaults), (None, None), *zip(given.kwonlyargs, given.kw_defaults)]:
        if argument is None:
            parts += ["*"] * bool(given.kwonlyargs)
        elif argument.arg in common:
            left_out = True
        else:
            parts.append(argument.arg + (f"={ast.unparse(default)}" if default else ""))
    if parts[-1] == "*":
        parts.pop()
    text = f"{function.name}({', '.join(parts + ['...'] * left_out)})"
    return textwrap.fill(text, 86, subsequent_indent=" " * (len(function.name) + 1))


def page() -> str:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    functions = {one.name: one for one in stub.body if isinstance(one, ast.FunctionDef)}
    classes = {one.name: one for one in ast.parse((PACKAGE / "_layers.py").read_text()).body
               if isinstance(one, ast.ClassDef)}

    def described(name: str, **replaced: str) -> str:
        """What a class says, and what its base says, unless that is one of the first two sections."""
        bases = [base.id for base in classes[name].bases if isinstance(base, ast.Name)]
        base = [described(one) for one in bases if one in ("Convolution", "Resampling")]
        docstring = ast.get_docstring(classes[name]) or ""
        if replaced:
            docstring = docstring.format(kernels={"ConvTranspose": "2, 2", "Conv": "3, 3"}[name], **replaced)
        return "\n\n".join([markdown(docstring), *base])

    common = {item.target.id for name in ("Layer", "Fused") for item in classes[name].body
              if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id != "_"}
    text = ["# Python reference", "", "`import polyphase_kernels`. [The package](../integrate/python_package.md) says "
            "what arrays it takes. Every function has a layer, a class that packs the weights once and keeps plans: "
            "`conv_transpose2d(x, w, stride=2)` is `ConvTranspose2d(w, stride=2)(x)`. In the signatures, `...` stands "
            "for the arguments of the first two sections.", "",
            "## Arguments of all layers", "", described("Layer"), "",
            "## Arguments of layers with an epilogue", "", described("Fused"), ""]
    for name in ("ConvTranspose", "Conv"):
        function = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
        text += [f"## {function}1d, {function}2d, {function}3d", "", "```python",
                 signature(functions[function + "2d"], common), "```", "",
                 described(name, **RANK), ""]
    for name, function in functions.items():
        layer = "".join(part.capitalize() for part in name.split("_"))
        if layer not in classes:
            continue
        text += [f"## {name}", "", "```python", signature(function, common), "```", "", described(layer), ""]
    return "\n".join(text)
