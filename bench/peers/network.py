"""What the makers of engines' models share: a row as a model with its inputs, and fused rows folded by hand into one
layer."""

from __future__ import annotations

import dataclasses
import math
import typing

import numpy

import folds
from rows import Row, RowData


@dataclasses.dataclass(frozen=True)
class Network:
    """A row in an engine's file format. Tensors are in the order of axes that the model wants."""

    model: bytes
    inputs: dict[str, numpy.ndarray]
    output_shape: tuple[int, ...]
    to_nchw: typing.Callable[[numpy.ndarray], numpy.ndarray]  # of the output, to the row's output_shape


@dataclasses.dataclass(frozen=True)
class Layer:
    """A row of a convolution, transposed or before a pixel shuffle, with what is around it: the input is extended by
    `edge` pixels at each side that repeat its border, and the output begins at pixel `crop` of what the layer makes."""

    row: Row
    data: RowData
    edge: int = 0
    crop: tuple[int, ...] | None = None  # None: nothing is cut, at the end neither

    @property
    def output(self) -> tuple[int, ...]:
        """Spatial sizes after the crop."""
        return self.data.output_shape[2:]


def swap_channels(weights: numpy.ndarray, groups: int) -> numpy.ndarray:
    """[groups * A][B][...] to [groups * B][A][...]: between the orders of convolution and transposed convolution."""
    a, b, *kernel = weights.shape
    grouped = weights.reshape(groups, a // groups, b, *kernel).swapaxes(1, 2)
    return numpy.ascontiguousarray(grouped).reshape(groups * b, a // groups, *kernel)


def is_without_overlap(row: Row) -> bool:
    """Whether a transposed convolution makes a block of its own out of each input pixel, and nothing else."""
    return (row.kernel == row.stride and all(d == 1 for d in row.dilation) and not any(row.output_padding) and
            not any(map(any, row.padding)))


def with_height(row: Row, data: RowData) -> tuple[Row, RowData]:
    """A row of one axis as a row of pictures of height 1, for engines whose 1-D layers are an afterthought."""
    def tall(value: numpy.ndarray | None) -> numpy.ndarray | None:
        return value if value is None or value.ndim == 1 else value[:, :, None, :]

    op = row.op.replace("1d", "2d")
    pairs = {"scale": row.scale and (1, *row.scale), "output_size": row.output_size and (1, *row.output_size)}
    row = dataclasses.replace(row, op=op, size=(1, *row.size), kernel=(1, *row.kernel), stride=(1, *row.stride),
                              padding=((0, 0), *row.padding), output_padding=(0, *row.output_padding),
                              dilation=(1, *row.dilation), **pairs)
    data = RowData(*(tall(value) for value in (data.input, data.weights, data.bias, data.residual, data.indices)),
                   (*data.output_shape[:2], 1, *data.output_shape[2:]))
    return row, data


def shuffle_by_transpose(row: Row) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """pixel_shuffle and pixel_unshuffle of NCHW, with any order of channels: the shape in which the input is to be
    seen, and the order of its axes in the output."""
    height, width = row.size
    r = row.scale[0]
    focus = row.mode == "block-major"  # channel (column * r + row) * shallow channels + c
    if row.op == "pixel_shuffle":
        if focus:
            return (row.n, r, r, row.c_out, height, width), (0, 3, 4, 2, 5, 1)
        return (row.n, row.c_out, r, r, height, width), (0, 1, 4, 2, 5, 3)
    return (row.n, row.c_in, height // r, r, width // r, r), (0, 5, 3, 1, 2, 4) if focus else (0, 1, 3, 5, 2, 4)


def global_indices(row: Row, indices: numpy.ndarray) -> numpy.ndarray:
    """max_unpool's indices, which are those in a plane of the output, as int64 indices in the whole output."""
    planes = numpy.arange(row.n * row.c_in, dtype=numpy.int64) * math.prod(row.output_size)
    return indices + planes.reshape(row.n, row.c_in, *[1] * row.rank)


def as_conv_transpose(layer: Layer) -> Layer | None:
    """folds.as_conv_transpose, and where an upsampled map is reflected by less than the copies of a pixel, which is to
    repeat the border, with an edge. None where it isn't one."""
    row, edge = layer.row, 0
    if row.op == "nearest_conv3x3" and row.padding_mode == "reflect":
        if any(p >= s for pair, s in zip(row.padding, row.scale) for p in pair):
            return None
        row, edge = dataclasses.replace(row, mode=""), 1
    folded = folds.as_conv_transpose(row, layer.data)
    if folded is None:
        return None
    row, data = folded
    if edge:
        padding = tuple((begin + s, end + s) for s, (begin, end) in zip(row.stride, row.padding))
        row = dataclasses.replace(row, size=tuple(size + 2 for size in row.size), padding=padding)
    return Layer(row, data, edge)


def as_convolution(layer: Layer) -> Layer | None:
    """A transposed convolution as one convolution that makes all phases of the output as channels, before a pixel
    shuffle and a crop. None where that isn't exact, or the strides differ."""
    row, data = layer.row, layer.data
    # A single pixel makes one block, whatever the stride.
    stride = tuple(k if size == 1 else s for size, k, s in zip(row.size, row.kernel, row.stride))
    if not row.op.startswith("conv_transpose") or any(d != 1 for d in row.dilation) or len(set(stride)) != 1:
        return None
    rank = row.rank
    taps = tuple(-(-k // s) for k, s in zip(row.kernel, stride))
    # The blocks of output pixels from `first` to before `last` are made: all that are wanted, and those that need no
    # padding, as none is negative.
    first = tuple(min(begin // s, t - 1) for (begin, _), s, t in zip(row.padding, stride, taps))
    last = tuple(max(-(-(begin + out) // s), size)
                 for (begin, _), s, out, size in zip(row.padding, stride, layer.output, row.size))
    padding = tuple((t - 1 - f, l - size) for t, f, l, size in zip(taps, first, last, row.size))
    whole = numpy.zeros((*data.weights.shape[:2], *(t * s for t, s in zip(taps, stride))), numpy.float32)
    whole[(..., *(slice(k) for k in row.kernel))] = data.weights
    whole = swap_channels(whole, row.groups)
    blocks = whole.reshape(*whole.shape[:2], *(n for pair in zip(taps, stride) for n in pair))
    blocks = numpy.flip(blocks, [2 + 2 * axis for axis in range(rank)])
    order = [0, *(3 + 2 * axis for axis in range(rank)), 1, *(2 + 2 * axis for axis in range(rank))]
    weights = numpy.ascontiguousarray(blocks.transpose(order)).reshape(-1, whole.shape[1], *taps)
    bias = None if data.bias is None else numpy.repeat(data.bias, math.prod(stride))
    folded = dataclasses.replace(row, op="conv_pixel_shuffle", kernel=taps, stride=(1,) * rank, padding=padding,
                                 output_padding=(0,) * rank, scale=stride)
    crop = tuple(begin - f * s for (begin, _), f, s in zip(row.padding, first, stride))
    whole_size = tuple((l - f) * s for f, l, s in zip(first, last, stride))
    if not any(crop) and whole_size == layer.output:
        crop = None
    return Layer(folded, dataclasses.replace(data, weights=weights, bias=bias), layer.edge, crop)
