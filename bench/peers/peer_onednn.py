"""oneDNN: Debian's, through onednn.cc; what PyTorch has inside is a newer one, see peer_torch.py."""

from __future__ import annotations

import ctypes
import math

import numpy

from network import Layer, as_conv_transpose, as_convolution
from peer import Configuration, Peer, Unsupported, load_native
from rows import Row, RowData

_Sizes = ctypes.c_int64 * 3
_Floats = ctypes.c_void_p


class _Row(ctypes.Structure):
    """onednn_row of onednn.h."""

    _fields_ = [("op", ctypes.c_char_p), ("layout", ctypes.c_char_p), ("linear", ctypes.c_int32),
                ("focus", ctypes.c_int32),
                *((name, ctypes.c_int64) for name in ("rank", "n", "c_in", "c_out", "groups")),
                *((name, _Sizes) for name in ("size", "output", "kernel", "stride", "dilation", "padding_begin",
                                              "padding_end", "factor")),
                *((name, _Floats) for name in ("input", "weights", "bias", "residual"))]


def _pointer(values: numpy.ndarray | None) -> int | None:
    return None if values is None else values.ctypes.data


# By op: oneDNN's name, and the layouts worth trying.
CONVOLUTION = ("any", "nhwc", "nchw")
FIXED = ("nchwc16", "nchwc8", "nhwc", "nchw")
SHUFFLE = ("nhwc", "nchw")
OPS = {
    "conv_transpose1d": ("deconvolution", CONVOLUTION),
    "conv_transpose2d": ("deconvolution", CONVOLUTION),
    "conv_transpose3d": ("deconvolution", CONVOLUTION),
    "resize": ("resampling", FIXED),
    "resize_add": ("resampling", FIXED),
    "nearest_conv3x3": ("upsample_convolution", FIXED),
    "conv_pixel_shuffle": ("convolution_shuffle", SHUFFLE),
    "pixel_shuffle": ("shuffle", SHUFFLE),
    "pixel_unshuffle": ("unshuffle", SHUFFLE),
}


class OneDnnPeer(Peer):
    """oneDNN through its C++ API."""

    name = "oneDNN"

    def __init__(self, threads: int):
        self._dll = dll = load_native("onednn")
        case = ctypes.c_void_p
        for name, result, arguments in (
            ("onednn_error", ctypes.c_char_p, []),
            ("onednn_version", ctypes.c_char_p, []),
            ("onednn_set_threads", None, [ctypes.c_int32]),
            ("onednn_open", case, [ctypes.POINTER(_Row)]),
            ("onednn_close", None, [case]),
            ("onednn_run", ctypes.c_int, [case]),
            ("onednn_get_output", ctypes.c_int, [case, ctypes.c_void_p]),
            ("onednn_describe", ctypes.c_char_p, [case]),
        ):
            function = getattr(dll, name)
            function.restype, function.argtypes = result, arguments
        self.version = dll.onednn_version().decode()
        self._threads = threads
        self._cases: list[ctypes.c_void_p] = []

    def configurations(self, row: Row, data: RowData) -> list[Configuration]:
        """All layouts; fused rows also as one deconvolution, and deconvolutions as one convolution before a shuffle."""
        self._check(row)
        self._dll.onednn_set_threads(self._threads)
        op, layouts = OPS[row.op]
        layer = Layer(row, data)
        ways = [("", layer, op, layout) for layout in layouts]
        transposed = as_conv_transpose(layer)
        if transposed:
            ways += [("folded ", transposed, "deconvolution", layout) for layout in CONVOLUTION]
        convolution = as_convolution(transposed or layer)
        if convolution:
            # Of a single pixel in NCHW, the GEMM of 2.6.3 reads past the end of it, and may end the process.
            layouts = SHUFFLE if math.prod(row.size) > 1 else ("nhwc",)
            ways += [("convolution + shuffle ", convolution, "convolution_shuffle", layout) for layout in layouts]
        configurations, errors = [], []
        for way in ways:
            try:
                configurations.append(self._configuration(*way))
            except RuntimeError as error:
                errors.append(f"{way[-1]}: {error}")
        if not configurations:
            raise Unsupported("; ".join(errors))
        return configurations

    @staticmethod
    def _check(row: Row) -> None:
        if row.op not in OPS:
            raise Unsupported(f"has no {row.op}" + (", max pooling backwards takes the workspace of a pooling forwards"
                                                    if row.op == "max_unpool" else ""))
        if row.op.startswith("resize"):
            if row.mode not in ("nearest", "linear", "bilinear", "trilinear"):
                raise Unsupported(f"resampling has no mode {row.mode}")
            if row.align_corners:
                raise Unsupported("resampling has no align_corners")
            if row.mode == "nearest" and any(large % small for large, small in zip(row.resized, row.size)):
                raise Unsupported("nearest takes the middle pixel, which is another one unless the factor is whole")
        if row.padding_mode != "zeros":
            raise Unsupported("convolutions pad with zeros only")

    def _configuration(self, prefix: str, layer: Layer, op: str, layout: str) -> Configuration:
        row, data, rank = layer.row, layer.data, layer.row.rank
        output_size = layer.output
        if op == "convolution_shuffle":  # before the crop
            output_size = tuple((size + sum(padding) - dilation * (kernel - 1)) * scale for size, padding, dilation,
                                kernel, scale in zip(row.size, row.padding, row.dilation, row.kernel, row.scale))
        end = [end - extra for (_, end), extra in zip(row.padding, row.output_padding)]
        described = _Row(op=op.encode(), layout=layout.encode(), linear=row.mode.endswith("linear"),
                         focus=row.mode == "block-major", rank=rank, n=row.n, c_in=row.c_in, c_out=row.c_out,
                         groups=row.groups, size=_Sizes(*row.size), output=_Sizes(*output_size),
                         kernel=_Sizes(*row.kernel), stride=_Sizes(*row.stride), dilation=_Sizes(*row.dilation),
                         padding_begin=_Sizes(*(begin for begin, _ in row.padding)), padding_end=_Sizes(*end),
                         factor=_Sizes(*(row.scale or (1,) * rank)), input=_pointer(data.input),
                         weights=_pointer(data.weights), bias=_pointer(data.bias), residual=_pointer(data.residual))
        dll = self._dll
        handle = dll.onednn_open(ctypes.byref(described))
        if not handle:
            raise RuntimeError(dll.onednn_error().decode())
        case = ctypes.c_void_p(handle)
        self._cases.append(case)
        onednn_run, shape = dll.onednn_run, (row.n, row.c_out, *output_size)
        crop = tuple(slice(begin, begin + size) for begin, size in zip(layer.crop or (0,) * rank, layer.output))

        def run() -> None:
            if onednn_run(case):
                raise RuntimeError(dll.onednn_error().decode())

        def output() -> numpy.ndarray:
            result = numpy.empty(shape, numpy.float32)
            if dll.onednn_get_output(case, result.ctypes.data):
                raise RuntimeError(dll.onednn_error().decode())
            return numpy.ascontiguousarray(result[(..., *crop)])  # for the next layer, a view

        name = f"{prefix}{layout} ({dll.onednn_describe(case).decode()})"
        return Configuration(name, layout == "nchw", run, output)

    def close(self) -> None:
        """Frees the row's primitives and memory."""
        while self._cases:
            self._dll.onednn_close(self._cases.pop())
