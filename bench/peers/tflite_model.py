"""Rows as TensorFlow Lite models, for LiteRT. The schema is the one that LiteRT's package carries."""

from __future__ import annotations

import dataclasses
import math
import typing

import flatbuffers
import numpy
from ai_edge_litert import schema_py_generated as schema

from network import (Layer, Network, as_conv_transpose, as_convolution, global_indices, is_without_overlap,
                     shuffle_by_transpose, with_height)
from peer import Unsupported
from rows import Row, RowData

_TYPES = {"float32": schema.TensorType.FLOAT32, "int32": schema.TensorType.INT32}
# Versions of operators whose first one lacks what is used here.
_VERSIONS = {"TRANSPOSE_CONV": 3, "RESIZE_BILINEAR": 3, "RESIZE_NEAREST_NEIGHBOR": 3}
_REFLECT, _SYMMETRIC = schema.MirrorPadMode.REFLECT, schema.MirrorPadMode.SYMMETRIC
_LINEAR = ("linear", "bilinear", "trilinear")

Shape = typing.Sequence[int]


class _Graph:
    """A model under construction. Tensors are known by their numbers."""

    def __init__(self):
        self.inputs: dict[str, numpy.ndarray] = {}
        self._tensors: list[schema.TensorT] = []
        self._buffers = [schema.BufferT()]  # the first is empty by rule: of tensors that are computed
        self._operators: list[schema.OperatorT] = []
        self._codes: dict[str, int] = {}

    def _tensor(self, shape: Shape, kind: str, buffer: int = 0, name: str = "") -> int:
        self._tensors.append(schema.TensorT(shape=list(map(int, shape)), type=_TYPES[kind], buffer=buffer,
                                            name=name or f"tensor{len(self._tensors)}"))
        return len(self._tensors) - 1

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self._tensors[tensor].shape)

    def input(self, name: str, value: numpy.ndarray) -> int:
        self.inputs[name] = numpy.ascontiguousarray(value)
        return self._tensor(value.shape, value.dtype.name, name=name)

    def constant(self, value: typing.Any, dtype=numpy.float32) -> int:
        value = numpy.ascontiguousarray(value, dtype)
        self._buffers.append(schema.BufferT(data=value.reshape(-1).view(numpy.uint8)))
        return self._tensor(value.shape, value.dtype.name, len(self._buffers) - 1)

    def integers(self, value: typing.Any) -> int:
        return self.constant(value, numpy.int32)

    def op(self, name: str, inputs: typing.Sequence[int], shape: Shape, options: typing.Any = None) -> int:
        """The output of a builtin operator, whose shape is told."""
        output = self._tensor(shape, "float32")
        operator = schema.OperatorT(opcodeIndex=self._codes.setdefault(name, len(self._codes)), inputs=list(inputs),
                                    outputs=[output])
        if options is not None:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
        self._operators.append(operator)
        return output

    def reshape(self, x: int, shape: Shape) -> int:
        shape = list(map(int, shape))
        return self.op("RESHAPE", [x, self.integers(shape)], shape, schema.ReshapeOptionsT(newShape=shape))

    def transpose(self, x: int, order: Shape) -> int:
        return self.op("TRANSPOSE", [x, self.integers(order)], [self.shape(x)[axis] for axis in order],
                       schema.TransposeOptionsT())

    def slice(self, x: int, begin: Shape, size: Shape) -> int:
        return self.op("SLICE", [x, self.integers(begin), self.integers(size)], size, schema.SliceOptionsT())

    def add(self, a: int, b: int) -> int:
        return self.op("ADD", [a, b], self.shape(a), schema.AddOptionsT())

    def pad(self, x: int, padding: typing.Sequence[tuple[int, int]], mirror: int | None = None) -> int:
        """Padding per spatial axis, with zeros or by a mirror mode."""
        pairs = [(0, 0), *padding, (0, 0)]
        shape = [size + begin + end for size, (begin, end) in zip(self.shape(x), pairs)]
        if mirror is None:
            return self.op("PAD", [x, self.integers(pairs)], shape, schema.PadOptionsT())
        return self.op("MIRROR_PAD", [x, self.integers(pairs)], shape, schema.MirrorPadOptionsT(mode=mirror))

    def network(self, output: int, to_nchw: typing.Callable[[numpy.ndarray], numpy.ndarray]) -> Network:
        names = [tensor.name for tensor in self._tensors]
        subgraph = schema.SubGraphT(tensors=self._tensors, inputs=[names.index(name) for name in self.inputs],
                                    outputs=[output], operators=self._operators, name="main")
        codes = []
        for name in self._codes:
            number = getattr(schema.BuiltinOperator, name)
            codes.append(schema.OperatorCodeT(deprecatedBuiltinCode=min(number, 127), builtinCode=number,
                                              version=_VERSIONS.get(name, 1)))
        model = schema.ModelT(version=3, operatorCodes=codes, subgraphs=[subgraph], description="row",
                              buffers=self._buffers)
        size = sum(buffer.data.nbytes for buffer in self._buffers if buffer.data is not None)
        builder = flatbuffers.Builder(size + (1 << 16))
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return Network(bytes(builder.Output()), self.inputs, self.shape(output), to_nchw)


