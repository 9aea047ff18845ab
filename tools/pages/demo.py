#!/usr/bin/python3
"""Writes the page of tools/demo.sh: demo.py RECORD PHOTO SCALE FOLDER MODE=DETAIL...

RECORD is what `polyphase_bench --demo-record` wrote, PHOTO the picture with a frame around the detail. Of each mode,
DETAIL is the detail, and FOLDER holds the whole picture MODE.png. The page is FOLDER/index.html."""

from __future__ import annotations

import base64
import datetime
import pathlib
import platform
import sys

import page


def data_uri(path: str) -> str:
    """A PNG file as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(pathlib.Path(path).read_bytes()).decode()


def read(text: str) -> dict:
    """The record (bench/demo.h) as the template takes it."""
    machine: dict = {"threads": [], "peaks": {}, "memory": {}, "system": system()}
    sections: dict[tuple[str, str], dict] = {}
    for line in text.splitlines():
        kind, *fields = line.split("\t")
        if kind == "machine":
            machine["version"], machine["cpu"] = fields
        elif kind == "peak":
            machine["peaks"].setdefault(fields[0], {})[int(fields[1])] = float(fields[2])
        elif kind == "memory":
            machine["memory"][int(fields[0])] = float(fields[1])
            machine["threads"].append(int(fields[0]))
        elif kind == "layer":
            op, layout, name, network, shape, form, target, algorithm, rate, threads, seconds, fraction = fields
            section = sections.setdefault((op, layout), {"op": op, "layout": layout, "layers": {}})
            layer = section["layers"].setdefault((name, target), {
                "id": name, "network": network, "shape": shape, "kind": form, "target": target, "algorithm": algorithm,
                "runs": {}})
            layer["runs"][int(threads)] = {"rate": rate, "seconds": float(seconds), "fraction": float(fraction)}
        else:
            raise ValueError(f"a line of an unknown kind: {line}")
    for section in sections.values():
        section["layers"] = list(section["layers"].values())
        for layer in section["layers"]:
            seconds = [run["seconds"] for run in layer["runs"].values()]
            layer["speed_up"] = seconds[0] / seconds[1] if len(seconds) > 1 else None
    fractions = [run["fraction"] for section in sections.values() for layer in section["layers"]
                 for run in layer["runs"].values()]
    return {"machine": machine, "sections": list(sections.values()), "limit": min(max([1.25, *fractions]), 2.5)}


def system() -> str:
    """The operating system by its name."""
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}"
    except OSError:
        return f"{platform.system()} {platform.release()}"


def main() -> int:
    record, photo, scale, folder, *details = sys.argv[1:]
    pictures = []
    for detail in details:
        mode, _, path = detail.partition("=")
        pictures.append({"mode": mode, "path": f"{mode}.png", "data": data_uri(path)})
    text = page.environment().get_template("demo.html").render(
        **read(pathlib.Path(record).read_text(encoding="utf-8")), pictures=pictures, photo=data_uri(photo), scale=scale,
        size=640, date=datetime.date.today().isoformat())
    (pathlib.Path(folder) / "index.html").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
