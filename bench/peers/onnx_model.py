"""Rows as ONNX models, for ONNX Runtime and OpenVINO."""

from __future__ import annotations

import math
import typing

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from network import Layer, Network, as_conv_transpose, as_convolution, global_indices, shuffle_by_transpose
from peer import Unsupported
from rows import Row, RowData

_OPSET = 19  # the first with all attributes of Resize
_IR_VERSION = 9  # of this opset's release
# Up to so many output channels a transposed convolution may be quicker as a convolution that makes all phases.
_FEW_CHANNELS = 24
_RESIZE_MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "bilinear_antialias": "linear",
                 "trilinear": "linear", "bicubic": "cubic"}


class Graph:
    """A model under construction. Values are known by their names."""

    def __init__(self):
        self.inputs: dict[str, numpy.ndarray] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def input(self, name: str, value: numpy.ndarray) -> str:
        self.inputs[name] = numpy.ascontiguousarray(value)
        return name

    def constant(self, value: typing.Any, dtype=numpy.float32) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(numpy.ascontiguousarray(value, dtype), name))
        return name

    def node(self, op: str, *inputs: str, **attributes: typing.Any) -> str:
        name = f"value{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def reshape(self, x: str, shape: typing.Sequence[int]) -> str:
        return self.node("Reshape", x, self.constant(shape, numpy.int64))

    def network(self, output: str, shape: tuple[int, ...],
                to_nchw: typing.Callable[[numpy.ndarray], numpy.ndarray] = lambda output: output) -> Network:
        inputs = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
                  for name, value in self.inputs.items()]
        self._nodes[[list(node.output) for node in self._nodes].index([output])].output[0] = "output"
        graph = helper.make_graph(self._nodes, "row", inputs,
                                  [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)],
                                  self._constants)
        model = helper.make_model(graph, ir_version=_IR_VERSION, opset_imports=[helper.make_opsetid("", _OPSET)])
        return Network(model.SerializeToString(), self.inputs, shape, to_nchw)


def _pads(padding: typing.Sequence[tuple[int, int]]) -> list[int]:
    return [begin for begin, _ in padding] + [end for _, end in padding]


def _weights(graph: Graph, data: RowData) -> list[str]:
    return [graph.constant(value) for value in (data.weights, data.bias) if value is not None]


def _convolution(graph: Graph, x: str, row: Row, data: RowData) -> str:
    """The convolution of a row, from the map that it reads, transposed or not."""
    transposed = row.op.startswith("conv_transpose")
    pads = _pads(row.padding)
    if row.padding_mode == "reflect" and not transposed:
        rank = row.rank
        x = graph.node("Pad", x, graph.constant([0, 0, *pads[:rank], 0, 0, *pads[rank:]], numpy.int64), mode="reflect")
        pads = [0] * len(pads)
    extra = {"output_padding": row.output_padding} if transposed else {}
    return graph.node("ConvTranspose" if transposed else "Conv", x, *_weights(graph, data), kernel_shape=row.kernel,
                      strides=row.stride, pads=pads, dilations=row.dilation, group=row.groups, **extra)


def _resize(graph: Graph, x: str, row: Row, mode: str, channels_last: bool = False) -> str:
    nearest = mode == "nearest"
    antialias = mode == "bilinear_antialias"
    attributes: dict[str, typing.Any] = {"mode": _RESIZE_MODES[mode], "antialias": int(antialias),
                                         "exclude_outside": int(antialias)}
    if nearest:
        attributes |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    elif row.align_corners:
        attributes["coordinate_transformation_mode"] = "align_corners"

    def whole(n: int, c: int, spatial: tuple[int, ...]) -> list[int]:
        return [n, *spatial, c] if channels_last else [n, c, *spatial]

    if row.output_size is None:
        return graph.node("Resize", x, "", graph.constant(whole(1, 1, row.scale)), **attributes)
    sizes = graph.constant(whole(row.n, row.c_in, row.output_size), numpy.int64)
    return graph.node("Resize", x, "", "", sizes, **attributes)


def _depth_to_space(graph: Graph, x: str, row: Row) -> str:
    return graph.node("DepthToSpace", x, blocksize=row.scale[0], mode="CRD")


def _layer(layer: Layer) -> Network:
    """A transposed convolution, or a convolution before a pixel shuffle, possibly of a fold."""
    row, data = layer.row, layer.data
    graph = Graph()
    x = graph.input("input", data.input)
    if layer.edge:
        pads = [0, 0, *[layer.edge] * row.rank] * 2
        x = graph.node("Pad", x, graph.constant(pads, numpy.int64), mode="edge")
    x = _convolution(graph, x, row, data)
    if row.op == "conv_pixel_shuffle":
        x = _depth_to_space(graph, x, row)
    if layer.crop is not None:
        ends = [begin + size for begin, size in zip(layer.crop, layer.output)]
        axes = range(2, 2 + row.rank)
        x = graph.node("Slice", x, *(graph.constant(value, numpy.int64) for value in (layer.crop, ends, list(axes))))
    return graph.network(x, data.output_shape)


def _nearest_conv(row: Row, data: RowData) -> Network:
    graph = Graph()
    x = _resize(graph, graph.input("input", data.input), row, "nearest")
    return graph.network(_convolution(graph, x, row, data), data.output_shape)


