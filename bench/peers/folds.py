"""Folds: what a user of another library would do by hand, fused rows as one transposed convolution, and a transposed
convolution without overlap as a convolution and a shuffle."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy

from rows import Row, RowData


def as_conv_transpose(row: Row, data: RowData) -> tuple[Row, RowData] | None:
    """The same result as a row of op conv_transpose2d; None where there is none: for other ops, for what is not zero
    padding, and for biases that differ between the phases of a shuffle."""
    if row.padding_mode != "zeros" or row.stride != (1,) * row.rank or row.dilation != (1,) * row.rank:
        return None
    if row.op == "nearest_conv3x3":
        kernel, fold = tuple(k + s - 1 for k, s in zip(row.kernel, row.scale)), _nearest
        # The transposed convolution mirrors the kernel, so that its begin is the convolution's end.
        padding = tuple((k - 1 - begin, k - 1 - end) for k, (begin, end) in zip(row.kernel, row.padding))
    elif row.op == "conv_pixel_shuffle" and data.bias is None:
        kernel, fold = tuple(k * s for k, s in zip(row.kernel, row.scale)), _shuffle
        padding = tuple((s * (k - 1 - begin), s * (k - 1 - end))
                        for k, s, (begin, end) in zip(row.kernel, row.scale, row.padding))
    else:
        return None
    if any(side < 0 for pair in padding for side in pair):
        return None
    weights = numpy.zeros((row.c_in, row.c_out // row.groups, *kernel), numpy.float32)
    fold(row, data.weights, weights)
    folded = dataclasses.replace(row, op="conv_transpose2d", kernel=kernel, stride=row.scale, padding=padding,
                                 scale=None)
    return folded, dataclasses.replace(data, weights=weights)


def as_convolution_shuffle(row: Row, data: RowData) -> tuple[Row, RowData] | None:
    """The same result as a row of op conv_pixel_shuffle, whose convolution is 1x1; None where there is none: where
    kernel and stride differ, and where something is cropped or grouped."""
    none = (0,) * row.rank
    if not row.op.startswith("conv_transpose") or row.kernel != row.stride or row.groups > 1:
        return None
    if row.padding != ((0, 0),) * row.rank or row.output_padding != none or row.dilation != (1,) * row.rank:
        return None
    taps, ones = math.prod(row.kernel), (1,) * row.rank
    weights = data.weights.reshape(row.c_in, row.c_out * taps).T.reshape(row.c_out * taps, row.c_in, *ones)
    bias = None if data.bias is None else data.bias.repeat(taps)
    folded = dataclasses.replace(row, op="conv_pixel_shuffle", kernel=ones, stride=ones, scale=row.stride)
    return folded, dataclasses.replace(data, weights=numpy.ascontiguousarray(weights), bias=bias)


def _by_input(weights: numpy.ndarray, groups: int) -> numpy.ndarray:
    """[Cout][Cin / groups] as a transposed convolution has them: [Cin][Cout / groups]."""
    c_out, c_in = weights.shape
    grouped = weights.reshape(groups, c_out // groups, c_in)
    return grouped.transpose(0, 2, 1).reshape(groups * c_in, c_out // groups)


def _nearest(row: Row, weights: numpy.ndarray, folded: numpy.ndarray) -> None:
    """Every input pixel is `scale` upsampled ones in a row, each of which meets the mirrored kernel."""
    for tap in itertools.product(*map(range, row.kernel)):
        mirrored = tuple(slice(k - 1 - t, k - 1 - t + s) for k, t, s in zip(row.kernel, tap, row.scale))
        folded[(..., *mirrored)] += _by_input(weights[(..., *tap)], row.groups)[(..., *(None,) * row.rank)]


def _shuffle(row: Row, weights: numpy.ndarray, folded: numpy.ndarray) -> None:
    """Tap t of the mirrored kernel, of the channel that becomes phase f, is element t * scale + f."""
    phases = list(itertools.product(*map(range, row.scale)))
    for tap in itertools.product(*map(range, row.kernel)):
        for index, phase in enumerate(phases):
            where = tuple((k - 1 - t) * s + f for k, t, s, f in zip(row.kernel, tap, row.scale, phase))
            folded[(..., *where)] = _by_input(weights[index::len(phases)][(..., *tap)], row.groups)
