"""Pillow: Image.resize of pictures of mode "F", one per channel. It computes with one thread."""

from __future__ import annotations

import numpy
import PIL
from PIL import Image

import pictures
from peer import Configuration, Peer, Unsupported
from rows import Row, RowData

RESAMPLING = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR,
              "bilinear_antialias": Image.Resampling.BILINEAR}


class PillowPeer(Peer):
    """Pillow, without the copies from and to NumPy."""

    name = "Pillow"
    version = PIL.__version__

    def __init__(self, threads: int):
        self._threads = threads

    def configurations(self, row: Row, data: RowData) -> list[Configuration]:
        """Planes. Pillow makes a new picture for every result."""
        pictures.check(row)
        if self._threads > 1:
            raise Unsupported("computes with one thread")
        if row.mode not in RESAMPLING:
            raise Unsupported(f"its {row.mode} is another one (a = -0.5)")
        if row.align_corners:
            raise Unsupported("has no align_corners")
        if row.mode == "bilinear" and pictures.shrinks(row):
            raise Unsupported("always antialiases where it shrinks")
        if row.mode == "nearest" and not pictures.has_whole_factors(row):
            raise Unsupported("nearest takes the middle pixel, which is another one unless the factor is whole")
        planes = [Image.fromarray(plane) for plane in data.input.reshape(-1, *row.size)]
        size, resampling = row.resized[::-1], RESAMPLING[row.mode]
        results: list[Image.Image] = []

        def run() -> None:
            results[:] = [plane.resize(size, resampling) for plane in planes]

        def output() -> numpy.ndarray:
            return numpy.stack([numpy.asarray(image) for image in results]).reshape(data.output_shape)

        return [Configuration("planes", True, run, output)]
