"""Folds of bench/peers against the ops by their definitions."""

import dataclasses
import pathlib
import sys
import unittest

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import network  # noqa: E402
from rows import Row, RowData  # noqa: E402

NEUTRAL = {"id": "row", "network": "", "n": 2, "c_in": 4, "c_out": 6, "groups": 1, "bias": True, "mode": "",
           "align_corners": False, "output_size": None, "scale": None}


def row_of(op, size, **columns):
    rank = len(size)
    axes = {"kernel": (3,) * rank, "stride": (1,) * rank, "padding": ((1, 1),) * rank, "output_padding": (0,) * rank,
            "dilation": (1,) * rank}
    return Row(op=op, size=size, **(NEUTRAL | axes | columns))


def data_of(row, seed=1):
    random = numpy.random.default_rng(seed)
    if row.op.startswith("conv_transpose"):
        weights = (row.c_in, row.c_out // row.groups, *row.kernel)
    else:
        weights = (row.convolution_channels, row.c_in // row.groups, *row.kernel)
    values = [random.standard_normal(shape).astype(numpy.float32)
              for shape in ((row.n, row.c_in, *row.size), weights, (row.convolution_channels,))]
    return RowData(values[0], values[1], values[2] if row.bias else None, None, None, row.output_shape)


def conv_transpose(row, data):
    """By scattering every input pixel."""
    group_in, group_out = row.c_in // row.groups, row.c_out // row.groups
    natural = [(size - 1) * s + d * (k - 1) + 1 + extra for size, s, d, k, extra in zip(
        row.size, row.stride, row.dilation, row.kernel, row.output_padding)]
    out = numpy.zeros((row.n, row.c_out, *natural))
    for pixel in numpy.ndindex(*row.size):
        for tap in numpy.ndindex(*row.kernel):
            at = (..., *(p * s + t * d for p, s, t, d in zip(pixel, row.stride, tap, row.dilation)))
            for g in range(row.groups):
                inputs = slice(g * group_in, (g + 1) * group_in)
                outputs = (slice(None), slice(g * group_out, (g + 1) * group_out))
                values = data.input[(slice(None), inputs, *pixel)] @ data.weights[(inputs, slice(None), *tap)]
                out[(*outputs, *at[1:])] += values
    out = out[(..., *(slice(begin, total - end) for total, (begin, end) in zip(natural, row.padding)))]
    return out if data.bias is None else out + data.bias.reshape(1, -1, *[1] * row.rank)


def conv(row, data, x):
    """Stride 1, of pictures."""
    mode = {"mode": "reflect"} if row.padding_mode == "reflect" else {}
    x = numpy.pad(x, ((0, 0), (0, 0), *row.padding), **mode)
    windows = numpy.lib.stride_tricks.sliding_window_view(x, row.kernel, (2, 3))
    grouped = windows.reshape(row.n, row.groups, -1, *windows.shape[2:])
    weights = data.weights.reshape(row.groups, -1, *data.weights.shape[1:])
    out = numpy.einsum("ngihwyx,goiyx->ngohw", grouped.astype(numpy.float64), weights)
    out = out.reshape(row.n, -1, *windows.shape[2:4])
    return out if data.bias is None else out + data.bias.reshape(1, -1, 1, 1)


def pixel_shuffle(x, r):
    n, c, height, width = x.shape
    return x.reshape(n, -1, r, r, height, width).transpose(0, 1, 4, 2, 5, 3).reshape(n, -1, height * r, width * r)


def evaluate(layer):
    """A layer by the definitions."""
    row, data = layer.row, layer.data
    x = numpy.pad(data.input, ((0, 0), (0, 0), *[(layer.edge, layer.edge)] * row.rank), mode="edge")
    if row.op.startswith("conv_transpose"):
        out = conv_transpose(row, dataclasses.replace(data, input=x))
    elif row.op == "nearest_conv3x3":
        out = conv(row, data, x.repeat(row.scale[0], 2).repeat(row.scale[1], 3))
    else:
        out = pixel_shuffle(conv(row, data, x), row.scale[0])
    if layer.crop is not None:
        out = out[(..., *(slice(begin, begin + size) for begin, size in zip(layer.crop, layer.output)))]
    return out


class Folds(unittest.TestCase):
    def check(self, layer, folded):
        self.assertIsNotNone(folded)
        expected = evaluate(layer)
        self.assertEqual(expected.shape, layer.data.output_shape)
        numpy.testing.assert_allclose(evaluate(folded), expected, rtol=0, atol=2e-5)

    def test_upsampling_before_a_convolution(self):
        for columns in ({"scale": (2, 2)}, {"scale": (4, 4)}, {"scale": (2, 2), "groups": 2, "bias": False},
                        {"scale": (3, 3), "kernel": (5, 3), "padding": ((2, 2), (0, 2))},
                        {"scale": (2, 2), "mode": "reflect"}):
            with self.subTest(**columns):
                row = row_of("nearest_conv3x3", (3, 4), **columns)
                layer = network.Layer(row, data_of(row))
                transposed = network.as_conv_transpose(layer)
                self.check(layer, transposed)
                self.check(layer, network.as_convolution(transposed))

    def test_reflection_of_more_than_a_pixel_is_no_repetition(self):
        row = row_of("nearest_conv3x3", (3, 4), scale=(2, 2), kernel=(5, 5), padding=((2, 2), (2, 2)),
                     mode="reflect")
        self.assertIsNone(network.as_conv_transpose(network.Layer(row, data_of(row))))

    def test_convolution_before_a_shuffle(self):
        for columns in ({}, {"groups": 2}, {"kernel": (1, 1), "padding": ((0, 0), (0, 0))}):
            with self.subTest(**columns):
                row = row_of("conv_pixel_shuffle", (3, 4), scale=(2, 2), bias=False, **columns)
                layer = network.Layer(row, data_of(row))
                self.check(layer, network.as_conv_transpose(layer))

    def test_biases_that_differ_within_a_block_are_not_folded(self):
        row = row_of("conv_pixel_shuffle", (3, 4), scale=(2, 2))
        self.assertIsNone(network.as_conv_transpose(network.Layer(row, data_of(row))))

    def test_transposed_convolution_as_convolution(self):
        two = {"stride": (2, 2)}
        for columns in (two | {"kernel": (4, 4)}, two | {"output_padding": (1, 1)},
                        two | {"padding": ((1, 2), (0, 1))}, two | {"kernel": (4, 4), "padding": ((3, 3), (3, 3))},
                        two | {"groups": 2}, two | {"padding": ((4, 5), (5, 4))},
                        {"stride": (3, 3), "kernel": (2, 2), "padding": ((0, 0), (0, 0))},
                        {"stride": (4, 4), "kernel": (9, 9), "padding": ((4, 4), (4, 4)), "output_padding": (3, 3)},
                        {"size": (1, 1), "kernel": (4, 4)}, two | {"size": (1, 1), "padding": ((0, 1), (1, 0))}):
            with self.subTest(**columns):
                row = row_of("conv_transpose2d", **({"size": (6, 7)} | columns))
                layer = network.Layer(row, data_of(row))
                self.check(layer, network.as_convolution(layer))

    def test_one_axis_as_pictures(self):
        row = row_of("conv_transpose1d", (5,), stride=(2,), padding=((0, 1),), output_padding=(1,))
        data = data_of(row)
        tall_row, tall = network.with_height(row, data)
        self.assertEqual(tall_row.output_shape, tall.output_shape)
        numpy.testing.assert_allclose(conv_transpose(tall_row, tall)[:, :, 0], conv_transpose(row, data))


class Shuffles(unittest.TestCase):
    def transposed(self, row, x):
        blocks, order = network.shuffle_by_transpose(row)
        return x.reshape(blocks).transpose(order).reshape(row.output_shape)

    def test_orders_of_channels(self):
        deep = numpy.arange(2 * 12 * 3 * 4).reshape(2, 12, 3, 4)
        shallow = pixel_shuffle(deep, 2)
        shuffle = row_of("pixel_shuffle", (3, 4), c_in=12, c_out=3, scale=(2, 2))
        unshuffle = row_of("pixel_unshuffle", (6, 8), c_in=3, c_out=12, scale=(2, 2))
        numpy.testing.assert_array_equal(self.transposed(shuffle, deep), shallow)
        numpy.testing.assert_array_equal(self.transposed(unshuffle, shallow), deep)
        focus = numpy.concatenate([shallow[..., y::2, x::2] for x in range(2) for y in range(2)], 1)
        unshuffle, shuffle = (dataclasses.replace(row, mode="block-major") for row in (unshuffle, shuffle))
        numpy.testing.assert_array_equal(self.transposed(unshuffle, shallow), focus)
        numpy.testing.assert_array_equal(self.transposed(shuffle, focus), shallow)

    def test_indices_of_the_whole_output(self):
        row = row_of("max_unpool", (1, 2), c_in=2, c_out=2, output_size=(2, 4))
        indices = numpy.zeros((2, 2, 1, 2), numpy.int32) + numpy.int32([5, 7])
        self.assertEqual(network.global_indices(row, indices).ravel().tolist(), [5, 7, 13, 15, 21, 23, 29, 31])


if __name__ == "__main__":
    unittest.main()
