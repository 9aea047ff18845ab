"""Sphinx's configuration. tools/docs.sh builds the site from what tools/docs/stage.py has put together."""

import functools
import pathlib
import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

ROOT = pathlib.Path(__file__).resolve().parents[2]

project = "Polyphase"
release = version = re.search(r"project\(polyphase VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
copyright = "the authors of Polyphase, Apache License 2.0"
language = "en"

extensions = ["breathe", "myst_parser", "sphinx_copybutton", "sphinx_design"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
breathe_projects = {"polyphase": str(ROOT / "build" / "docs" / "doxygen" / "xml")}
breathe_default_project = "polyphase"
breathe_domain_by_extension = {"h": "cpp"}
breathe_domain_by_file_pattern = {"*/polyphase_c.h": "c"}
breathe_show_include = False
nitpick_ignore_regex = [  # what the standard libraries document
    ("cpp:identifier", "(std|u?int(8|16|32|64)_t|size_t|va_list)(::.*)?"),
    ("cpp:identifier", "polyphase(::internal.*)?"),
    ("cpp:identifier", "(PPH|pph)_.*"),  # those of the C API
    ("c:identifier", "u?int(8|16|32|64)_t|size_t"),
]
highlight_language = "none"
smartquotes = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"Polyphase {release}"
html_static_path = ["style"]
html_css_files = ["polyphase.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_use_index = False  # search finds more
html_show_search_summary = False  # it is fetched, which browsers forbid on file://
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#0b5f8a", "color-brand-content": "#0b5f8a"},
    "dark_css_variables": {"color-brand-primary": "#6cc3f0", "color-brand-content": "#6cc3f0"},
}
copybutton_exclude = ".linenos, .gp, .go"


def visit_math(writer, node, block=False):
    """Formulas are MathML, which browsers draw themselves."""
    try:
        markup = tex2mathml(node.astext(), as_block=block)
    except MathError as error:
        logging.getLogger(__name__).warning("formula: %s", error, location=node)
        markup = ""
    writer.body.append(f'<div class="math">{markup}</div>' if block else markup)
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (functools.partial(visit_math, block=True), None))


html_math_renderer = "mathml"