def _last(value: numpy.ndarray) -> numpy.ndarray:
    """Channels last."""
    return numpy.moveaxis(value, 1, -1)


def _first(value: numpy.ndarray) -> numpy.ndarray:
    """Channels first again."""
    return numpy.moveaxis(value, -1, 1)


def _is_same(size: int, out: int, stride: int, kernel: int, begin: int) -> bool:
    """Whether SAME of a transposed convolution means a padding that begins with so many pixels, on one axis."""
    total = (size - 1) * stride + kernel - out
    return -(-out // stride) == size and total >= 0 and total // 2 == begin


def _conv_transpose(graph: _Graph, x: int, row: Row, data: RowData) -> int:
    """A transposed convolution of two or three axes by the operator of that name."""
    out = data.output_shape[2:]
    axes = list(zip(row.size, out, row.stride, row.kernel, row.padding))
    padding, whole = schema.Padding.SAME, out
    if not all(_is_same(size, o, s, k, begin) for size, o, s, k, (begin, _) in axes):
        padding = schema.Padding.VALID
        whole = tuple(max((size - 1) * s + k, begin + o) for size, o, s, k, (begin, _) in axes)
    strides = dict(zip(("strideW", "strideH", "strideD"), reversed(row.stride)))
    shape = (row.n, *whole, row.c_out)
    bias = [] if data.bias is None else [graph.constant(data.bias)]
    if row.rank == 2:
        name, order, options = "TRANSPOSE_CONV", (1, 2, 3, 0), schema.TransposeConvOptionsT
    else:
        name, order, options = "CONV_3D_TRANSPOSE", (2, 3, 4, 1, 0), schema.Conv3DOptionsT
    x = graph.op(name, [graph.integers(shape), graph.constant(data.weights.transpose(order)), x, *bias], shape,
                 options(padding=padding, **strides))
    if whole != out:
        x = graph.slice(x, [0, *(begin for begin, _ in row.padding), 0], (row.n, *out, row.c_out))
    return x


def _padded(graph: _Graph, x: int, row: Row) -> tuple[int, int]:
    """The map that a convolution reads, and the padding that is left to the operator."""
    reach = [d * (k - 1) for k, d in zip(row.kernel, row.dilation)]
    if row.padding_mode == "reflect":
        return graph.pad(x, row.padding, _REFLECT), schema.Padding.VALID
    if all((begin, end) == (r // 2, r - r // 2) for r, (begin, end) in zip(reach, row.padding)):
        return x, schema.Padding.SAME
    return graph.pad(x, row.padding) if any(map(any, row.padding)) else x, schema.Padding.VALID


def _block_order(row: Row) -> numpy.ndarray:
    """Which of the row's channels, deep ones of a shuffle, are TensorFlow's, [row of the block][column][c]."""
    r = row.scale[-1]
    if row.mode == "block-major":  # [column][row][c]
        return numpy.arange(max(row.c_in, row.c_out)).reshape(r, r, -1).transpose(1, 0, 2).reshape(-1)
    channels = row.convolution_channels if row.op == "conv_pixel_shuffle" else max(row.c_in, row.c_out)
    return numpy.arange(channels).reshape(-1, math.prod(row.scale)).T.reshape(-1)


def _conv(graph: _Graph, x: int, row: Row, data: RowData) -> int:
    """A row's convolution, whose channels before a pixel shuffle are in TensorFlow's order."""
    weights, bias = data.weights, data.bias
    if row.op == "conv_pixel_shuffle":
        order = _block_order(row)
        weights, bias = weights[order], None if bias is None else bias[order]
    x, padding = _padded(graph, x, row)
    reach = [0 if padding == schema.Padding.SAME else d * (k - 1) for k, d in zip(row.kernel, row.dilation)]
    n, *size, _ = graph.shape(x)
    biases = [graph.constant(numpy.zeros(len(weights)) if bias is None else bias)]
    return graph.op("CONV_2D", [x, graph.constant(_last(weights)), *biases],
                    (n, *(s - r for s, r in zip(size, reach)), len(weights)),
                    schema.Conv2DOptionsT(padding=padding, strideW=1, strideH=1, dilationHFactor=row.dilation[0],
                                          dilationWFactor=row.dilation[1]))


def _depth_to_space(graph: _Graph, x: int, row: Row) -> int:
    """The pixel shuffle of a row of pictures, whose height may be left alone."""
    n, height, width, c = graph.shape(x)
    rows, r = row.scale
    shape = (n, height * rows, width * r, c // (rows * r))
    if rows == 1:
        return graph.reshape(x, shape) if height == 1 else x
    return graph.op("DEPTH_TO_SPACE", [x], shape, schema.DepthToSpaceOptionsT(blockSize=r))


def _depthwise(graph: _Graph, x: int, layer: Layer) -> int:
    """A depthwise transposed convolution that was made a convolution, as one depthwise convolution per phase."""
    row, data = layer.row, layer.data
    x, padding = _padded(graph, x, row)
    reach = [0 if padding == schema.Padding.SAME else k - 1 for k in row.kernel]
    n, *size, c = graph.shape(x)
    shape = (n, *(s - t for s, t in zip(size, reach)), c)
    weights = data.weights.reshape(c, -1, *row.kernel)
    bias = graph.constant(numpy.zeros(c) if data.bias is None else data.bias[::weights.shape[1]])
    options = schema.DepthwiseConv2DOptionsT(padding=padding, strideW=1, strideH=1, depthMultiplier=1)
    phases = [graph.op("DEPTHWISE_CONV_2D", [x, graph.constant(_last(weights[None, :, phase])), bias], shape, options)
              for phase in range(weights.shape[1])]
    return graph.op("CONCATENATION", phases, (*shape[:3], c * len(phases)), schema.ConcatenationOptionsT(axis=3))


def _layer(graph: _Graph, x: int, layer: Layer) -> int:
    """A convolution before a pixel shuffle, possibly of a fold."""
    row = layer.row
    if layer.edge:
        x = graph.pad(x, [(layer.edge, layer.edge)] * 2, _SYMMETRIC)
    x = _depthwise(graph, x, layer) if row.groups > 1 else _conv(graph, x, row, layer.data)
    x = _depth_to_space(graph, x, row)
    if layer.crop is not None:
        x = graph.slice(x, [0, *layer.crop, 0], (row.n, *layer.output, row.c_out))
    return x


def _flat_conv_transpose(graph: _Graph, x: int, row: Row, data: RowData) -> int:
    """A transposed convolution of three axes without overlap as one of two: D is a part of the batch, and the kernel's
    D a part of the channels. TensorFlow Lite's own operator of three axes is a plain loop."""
    n, depth, height, width, c = graph.shape(x)
    slices, *kernel = row.kernel
    flat = dataclasses.replace(row, n=n * depth, size=row.size[1:], c_out=slices * row.c_out, kernel=tuple(kernel),
                               stride=row.stride[1:], padding=row.padding[1:], dilation=row.dilation[1:],
                               output_padding=row.output_padding[1:])
    weights = data.weights.swapaxes(1, 2).reshape(c, flat.c_out, *kernel)
    bias = None if data.bias is None else numpy.tile(data.bias, slices)
    _, _, out_depth, *out = data.output_shape
    data = dataclasses.replace(data, weights=weights, bias=bias, output_shape=(flat.n, flat.c_out, *out))
    x = graph.reshape(x, (flat.n, height, width, c))
    convolution = as_convolution(Layer(flat, data))
    x = _layer(graph, x, convolution) if convolution else _conv_transpose(graph, x, flat, data)
    if slices > 1:
        x = graph.transpose(graph.reshape(x, (n * depth, math.prod(out), slices, row.c_out)), (0, 2, 1, 3))
    return graph.reshape(x, (n, out_depth, *out, row.c_out))


def _resize(graph: _Graph, x: int, row: Row) -> int:
    if row.mode == "nearest":
        name, options = "RESIZE_NEAREST_NEIGHBOR", schema.ResizeNearestNeighborOptionsT()
    else:
        name = "RESIZE_BILINEAR"
        options = schema.ResizeBilinearOptionsT(alignCorners=row.align_corners, halfPixelCenters=not row.align_corners)

    def picture(x: int, height: int, width: int) -> int:
        n, *_, c = graph.shape(x)
        return graph.op(name, [x, graph.integers([height, width])], (n, height, width, c), options)

    if row.rank == 2:
        return picture(x, *row.resized)
    # D after H and W, both as pictures: a line of D is a column of a picture whose rows are whole planes.
    n, depth, height, width, c = graph.shape(x)
    out_depth, out_height, out_width = row.resized
    x = picture(graph.reshape(x, (n * depth, height, width, c)), out_height, out_width)
    x = picture(graph.reshape(x, (n, depth, out_height * out_width, c)), out_depth, out_height * out_width)
    return graph.reshape(x, (n, *row.resized, c))


_Body = typing.Callable[[_Graph, int], int]


def _around(body: _Body, data: RowData, output_shape: tuple[int, ...]) -> dict[str, typing.Callable[[], Network]]:
    """Two models of what computes with channels last: as it is, and between transpositions of plain NCHW tensors."""
    def nhwc() -> Network:
        graph = _Graph()
        x = body(graph, graph.input("input", _last(data.input)))
        if data.residual is not None:
            x = graph.add(x, graph.input("residual", _last(data.residual)))
        return graph.network(x, lambda output: _first(output).reshape(output_shape))

    def nchw() -> Network:
        graph = _Graph()
        axes = list(range(data.input.ndim))
        x = graph.transpose(graph.input("input", data.input), [0, *axes[2:], 1])
        x = graph.transpose(body(graph, x), [0, axes[-1], *axes[1:-1]])
        if data.residual is not None:
            x = graph.add(x, graph.input("residual", data.residual))
        return graph.network(x, lambda output: output.reshape(output_shape))

    return {"nhwc": nhwc, "nchw": nchw}


def _shuffled(row: Row, data: RowData) -> Network:
    """pixel_shuffle and pixel_unshuffle with channels last and in TensorFlow's order."""
    graph = _Graph()
    order, r = _block_order(row), row.scale[0]
    n, height, width = row.n, *row.size
    if row.op == "pixel_shuffle":
        x = _depth_to_space(graph, graph.input("input", _last(data.input[:, order])), row)
        return graph.network(x, _first)
    x = graph.op("SPACE_TO_DEPTH", [graph.input("input", _last(data.input))], (n, height // r, width // r, row.c_out),
                 schema.SpaceToDepthOptionsT(blockSize=r))
    return graph.network(x, lambda output: _first(output)[:, numpy.argsort(order)])


def _shuffled_nchw(row: Row, data: RowData) -> Network:
    blocks, order = shuffle_by_transpose(row)
    graph = _Graph()
    x = graph.transpose(graph.reshape(graph.input("input", data.input), blocks), order)
    return graph.network(graph.reshape(x, data.output_shape), lambda output: output)


def _max_unpool(row: Row, data: RowData) -> Network:
    if math.prod(data.output_shape) >= 2**31:
        raise Unsupported("TensorFlow Lite's SCATTER_ND has indices of 32 bits")
    graph = _Graph()
    indices = graph.input("indices", global_indices(row, data.indices).astype(numpy.int32).reshape(-1, 1))
    values = graph.reshape(graph.input("input", data.input), (data.input.size,))
    size = math.prod(data.output_shape)
    x = graph.op("SCATTER_ND", [indices, values, graph.integers([size])], (size,), schema.ScatterNdOptionsT())
    return graph.network(graph.reshape(x, data.output_shape), lambda output: output)


def _transposed_body(row: Row, data: RowData) -> tuple[str, _Body]:
    """Of a transposed convolution: where it can be, as a convolution before a shuffle, which XNNPACK computes quicker,
    up to 20 times where output channels are few."""
    dense = row.groups == 1
    if dense and row.rank == 3 and is_without_overlap(row):
        return "2-D", lambda graph, x: _flat_conv_transpose(graph, x, row, data)
    if row.rank < 3 and (dense or row.c_in == row.c_out == row.groups):
        if layer := as_convolution(Layer(row, data)):
            if row.rank == 1:
                crop = None if layer.crop is None else (0, *layer.crop)
                layer = Layer(*with_height(layer.row, layer.data), layer.edge, crop)
            name = "convolution + shuffle" if dense else "depthwise convolutions"
            return name, lambda graph, x: _layer(graph, x, layer)
    if not dense or any(d != 1 for d in row.dilation):
        raise Unsupported("TensorFlow Lite has neither groups nor dilation in transposed convolutions")
    if row.rank == 1:
        row, data = with_height(row, data)
    return "transposed convolution", lambda graph, x: _conv_transpose(graph, x, row, data)


def _fused_bodies(row: Row, data: RowData) -> dict[str, _Body]:
    """Of a convolution after an upsampling or before a shuffle."""
    if row.groups > 1:
        raise Unsupported("these rows are not made with groups for TensorFlow Lite")
    layer = Layer(row, data)
    if row.op == "conv_pixel_shuffle":
        return {"unfused": lambda graph, x: _layer(graph, x, layer)}
    bodies: dict[str, _Body] = {}
    transposed = as_conv_transpose(layer)
    if transposed and (convolution := as_convolution(transposed)):
        bodies["folded, convolution + shuffle"] = lambda graph, x: _layer(graph, x, convolution)
    nearest = dataclasses.replace(row, mode="nearest")
    bodies["unfused"] = lambda graph, x: _conv(graph, _resize(graph, x, nearest), row, data)
    return bodies


def networks(row: Row, data: RowData) -> dict[str, typing.Callable[[], Network]]:
    """The models worth trying for a row, by what is special about them; names begin with "nhwc" or "nchw". Raises
    Unsupported."""
    if row.op in ("pixel_shuffle", "pixel_unshuffle"):
        if row.mode not in ("", "block-major"):
            raise Unsupported(f"TensorFlow Lite has no {row.op} of mode '{row.mode}'")
        return {"nhwc, blocks in the engine's order": lambda: _shuffled(row, data),
                "nchw": lambda: _shuffled_nchw(row, data)}
    if row.op == "max_unpool":
        return {"nchw scatter": lambda: _max_unpool(row, data)}
    if row.op.startswith("conv_transpose"):
        name, body = _transposed_body(row, data)
        bodies = {name: body}
    elif row.op in ("nearest_conv3x3", "conv_pixel_shuffle"):
        bodies = _fused_bodies(row, data)
    elif row.op in ("resize", "resize_add"):
        if row.mode != "nearest" and row.mode not in _LINEAR:
            raise Unsupported(f"TensorFlow Lite has no resize of mode '{row.mode}'")
        picture = with_height(row, data)[0] if row.rank == 1 else row
        bodies = {"": lambda graph, x: _resize(graph, x, picture)}
    else:
        raise Unsupported(f"not made for op '{row.op}'")
    around = with_height(row, data)[1] if row.rank == 1 else data
    return {f"{layout} {name}".strip(): make for name, body in bodies.items()
            for layout, make in _around(body, around, data.output_shape).items()}
