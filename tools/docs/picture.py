#!/usr/bin/env python3
"""Draws README's picture, a small drawing before and after the command-line tool: tools/docs/picture.py TOOL WEIGHTS

TOOL is the built program, WEIGHTS the folder of realesr-animevideov3's weights (tools/fetch_models.sh). The drawing is
computed here, so the picture is free of rights of others. Writes upscale.svg beside this file."""

from __future__ import annotations

import base64
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

import figures
import numpy as np

SIZE, SCALE, FINE = 48, 4, 8  # pixels of the drawing, and points along each side of a pixel that are averaged
UNITS = 64  # of the coordinates below, along each side


def drawing() -> np.ndarray:
    """A sailing boat in front of hills, as u8 RGB."""
    y, x = (np.mgrid[0:SIZE * FINE, 0:SIZE * FINE] + 0.5) * UNITS / (SIZE * FINE)
    canvas = np.full((*x.shape, 3), (0.62, 0.80, 0.95))  # the sky

    def paint(mask: np.ndarray, colour: tuple[float, float, float]) -> None:
        canvas[mask] = colour

    def disc(cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
        return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1

    def polygon(*points: tuple[float, float]) -> np.ndarray:
        inside = np.zeros(x.shape, bool)
        for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1]):
            if y0 != y1:
                inside ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
        return inside

    def stroke(width: float, *points: tuple[float, float]) -> np.ndarray:
        near = np.zeros(x.shape, bool)
        for (x0, y0), (x1, y1) in zip(points, points[1:]):
            dx, dy = x1 - x0, y1 - y0
            t = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
            near |= (x - x0 - t * dx) ** 2 + (y - y0 - t * dy) ** 2 < (width / 2) ** 2
        return near

    ink = (0.10, 0.11, 0.20)
    paint(disc(50, 13, 7, 7), (1.0, 0.92, 0.55))
    for cx, cy, rx, ry in ((13, 12, 7, 3), (18, 10, 5, 3.5), (23, 12, 6, 2.6)):
        paint(disc(cx, cy, rx, ry), (1, 1, 1))
    hills = [(-1.0, 46.0), (6.0, 36.0), (13.0, 41.0), (22.0, 32.0), (33.0, 44.0), (45.0, 34.0), (55.0, 40.0),
             (65.0, 33.0)]
    paint(polygon(*hills, (65, 50), (-1, 50)), (0.36, 0.62, 0.42))
    paint(stroke(0.9, *hills), ink)
    paint(y > 45, (0.16, 0.42, 0.70))
    for row in range(4):
        wave = 49.5 + 4.2 * row + np.sin((x + 5 * row) / (2.2 + 0.3 * row)) * 0.8
        paint((abs(y - wave) < 0.38) & (y > 46), (0.62, 0.84, 0.96))
    sail, jib = [(31.0, 9.0), (31.0, 40.0), (48.0, 40.0)], [(28.0, 13.0), (28.0, 40.0), (14.0, 40.0)]
    paint(polygon(*sail), (0.98, 0.97, 0.92))
    for top in (16, 24, 32):
        paint(polygon(*sail) & (y > top) & (y < top + 3.5), (0.86, 0.24, 0.20))
    paint(polygon(*jib), (0.98, 0.80, 0.32))
    for shape in (sail, jib):
        paint(stroke(1.0, *shape, shape[0]), ink)
    paint(stroke(1.3, (29.5, 6), (29.5, 45)), ink)
    paint(polygon((30, 5), (38, 7), (30, 9)), (0.86, 0.24, 0.20))
    hull = [(10.0, 43.0), (52.0, 43.0), (46.0, 52.0), (17.0, 52.0)]
    paint(polygon(*hull), (0.50, 0.26, 0.15))
    paint(polygon(*hull) & (y < 45.5), (0.93, 0.88, 0.78))
    paint(stroke(1.1, *hull, hull[0]), ink)
    for cx in (22, 29, 36):
        paint(disc(cx, 48.6, 1.7, 1.7), ink)
        paint(disc(cx, 48.6, 1.0, 1.0), (0.96, 0.87, 0.45))
    pixels = np.clip(canvas, 0, 1).reshape(SIZE, FINE, SIZE, FINE, 3).mean(axis=(1, 3))
    return np.round(pixels * 255).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: tools/docs/picture.py TOOL WEIGHTS", file=sys.stderr)
        return 2
    tool, weights = sys.argv[1:]
    scale = ["--scale", str(SCALE)]
    panels = {f"{SIZE} x {SIZE} pixels": [*scale, "--mode", "nearest"], "bicubic": [*scale, "--mode", "bicubic"],
              "realesr-animevideov3": ["--model", "realesr-animevideov3", "--weights", weights]}
    side, gap = SIZE * SCALE, 13
    d = figures.Drawing("A small drawing, enlarged four times: its pixels, bicubic, and by a network",
                        len(panels) * (side + gap) + gap, side + 48)
    with tempfile.TemporaryDirectory() as folder:
        small, large = pathlib.Path(folder, "small.png"), pathlib.Path(folder, "large.png")
        small.write_bytes(png(drawing()))
        for number, (name, options) in enumerate(panels.items()):
            subprocess.run([tool, "upscale", small, large, *options], check=True)
            x = gap + number * (side + gap)
            data = base64.b64encode(large.read_bytes()).decode()
            d.add(f'<image x="{x}" y="{gap}" width="{side}" height="{side}" href="data:image/png;base64,{data}"/>')
            d.text(x + side / 2, side + gap + 22, name, "t ink mid")
    (figures.HERE / "upscale.svg").write_text(d.svg())
    return 0


if __name__ == "__main__":
    sys.exit(main())
