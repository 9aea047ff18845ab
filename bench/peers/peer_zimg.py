"""zimg: Debian's, through zimg.cc. It computes with one thread."""

from __future__ import annotations

import ctypes
import math

import numpy

import pictures
from peer import Configuration, Peer, Unsupported, load_native
from rows import Row, RowData

FILTERS = {"nearest": b"point", "bilinear": b"bilinear", "bilinear_antialias": b"bilinear", "bicubic": b"bicubic"}


class _Row(ctypes.Structure):
    """polyphase_zimg_row of zimg.h."""

    _fields_ = [("filter", ctypes.c_char_p), ("align_corners", ctypes.c_int),
                *((name, ctypes.c_size_t) for name in ("planes", "height", "width", "output_height", "output_width")),
                ("input", ctypes.c_void_p)]


class ZimgPeer(Peer):
    """zimg on f32 planes."""

    name = "zimg"

    def __init__(self, threads: int):
        self._dll = dll = load_native("zimg")
        case = ctypes.c_void_p
        for name, result, arguments in (
            ("polyphase_zimg_error", ctypes.c_char_p, []),
            ("polyphase_zimg_version", ctypes.c_char_p, []),
            ("polyphase_zimg_open", case, [ctypes.POINTER(_Row)]),
            ("polyphase_zimg_close", None, [case]),
            ("polyphase_zimg_run", ctypes.c_int, [case]),
            ("polyphase_zimg_get_output", None, [case, ctypes.c_void_p]),
        ):
            function = getattr(dll, name)
            function.restype, function.argtypes = result, arguments
        self.version = dll.polyphase_zimg_version().decode()
        self._threads = threads
        self._case: ctypes.c_void_p | None = None

    def configurations(self, row: Row, data: RowData) -> list[Configuration]:
        """Planes with aligned lines, which are NCHW where the widths allow."""
        pictures.check(row)
        if self._threads > 1:
            raise Unsupported("computes with one thread")
        if pictures.shrinks(row) and row.mode != "bilinear_antialias":
            raise Unsupported("always antialiases where it shrinks")
        if row.mode == "nearest" and not pictures.has_whole_factors(row):
            raise Unsupported("nearest takes the middle pixel, which is another one unless the factor is whole")
        (height, width), (output_height, output_width) = row.size, row.resized
        described = _Row(filter=FILTERS[row.mode], align_corners=row.align_corners, planes=row.n * row.c_in,
                         height=height, width=width, output_height=output_height, output_width=output_width,
                         input=data.input.ctypes.data)
        dll = self._dll
        handle = dll.polyphase_zimg_open(ctypes.byref(described))
        if not handle:
            raise RuntimeError(dll.polyphase_zimg_error().decode())
        self._case = case = ctypes.c_void_p(handle)
        zimg_run, shape = dll.polyphase_zimg_run, data.output_shape

        def run() -> None:
            if zimg_run(case):
                raise RuntimeError(dll.polyphase_zimg_error().decode())

        def output() -> numpy.ndarray:
            result = numpy.empty(shape, numpy.float32)
            dll.polyphase_zimg_get_output(case, result.ctypes.data)
            return result

        # Windows that reach over the border read mirrored pixels, where others repeat the last one or cut the window.
        border = 0
        if row.mode == "bicubic":
            border = 2 * max(math.ceil(large / small) for large, small in zip(row.resized, row.size))
        elif row.mode == "bilinear_antialias":
            border = 2
        dense = width % 16 == 0 and output_width % 16 == 0
        return [Configuration("planes", dense, run, output, border)]

    def close(self) -> None:
        """Frees the row's planes."""
        self._dll.polyphase_zimg_close(self._case)
        self._case = None
