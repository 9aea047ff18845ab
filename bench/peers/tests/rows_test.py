"""Tests of bench/peers/rows.py and folds.py."""

import dataclasses
import itertools
import pathlib
import tempfile
import unittest

import numpy

from example import TABLE, make_row
import folds
from rows import RowData, RowsError, read_table


class TableTest(unittest.TestCase):

    def test_reads_the_table(self):
        rows = {row.id: row for row in read_table(TABLE)}
        self.assertEqual(rows["dcgan.g1"].output_shape, (64, 512, 4, 4))
        self.assertEqual(rows["segnet.up5"].output_shape[2:], rows["segnet.up5"].output_size)
        self.assertEqual(rows["espcn.x3"].convolution_channels, 9 * rows["espcn.x3"].c_out)
        self.assertEqual(rows["realesrgan.x2.unshuffle"].output_shape[1], rows["realesrgan.x2.unshuffle"].c_in * 4)
        self.assertTrue(any(begin != end for row in rows.values() for begin, end in row.padding))
        self.assertTrue(any(row.padding_mode == "reflect" for row in rows.values()))

    def test_says_what_is_wrong(self):
        header, line = TABLE.read_text(encoding="utf-8").splitlines()[:2]
        for text, message in ((header, "no rows"), ("id\tnetwork\n" + line, ":1: the line of column names"),
                              (f"{header}\n{line}\n{line}\tmore", ":3: must have 21 columns"),
                              (f"{header}\n{line.replace('4x4', '4x4x4')}", "must have a number for each of the 2"),
                              (f"{header}\n{line.replace('512', 'many')}", ":2: invalid literal")):
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "table.tsv"
                path.write_text(text + "\n", encoding="utf-8")
                with self.assertRaises(RowsError) as caught:
                    read_table(path)
                self.assertIn(message, str(caught.exception))
        with self.assertRaises(RowsError) as caught:
            read_table(pathlib.Path("nowhere.tsv"))
        self.assertIn("--workloads", str(caught.exception))


def convolution(values: numpy.ndarray, weights: numpy.ndarray, padding, groups: int) -> numpy.ndarray:
    """Stride 1, of C H W."""
    values = numpy.pad(values, ((0, 0), *padding))
    c_out, c_in, *kernel = weights.shape
    size = [large - k + 1 for large, k in zip(values.shape[1:], kernel)]
    result = numpy.zeros((c_out, *size))
    for channel in range(c_out):
        first = channel // (c_out // groups) * c_in
        for y, x in itertools.product(*map(range, kernel)):
            window = values[first:first + c_in, y:y + size[0], x:x + size[1]]
            result[channel] += numpy.tensordot(weights[channel, :, y, x], window, 1)
    return result


def conv_transpose(values: numpy.ndarray, weights: numpy.ndarray, row) -> numpy.ndarray:
    """By its definition: every input adds the kernel to the output, which is cropped."""
    height, width = (
        (size - 1) * stride + kernel for size, stride, kernel in zip(row.size, row.stride, row.kernel))
    result = numpy.zeros((row.c_out, height, width))
    group_in, group_out = row.c_in // row.groups, row.c_out // row.groups
    for channel, y, x in itertools.product(range(row.c_in), *map(range, row.size)):
        first = channel // group_in * group_out
        target = result[first:first + group_out, y * row.stride[0]:y * row.stride[0] + row.kernel[0],
                        x * row.stride[1]:x * row.stride[1] + row.kernel[1]]
        target += values[channel, y, x] * weights[channel]
    (top, bottom), (left, right) = row.padding
    return result[:, top:height - bottom, left:width - right]


class FoldTest(unittest.TestCase):

    def data(self, row) -> RowData:
        rng = numpy.random.default_rng(5)
        weights = rng.normal(size=(row.convolution_channels, row.c_in // row.groups, *row.kernel))
        return RowData(rng.normal(size=(1, row.c_in, *row.size)), weights, None, None, None, row.output_shape)

    def test_nearest_convolution(self):
        for scale, kernel, padding, groups in (((2, 2), (3, 3), ((1, 1), (1, 1)), 1),
                                               ((4, 3), (3, 5), ((1, 1), (2, 2)), 2),
                                               ((2, 2), (3, 3), ((0, 2), (2, 0)), 1)):
            row = make_row(op="nearest_conv3x3", c_in=4, c_out=6, scale=scale, kernel=kernel, padding=padding,
                           groups=groups)
            data = self.data(row)
            upsampled = data.input[0].repeat(scale[0], 1).repeat(scale[1], 2)
            expected = convolution(upsampled, data.weights, padding, groups)
            folded, folded_data = folds.as_conv_transpose(row, data)
            self.assertEqual(folded.output_shape[2:], expected.shape[1:])
            actual = conv_transpose(data.input[0], folded_data.weights, folded)
            numpy.testing.assert_allclose(actual, expected, atol=1e-5)

    def test_convolution_shuffle(self):
        for scale, kernel, padding, groups in (((2, 2), (1, 1), ((0, 0), (0, 0)), 1),
                                               ((3, 3), (3, 3), ((1, 1), (1, 1)), 1),
                                               ((2, 2), (3, 3), ((1, 1), (1, 1)), 2)):
            row = make_row(op="conv_pixel_shuffle", c_in=4, c_out=2, scale=scale, kernel=kernel, padding=padding,
                           groups=groups)
            data = self.data(row)
            deep = convolution(data.input[0], data.weights, padding, groups)
            height, width = deep.shape[1:]
            expected = deep.reshape(2, *scale, height, width).transpose(0, 3, 1, 4, 2).reshape(row.output_shape[1:])
            folded, folded_data = folds.as_conv_transpose(row, data)
            actual = conv_transpose(data.input[0], folded_data.weights, folded)
            numpy.testing.assert_allclose(actual, expected, atol=1e-5)

    def test_has_none_where_it_would_be_another_result(self):
        row = make_row(op="conv_pixel_shuffle", c_in=4, c_out=2, kernel=(3, 3))
        data = self.data(row)
        biased = dataclasses.replace(data, bias=numpy.zeros(8))
        self.assertIsNotNone(folds.as_conv_transpose(row, data))
        self.assertIsNone(folds.as_conv_transpose(row, biased))
        self.assertIsNone(folds.as_conv_transpose(dataclasses.replace(row, dilation=(2, 2)), data))
        self.assertIsNone(folds.as_conv_transpose(dataclasses.replace(row, padding=((3, 3), (0, 0))), data))
        nearest = make_row(op="nearest_conv3x3", c_in=4, kernel=(3, 3), mode="reflect")
        self.assertIsNone(folds.as_conv_transpose(nearest, self.data(nearest)))
        self.assertIsNone(folds.as_conv_transpose(make_row(), data))


if __name__ == "__main__":
    unittest.main()
