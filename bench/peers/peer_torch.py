"""PyTorch: plain, channels_last, and the oneDNN inside it with prepacked weights."""

from __future__ import annotations

import functools

import numpy
import torch
import torch.nn.functional as F

from network import Layer, as_conv_transpose, as_convolution
from peer import Configuration, Peer, Unsupported
from rows import Row, RowData

# By rank.
CONVOLUTION = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}
# In mkldnn's operators, "no activation, default algorithm".
NO_ACTIVATION = ("none", [], "")


def _tensor(values: numpy.ndarray | None) -> torch.Tensor | None:
    return None if values is None else torch.from_numpy(values)


def _symmetric(padding: tuple[tuple[int, int], ...]) -> list[int]:
    return [min(pair) for pair in padding]


class TorchPeer(Peer):
    """PyTorch from PyPI."""

    name = "PyTorch"
    version = torch.__version__

    def __init__(self, threads: int):
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)

    def configurations(self, row: Row, data: RowData) -> list[Configuration]:
        """As NCHW and as channels_last; convolutions prepacked as well; fused rows also folded."""
        layer = Layer(row, data)
        ways = [("nchw", layer, None, False)]
        if row.rank in CHANNELS_LAST:
            ways.append(("channels_last", layer, CHANNELS_LAST[row.rank], False))
        if data.weights is not None and row.rank in (1, 2):
            # As mkldnn's operators have it, one-dimensional rows are rows of height 1.
            ways.append(("mkldnn prepacked", layer, torch.channels_last, True))
        folded = as_conv_transpose(layer)
        if folded:
            ways += [("folded nchw", folded, None, False),
                     ("folded channels_last", folded, torch.channels_last, False),
                     ("folded mkldnn prepacked", folded, torch.channels_last, True)]
        convolution = as_convolution(folded or layer) if row.rank == 2 else None
        if convolution:
            ways.append(("convolution + shuffle mkldnn prepacked", convolution, torch.channels_last, True))
        return [self._configuration(*way) for way in ways]

    def _configuration(self, name: str, layer: Layer, layout, prepacked: bool) -> Configuration:
        row, data = layer.row, layer.data
        flat = prepacked and row.rank == 1
        x, weights = _tensor(data.input), _tensor(data.weights)
        if flat:
            x, weights = x.unsqueeze(2), weights.unsqueeze(2)
        if layout is not None:
            # A convolution's tensor with one channel would count as contiguous in both orders.
            x = x.contiguous(memory_format=layout)
            weights = weights if weights is None else weights.contiguous(memory_format=layout)
        extend = functools.partial(F.pad, pad=[layer.edge] * (2 * row.rank), mode="replicate") if layer.edge else None
        inner = self._op(row, data, extend(x) if extend else x, weights, prepacked, layout)
        crop = None
        if layer.crop is not None:
            crop = (..., *(slice(begin, begin + size) for begin, size in zip(layer.crop, layer.output)))

        def op(tensor: torch.Tensor) -> torch.Tensor:
            tensor = inner(extend(tensor) if extend else tensor)
            return tensor if crop is None else tensor[crop]

        result = []

        @torch.inference_mode()
        def run() -> None:
            result[:] = [op(x)]  # frees the last output only now, malloc keeps its memory

        def output() -> numpy.ndarray:
            tensor = result[0].squeeze(2) if flat else result[0]
            return tensor.contiguous().numpy()

        return Configuration(name, layout is None, run, output)

    def _op(self, row: Row, data: RowData, x: torch.Tensor, weights: torch.Tensor | None, prepacked: bool, layout):
        """The row as a function of the input."""
        if row.op.startswith("conv_transpose"):
            return self._conv_transpose(row, data, x, weights, prepacked)
        if row.op == "conv_pixel_shuffle":
            convolution = self._convolution(row, data, x, weights, prepacked)
            return lambda t: F.pixel_shuffle(convolution(t), row.scale[0])
        if row.op == "nearest_conv3x3":
            upsample = self._interpolate(row)
            convolution = self._convolution(row, data, upsample(x), weights, prepacked)
            return lambda t: convolution(upsample(t))
        if row.op == "resize":
            return self._interpolate(row)
        if row.op == "resize_add":
            interpolate, residual = self._interpolate(row), _tensor(data.residual)
            if layout is not None:
                residual = residual.contiguous(memory_format=layout)
            return lambda t: interpolate(t).add_(residual)
        if row.op == "max_unpool":
            indices = _tensor(data.indices).to(torch.int64)
            if layout is not None:
                indices = indices.contiguous(memory_format=layout)
            return lambda t: F.max_unpool2d(t, indices, row.kernel, row.stride, _symmetric(row.padding),
                                            data.output_shape[2:])
        if row.op == "convex_upsample":
            return self._convex_upsample(row, data, layout)
        if row.op == "pixel_shuffle" and not row.mode:
            return lambda t: F.pixel_shuffle(t, row.scale[0])
        if row.op == "pixel_unshuffle" and not row.mode:
            return lambda t: F.pixel_unshuffle(t, row.scale[0])
        if row.op == "pixel_unshuffle" and row.mode == "block-major":
            height, width = row.scale
            return lambda t: torch.cat([t[..., y::height, x::width] for x in range(width) for y in range(height)], 1)
        raise Unsupported(f"has no {row.op} of mode '{row.mode}'")

    def _interpolate(self, row: Row):
        mode, antialias = row.mode.removesuffix("_antialias"), row.mode.endswith("_antialias")
        return functools.partial(F.interpolate, size=row.output_size, scale_factor=row.scale, mode=mode,
                                 align_corners=None if mode == "nearest" else row.align_corners, antialias=antialias)

    @staticmethod
    def _convex_upsample(row: Row, data: RowData, layout):
        """RAFT's upsample_flow."""
        (height, width), (factor, _) = row.size, row.scale
        mask = _tensor(data.mask)
        if layout is not None:
            mask = mask.contiguous(memory_format=layout)

        def op(flow: torch.Tensor) -> torch.Tensor:
            weights = torch.softmax(mask.view(row.n, 1, 9, factor, factor, height, width), dim=2)
            values = F.unfold(factor * flow, [3, 3], padding=1).view(row.n, row.c_in, 9, 1, 1, height, width)
            output = torch.sum(weights * values, dim=2).permute(0, 1, 4, 2, 5, 3)
            return output.reshape(row.n, row.c_out, factor * height, factor * width)

        return op

    def _conv_transpose(self, row: Row, data: RowData, x, weights, prepacked: bool):
        """Padding that is larger at one end is cropped there, by a view."""
        bias = _tensor(data.bias)
        padding, output_padding = _symmetric(row.padding), list(row.output_padding)
        stride, dilation, shape = list(row.stride), list(row.dilation), list(data.output_shape[2:])
        starts = [begin - least for (begin, _), least in zip(row.padding, padding)]
        if prepacked:
            if row.rank == 1:
                padding, output_padding, starts = [0, *padding], [0, *output_padding], [0, *starts]
                stride, dilation, shape = [1, *stride], [1, *dilation], [1, *shape]
            packed = torch.ops.mkldnn._reorder_convolution_transpose_weight(
                weights, padding, output_padding, stride, dilation, row.groups, list(x.shape))

            def convolve(t):
                return torch.ops.mkldnn._convolution_transpose_pointwise(
                    t, packed, bias, padding, output_padding, stride, dilation, row.groups, *NO_ACTIVATION)
        else:
            function = CONV_TRANSPOSE[row.rank]

            def convolve(t):
                return function(t, weights, bias, stride, padding, output_padding, row.groups, dilation)

        if all(begin == end for begin, end in row.padding):
            return convolve
        crop = (..., *(slice(start, start + size) for start, size in zip(starts, shape)))
        return lambda t: convolve(t)[crop]

    def _convolution(self, row: Row, data: RowData, x, weights, prepacked: bool):
        bias = _tensor(data.bias)
        padding, dilation, stride = _symmetric(row.padding), list(row.dilation), list(row.stride)
        pad = None
        if row.padding_mode != "zeros" or any(begin != end for begin, end in row.padding):
            sides = [side for pair in reversed(row.padding) for side in pair]
            pad = functools.partial(F.pad, pad=sides, mode=row.padding_mode.replace("zeros", "constant"))
            x, padding = pad(x), [0] * row.rank
        if prepacked:
            packed = torch.ops.mkldnn._reorder_convolution_weight(weights, padding, stride, dilation, row.groups,
                                                                  list(x.shape))

            def convolve(t):
                return torch.ops.mkldnn._convolution_pointwise(t, packed, bias, padding, stride, dilation, row.groups,
                                                               *NO_ACTIVATION)
        else:
            function = CONVOLUTION[row.rank]

            def convolve(t):
                return function(t, weights, bias, stride, padding, dilation, row.groups)

        return convolve if pad is None else lambda t: convolve(pad(t))