def _resized(row: Row, data: RowData, channels_last: bool) -> Network:
    """resize and resize_add."""
    def arranged(value: numpy.ndarray) -> numpy.ndarray:
        return numpy.moveaxis(value, 1, -1) if channels_last else value

    graph = Graph()
    x = _resize(graph, graph.input("input", arranged(data.input)), row, row.mode, channels_last)
    if data.residual is not None:
        x = graph.node("Add", x, graph.input("residual", arranged(data.residual)))
    shape = arranged(numpy.broadcast_to(numpy.float32(0), data.output_shape)).shape
    return graph.network(x, shape, lambda output: numpy.moveaxis(output, -1, 1) if channels_last else output)


def _shuffle_by_transpose(row: Row, data: RowData) -> Network:
    """pixel_shuffle and pixel_unshuffle of any order of channels."""
    blocks, order = shuffle_by_transpose(row)
    graph = Graph()
    x = graph.input("input", data.input)
    x = graph.node("Transpose", graph.reshape(x, blocks), perm=order)
    return graph.network(graph.reshape(x, data.output_shape), data.output_shape)


def _depth_to_space_row(row: Row, data: RowData) -> Network:
    graph = Graph()
    return graph.network(_depth_to_space(graph, graph.input("input", data.input), row), data.output_shape)


def _focus(row: Row, data: RowData) -> Network:
    """A block-major pixel_unshuffle as the network's own slices and concatenation."""
    r = row.scale[0]
    graph = Graph()
    x = graph.input("input", data.input)
    slices = [graph.node("Slice", x, *(graph.constant(value, numpy.int64) for value in
                                       ([y, column], row.size, [2, 3], [r, r])))
              for column in range(r) for y in range(r)]
    return graph.network(graph.node("Concat", *slices, axis=1), data.output_shape)


def _max_unpool(row: Row, data: RowData) -> Network:
    """By MaxUnpool, whose indices are those of the whole output, which must have room for all windows."""
    graph = Graph()
    x = graph.node("MaxUnpool", graph.input("input", data.input),
                   graph.input("indices", global_indices(row, data.indices)),
                   graph.constant(data.output_shape, numpy.int64), kernel_shape=row.kernel, strides=row.stride,
                   pads=_pads(row.padding))
    return graph.network(x, data.output_shape)


def _max_unpool_by_scatter(row: Row, data: RowData) -> Network:
    graph = Graph()
    planes = (row.n, row.c_in, -1)
    x = graph.reshape(graph.input("input", data.input), planes)
    indices = graph.reshape(graph.input("indices", data.indices), planes)
    zeros = graph.constant(numpy.zeros((row.n, row.c_in, math.prod(row.output_size))))
    x = graph.node("ScatterElements", zeros, indices, x, axis=2)
    return graph.network(graph.reshape(x, data.output_shape), data.output_shape)


def networks(row: Row, data: RowData) -> dict[str, typing.Callable[[], Network]]:
    """The models worth trying for a row, by what is special about them; those whose names begin with "nhwc" have
    channels last. Raises Unsupported."""
    layer = Layer(row, data)
    if row.op.startswith("conv_transpose"):
        forms = {"": lambda: _layer(layer)}
        if row.rank == 2 and row.c_out <= _FEW_CHANNELS and max(row.stride) > 1:
            if convolution := as_convolution(layer):
                forms["convolution + shuffle"] = lambda: _layer(convolution)
        return forms
    if row.op in ("nearest_conv3x3", "conv_pixel_shuffle"):
        unfused = _nearest_conv if row.op == "nearest_conv3x3" else lambda *_: _layer(layer)
        forms = {"unfused": lambda: unfused(row, data)}
        if transposed := as_conv_transpose(layer):
            forms["folded, transposed convolution"] = lambda: _layer(transposed)
            if row.op == "nearest_conv3x3" and (convolution := as_convolution(transposed)):
                forms["folded, convolution + shuffle"] = lambda: _layer(convolution)
        return forms
    if row.op in ("resize", "resize_add"):
        if row.mode not in _RESIZE_MODES:
            raise Unsupported(f"ONNX has no resize of mode '{row.mode}'")
        forms = {"": lambda: _resized(row, data, False)}
        if row.rank == 2 and row.mode in ("nearest", "bilinear"):
            forms["nhwc"] = lambda: _resized(row, data, True)
        return forms
    if row.op in ("pixel_shuffle", "pixel_unshuffle"):
        if row.mode not in ("", "block-major"):
            raise Unsupported(f"ONNX has no {row.op} of mode '{row.mode}'")
        forms = {"transpose": lambda: _shuffle_by_transpose(row, data)}
        if row.op == "pixel_shuffle" and not row.mode:
            forms["depth to space"] = lambda: _depth_to_space_row(row, data)
        if row.op == "pixel_unshuffle" and row.mode:
            forms["slices"] = lambda: _focus(row, data)
        return forms
    if row.op == "max_unpool":
        forms = {"scatter": lambda: _max_unpool_by_scatter(row, data)}
        if all((size - 1) * stride + kernel - begin - end <= out for size, stride, kernel, (begin, end), out in zip(
                row.size, row.stride, row.kernel, row.padding, row.output_size)):
            forms["max unpool"] = lambda: _max_unpool(row, data)
        return forms
    raise Unsupported(f"not made for op '{row.op}'")
