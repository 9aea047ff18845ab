"""ncnn."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
import typing

import ncnn
import numpy

from network import Layer, as_conv_transpose, as_convolution, is_without_overlap, swap_channels, with_height
from peer import Configuration, Peer, Unsupported
from rows import Row, RowData

_INTERP_TYPES = {"nearest": 1, "linear": 2, "bilinear": 2, "trilinear": 2, "bicubic": 3}


class _Graph:
    """A network under construction in ncnn's own text format. Blobs are known by their names; each is read once."""

    def __init__(self):
        self.weights: list[numpy.ndarray] = []
        self._layers: list[str] = []
        self._blobs = 0

    def layer(self, kind: str, *inputs: str, outputs: int = 1, weights: typing.Sequence[numpy.ndarray] = (),
              **parameters: typing.Any) -> typing.Any:
        """The layer's output, or the list of its outputs. Parameters are named p0, p1, ... by ncnn's numbers."""
        names = [f"blob{self._blobs + i}" for i in range(outputs)]
        self._add(kind, inputs, names, {int(key[1:]): value for key, value in parameters.items()})
        self.weights += weights
        return names[0] if outputs == 1 else names

    def input(self, name: str) -> str:
        self._add("Input", (), [name], {})
        return name

    def _add(self, kind: str, inputs: typing.Sequence[str], outputs: list[str], parameters: dict) -> None:
        fields = [kind, f"layer{len(self._layers)}", len(inputs), len(outputs), *inputs, *outputs]
        for key, value in parameters.items():
            if isinstance(value, (tuple, list)):
                fields.append(f"{-23300 - key}={len(value)},{','.join(map(str, value))}")
            else:
                fields.append(f"{key}={value}")
        self._layers.append(" ".join(map(str, fields)))
        self._blobs += len(outputs)

    def text(self) -> str:
        return "\n".join(["7767517", f"{len(self._layers)} {self._blobs}", *self._layers, ""])


# ncnn's numbers of the parameters that have one value per axis, for W, H, D.
_KERNEL, _DILATION, _STRIDE = ("p1", "p11", "p21"), ("p2", "p12", "p22"), ("p3", "p13", "p23")
_PADDING_BEGIN, _PADDING_END, _OUTPUT_PADDING = ("p4", "p14", "p24"), ("p15", "p16", "p17"), ("p18", "p19", "p20")


def _per_axis(names: tuple[str, ...], values: typing.Sequence[int]) -> dict[str, int]:
    return dict(zip(names, reversed(values)))


def _convolution(graph: _Graph, x: str, row: Row, data: RowData) -> str:
    """The convolution of a row of two or three axes, from the map that it reads, transposed or not."""
    transposed = row.op.startswith("conv_transpose")
    weights, padding = data.weights, row.padding
    if row.padding_mode == "reflect" and not transposed:
        (top, bottom), (left, right) = padding
        x = graph.layer("Padding", x, p0=top, p1=bottom, p2=left, p3=right, p4=2)
        padding = ((0, 0),) * row.rank
    kind = "Deconvolution" if transposed else "Convolution"
    parameters = {"p0": row.convolution_channels, "p5": int(data.bias is not None), "p6": weights.size}
    parameters |= _per_axis(_KERNEL, row.kernel) | _per_axis(_DILATION, row.dilation) | _per_axis(_STRIDE, row.stride)
    parameters |= _per_axis(_PADDING_BEGIN, [begin for begin, _ in padding])
    parameters |= _per_axis(_PADDING_END, [end for _, end in padding])
    if transposed:
        weights = swap_channels(weights, row.groups)
        parameters |= _per_axis(_OUTPUT_PADDING, row.output_padding)
    if row.groups > 1:
        kind += "DepthWise"
        parameters["p7"] = row.groups
    tag = numpy.zeros(1, numpy.float32)  # of weights that are plain f32
    biases = [] if data.bias is None else [data.bias]
    return graph.layer(kind + ("3D" if row.rank == 3 else ""), x, weights=[tag, weights, *biases], **parameters)


def _interp(graph: _Graph, x: str, row: Row, mode: str) -> str:
    attributes = {"p0": _INTERP_TYPES[mode], "p6": int(row.align_corners)}
    if row.rank < 3:
        height, width = (1, *row.resized)[-2:]
        return graph.layer("Interp", x, p3=height, p4=width, **attributes)
    # D after H and W, both as pictures: a line of D is a column of a picture whose rows are whole planes.
    _, height, width = row.size
    depth, out_height, out_width = row.resized
    plane = out_height * out_width
    x = graph.layer("Reshape", x, p0=width, p1=height, p2=row.c_in * row.size[0])
    x = graph.layer("Interp", x, p3=out_height, p4=out_width, **attributes)
    x = graph.layer("Reshape", x, p0=plane, p1=row.size[0], p2=row.c_in)
    x = graph.layer("Interp", x, p3=depth, p4=plane, **attributes)
    return graph.layer("Reshape", x, p0=out_width, p1=out_height, p11=depth, p2=row.c_in)


