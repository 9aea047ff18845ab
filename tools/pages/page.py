"""What the HTML pages of the demo, of tools/compare_peers and of tools/perf have in common: page.html, the frame that
their templates extend; page.css, their style; bars.html. Each page is one file, which loads nothing."""

from __future__ import annotations

import pathlib

import jinja2

FOLDER = pathlib.Path(__file__).resolve().parent


def environment(*folders: pathlib.Path) -> jinja2.Environment:
    """Finds templates in the folders, then in this one; escapes what goes into HTML."""
    made = jinja2.Environment(loader=jinja2.FileSystemLoader([*folders, FOLDER]),
                              autoescape=jinja2.select_autoescape(["html", "html.j2"]), trim_blocks=True,
                              lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    made.filters["milliseconds"] = milliseconds
    return made


def milliseconds(value: float) -> str:
    """Three digits at least."""
    return f"{value:#.3g}".rstrip(".") if value < 1000 else f"{value:.0f}"
