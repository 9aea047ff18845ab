"""Folds: fused rows as one transposed convolution, which is what a user of another library would do by hand; network.py
has more of them."""

from __future__ import annotations

import dataclasses
import itertools

import numpy

from rows import Row, RowData


def as_conv_transpose(row: Row, data: RowData) -> tuple[Row, RowData] | None:
    """The same result as a row of op conv_transpose2d; None where there is none: for other ops, for what is not zero
    padding, and for biases that differ between the phases of a shuffle."""
    if row.padding_mode != "zeros" or row.stride != (1,) * row.rank or row.dilation != (1,) * row.rank:
        return None
    if row.op == "nearest_conv3x3":
        kernel, fold = tuple(k + s - 1 for k, s in zip(row.kernel, row.scale)), _nearest
        # As any convolution: what it pads less than k - 1, the transposed one crops.
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