def _swap_blocks(graph: _Graph, x: str, row: Row, channels: int) -> str:
    """Channels [row of the block][column][c] to [column][row][c], and back."""
    r = row.scale[0]
    parts = graph.layer("Slice", x, outputs=r * r, p0=[channels] * (r * r), p1=0)
    return graph.layer("Concat", *(parts[b * r + a] for a in range(r) for b in range(r)), p0=0)


def _of_layer(layer: Layer) -> _Graph:
    row = layer.row
    graph = _Graph()
    x = graph.input("input")
    if layer.edge:
        x = graph.layer("Padding", x, **{f"p{side}": layer.edge for side in range(4)}, p4=1)
    x = _convolution(graph, x, row, layer.data)
    if row.op == "conv_pixel_shuffle":
        x = graph.layer("PixelShuffle", x, p0=row.scale[0])
    if layer.crop is not None:
        ends = [begin + size for begin, size in zip(layer.crop, layer.output)]
        graph.layer("Crop", x, p9=layer.crop, p10=ends, p11=list(range(1, 1 + row.rank)))
    return graph


def _flat_deconvolution(row: Row, data: RowData) -> _Graph:
    """A transposed convolution of three axes without overlap as one of two: D is a part of the height, and the kernel's
    D a part of the channels. ncnn's own layer of three axes is a plain loop."""
    depth, height, width = row.size
    slices, *kernel = row.kernel
    flat = dataclasses.replace(row, op="conv_transpose2d", size=(depth * height, width), c_out=row.c_out * slices,
                               kernel=tuple(kernel), stride=row.stride[1:], padding=row.padding[1:],
                               output_padding=row.output_padding[1:], dilation=row.dilation[1:])
    weights = data.weights.reshape(row.c_in, flat.c_out, *kernel)
    bias = None if data.bias is None else numpy.repeat(data.bias, slices)
    out_depth, out_height, out_width = data.output_shape[2:]
    graph = _Graph()
    x = graph.layer("Reshape", graph.input("input"), p0=width, p1=depth * height, p2=row.c_in)
    x = _convolution(graph, x, flat, dataclasses.replace(data, weights=weights, bias=bias))
    if slices > 1:
        x = graph.layer("Reshape", x, p0=out_height * out_width, p1=depth, p11=slices, p2=row.c_out)
        x = graph.layer("Permute", x, p0=2)  # W, D, H, C
    graph.layer("Reshape", x, p0=out_width, p1=out_height, p11=out_depth, p2=row.c_out)
    return graph


def _nearest_conv(row: Row, data: RowData) -> _Graph:
    graph = _Graph()
    _convolution(graph, _interp(graph, graph.input("input"), row, "nearest"), row, data)
    return graph


def _resized(row: Row, data: RowData) -> _Graph:
    """resize and resize_add."""
    graph = _Graph()
    x = graph.input("input")
    residual = None if data.residual is None else graph.input("residual")
    x = _interp(graph, x, row, row.mode)
    if residual:
        graph.layer("BinaryOp", x, residual, p0=0)
    return graph


def _shuffled(row: Row) -> _Graph:
    """pixel_shuffle and pixel_unshuffle."""
    graph = _Graph()
    x = graph.input("input")
    mode = int(row.mode == "block-major")  # ncnn's blocks: rows first
    if row.op == "pixel_shuffle":
        if mode:
            x = _swap_blocks(graph, x, row, row.c_out)
        graph.layer("PixelShuffle", x, p0=row.scale[0], p1=mode)
    else:
        x = graph.layer("Reorg", x, p0=row.scale[0], p1=mode)
        if mode:
            _swap_blocks(graph, x, row, row.c_in)
    return graph


def _graphs(row: Row, data: RowData) -> dict[str, typing.Callable[[], _Graph]]:
    """The networks worth trying for a row of one image, by what is special about them. Raises Unsupported."""
    layer = Layer(row, data)
    if row.op == "conv_transpose3d" and row.groups == 1 and is_without_overlap(row):
        return {"2-D": lambda: _flat_deconvolution(row, data)}
    if row.op.startswith("conv_transpose"):
        return {"": lambda: _of_layer(layer)}
    if row.op in ("nearest_conv3x3", "conv_pixel_shuffle"):
        nearest = row.op == "nearest_conv3x3"
        forms = {"unfused": lambda: _nearest_conv(row, data) if nearest else _of_layer(layer)}
        if transposed := as_conv_transpose(layer):
            forms["folded, deconvolution"] = lambda: _of_layer(transposed)
            if nearest and (convolution := as_convolution(transposed)):
                forms["folded, convolution + shuffle"] = lambda: _of_layer(convolution)
        return forms
    if row.op in ("resize", "resize_add"):
        if row.mode not in _INTERP_TYPES:
            raise Unsupported(f"ncnn has no resize of mode '{row.mode}'")
        return {"": lambda: _resized(row, data)}
    if row.op in ("pixel_shuffle", "pixel_unshuffle"):
        if row.mode not in ("", "block-major"):
            raise Unsupported(f"ncnn has no {row.op} of mode '{row.mode}'")
        return {"": lambda: _shuffled(row)}
    if row.op == "max_unpool":
        raise Unsupported("ncnn has no unpooling")
    raise Unsupported(f"not made for op '{row.op}'")


