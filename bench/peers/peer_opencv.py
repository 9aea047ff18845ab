"""OpenCV: cv2.resize, of interleaved pictures and of planes."""

from __future__ import annotations

import cv2
import numpy

import pictures
from peer import Configuration, Peer, Unsupported
from rows import Row, RowData

# Its cubic has PyTorch's a = -0.75 and repeats the last pixel at borders, as linear does.
INTERPOLATIONS = {"nearest": cv2.INTER_NEAREST, "bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}


class OpenCvPeer(Peer):
    """opencv-python-headless."""

    name = "OpenCV"
    version = cv2.__version__

    def __init__(self, threads: int):
        cv2.setNumThreads(threads)

    def configurations(self, row: Row, data: RowData) -> list[Configuration]:
        """HWC in one call per picture, and NCHW in one call per plane."""
        pictures.check(row)
        if row.mode not in INTERPOLATIONS:
            raise Unsupported(f"has no {row.mode}; its INTER_AREA is another filter")
        if row.align_corners:
            raise Unsupported("has no align_corners")
        if row.mode == "nearest" and not pictures.has_whole_factors(row):
            raise Unsupported("nearest rounds its coordinates in another way")
        height, width = row.resized

        def configuration(name: str, plain: bool, sources: list[numpy.ndarray], output: numpy.ndarray,
                          nchw: numpy.ndarray) -> Configuration:
            size, interpolation = (width, height), INTERPOLATIONS[row.mode]
            work = list(zip(sources, output))

            def run() -> None:
                for source, target in work:
                    cv2.resize(source, size, target, interpolation=interpolation)

            return Configuration(name, plain, run, lambda: numpy.ascontiguousarray(nchw))

        planes = numpy.empty(data.output_shape, numpy.float32)
        result = [configuration("planes", True, list(data.input.reshape(-1, *row.size)),
                                planes.reshape(-1, height, width), planes)]
        if row.c_in > 1:
            interleaved = numpy.empty((row.n, height, width, row.c_out), numpy.float32)
            result.append(configuration("hwc", False, list(numpy.ascontiguousarray(data.input.transpose(0, 2, 3, 1))),
                                        interleaved, interleaved.transpose(0, 3, 1, 2)))
        return result
