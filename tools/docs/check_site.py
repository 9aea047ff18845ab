#!/usr/bin/env python3
"""Checks the built site: tools/docs/check_site.py FOLDER. Every link within it leads to a file, and to a place of it
that is there; nothing that a page shows is loaded from the network."""

from __future__ import annotations

import html.parser
import pathlib
import sys
import urllib.parse

LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "srcset"),
          ("object", "data")}


class Page(html.parser.HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.links: list[tuple[str, str]] = []  # (element, address)
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            if (tag, name) in LOADED:
                self.loaded.append(value or "")
            if name in ("href", "src") and value:
                self.links.append((tag, value))


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve()
    pages = {path: Page(path.read_text()) for path in root.rglob("*.html")}
    errors, checked = [], 0
    for path, page in pages.items():
        name = path.relative_to(root)
        errors += [f"{name}: loads {one}" for one in page.loaded if urllib.parse.urlparse(one).netloc]
        for _, link in page.links:
            address = urllib.parse.urlparse(link)
            if address.scheme or address.netloc:
                continue
            checked += 1
            target = (path.parent / urllib.parse.unquote(address.path)).resolve() if address.path else path
            if not target.is_file():
                errors.append(f"{name}: {link}: no such file")
            elif address.fragment and target in pages:
                fragment = urllib.parse.unquote(address.fragment)
                if fragment not in pages[target].anchors and fragment != "top":
                    errors.append(f"{name}: {link}: no such place")
    for sheet in root.rglob("*.css"):
        if "url(http" in sheet.read_text().replace("'", "").replace('"', ""):
            errors.append(f"{sheet.relative_to(root)}: loads from the network")
    for error in errors:
        print("tools/docs/check_site.py: " + error, file=sys.stderr)
    print(f"{len(pages)} pages, {checked} links within the site, {len(errors)} errors")
    return 1 if errors or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