class _Runner:
    """A network with inputs: images, one after the other, as ncnn has no batches."""

    def __init__(self, graph: _Graph, inputs: dict[str, numpy.ndarray], threads: int, pack: int | None):
        """Inputs are NC(D)HW. With `pack` as many channels as divide theirs lie side by side, up to so many, and the
        output is left as the last layer makes it; without, both are planes."""
        # Memory of earlier runs is used again.
        self._pools = [ncnn.UnlockedPoolAllocator(), ncnn.PoolAllocator()]
        self._net = ncnn.Net()
        options = self._net.opt
        options.num_threads = threads
        options.openmp_blocktime = 0  # threads that wait in a loop would disturb whoever is measured next
        options.blob_allocator, options.workspace_allocator = self._pools
        for flag in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_packed",
                     "use_bf16_storage"):
            setattr(options, flag, False)
        with tempfile.TemporaryDirectory() as folder:
            text, weights = pathlib.Path(folder, "row.param"), pathlib.Path(folder, "row.bin")
            text.write_text(graph.text(), encoding="ascii")
            with open(weights, "wb") as file:
                for array in graph.weights:
                    numpy.ascontiguousarray(array, numpy.float32).tofile(file)
            if self._net.load_param(str(text)) or self._net.load_model(str(weights)):
                raise Unsupported("ncnn cannot load the network")
        self._output = self._net.output_names()[0]
        self._keep_packing = int(pack is not None)
        self._images = [{name: self._mat(value[n], pack or 1) for name, value in inputs.items()}
                        for n in range(len(inputs["input"]))]
        self.outputs: list[ncnn.Mat] = []

    @staticmethod
    def _mat(image: numpy.ndarray, pack: int) -> ncnn.Mat:
        mat = ncnn.Mat(numpy.ascontiguousarray(image)).clone()
        while len(image) % pack:
            pack //= 2
        return ncnn.convert_packing(mat, pack) if pack > 2 else mat

    def run(self) -> None:
        self.outputs = []
        for image in self._images:
            extractor = self._net.create_extractor()
            for name, mat in image.items():
                extractor.input(name, mat)
            status, output = extractor.extract(self._output, self._keep_packing)
            if status:
                raise RuntimeError(f"ncnn's extract returned {status}")
            self.outputs.append(output)

    def output(self) -> numpy.ndarray:
        """NC(D)HW."""
        return numpy.stack([numpy.array(ncnn.convert_packing(output, 1)) for output in self.outputs])

    def close(self) -> None:
        """Gives all memory back, in the order that ncnn wants."""
        self.outputs, self._images = [], []
        self._net.clear()
        for pool in self._pools:
            pool.clear()


class Ncnn(Peer):
    name = "ncnn"
    version = ncnn.__version__

    def __init__(self, threads: int):
        self._threads = threads
        self._runners: list[_Runner] = []
        # As many channels as ncnn puts side by side on this processor.
        graph = _Graph()
        graph.layer("ReLU", graph.input("input"))
        probe = _Runner(graph, {"input": numpy.zeros((1, 64, 8, 8), numpy.float32)}, threads, 1)
        probe.run()
        self._pack = probe.outputs[0].elempack
        probe.close()

    def configurations(self, row: Row, data: RowData) -> list[Configuration]:
        output_shape = data.output_shape
        if row.op == "conv_transpose1d":
            row, data = with_height(row, data)
        inputs = {"input": data.input} | ({} if data.residual is None else {"residual": data.residual})
        configurations = []
        for name, make in _graphs(row, data).items():
            graph = make()
            for layout, pack in ("nchw", None), ("packed", self._pack):
                runner = _Runner(graph, inputs, self._threads, pack)
                self._runners.append(runner)
                configurations.append(Configuration(
                    name=f"{layout} {name}".strip(), plain_nchw=pack is None, run=runner.run,
                    output=lambda runner=runner: runner.output().reshape(output_shape)))
        return configurations

    def close(self) -> None:
        for runner in self._runners:
            runner.close()
        self._runners.clear()
