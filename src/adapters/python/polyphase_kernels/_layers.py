"""The layers, for NumPy: each is a dataclass whose fields are its attributes, and each becomes a function as well."""

import ctypes
import dataclasses
import functools
import inspect
import operator
import re
import threading
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import Any, Optional, Sequence, Tuple, Union

import numpy as np

from polyphase_kernels import _c_api
from polyphase_kernels._library import Operator, Spec, check, dense_spec, fill, lib, make, value_of

Axes = Union[int, Sequence[int]]
Padding = Union[int, str, Sequence[Union[int, Tuple[int, int]]]]

_NUMPY_NAMES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "u8": "uint8", "i8": "int8", "u16": "uint16",
                "i16": "int16", "i32": "int32", "f64": "float64", "i64": "int64"}
_DTYPES = {name: dtype for dtype, name in _NUMPY_NAMES.items()}


# ---- Arrays

def as_array(name, value):
    """A NumPy array that shares the memory of `value`."""
    try:
        if isinstance(value, np.ndarray):
            array = value
        elif hasattr(value, "__array_interface__"):
            array = np.asarray(value)
        elif hasattr(value, "__dlpack__"):
            array = np.from_dlpack(value)
        else:
            array = np.asarray(memoryview(value))
    except TypeError:
        raise TypeError(f"{name}: must be an array (NumPy, __array_interface__, DLPack or a buffer), "
                        f"not {type(value).__name__}") from None
    except (BufferError, RuntimeError) as error:
        raise ValueError(f"{name}: {error}") from error
    if array.dtype.name not in _DTYPES or not array.dtype.isnative:
        raise ValueError(f"{name} dtype = {array.dtype}: must be one of {', '.join(_DTYPES)}, in native byte order")
    return array


def address(array):
    return array.__array_interface__["data"][0]


def block_of(name, layout):
    """The channel block of a layout, 1 for nchw and nhwc."""
    match = re.fullmatch(r"nchw(?:(4|8|16)c)?|nhwc", layout) if isinstance(layout, str) else None
    if not match:
        raise ValueError(f"{name} = {layout!r}: must be 'nchw', 'nhwc', 'nchw4c', 'nchw8c' or 'nchw16c'")
    return int(match[1] or 1)


def spec_of(array, layout, block):
    """The Spec of an array whose axes are in the order of `layout`, or None if the library cannot read it in place."""
    itemsize = array.itemsize
    if not array.flags.aligned or any(stride % itemsize for stride in array.strides):
        return None
    dtype = _DTYPES[array.dtype.name]
    shape, strides = array.shape, tuple(stride // itemsize for stride in array.strides)
    if layout == "nhwc":
        shape, strides = (shape[0], shape[-1], *shape[1:-1]), (strides[0], strides[-1], *strides[1:-1])
    if block == 1:
        return dense_spec(dtype, shape, strides)
    blocked = dense_spec(dtype, (shape[0], *shape[1:-1], shape[-1]), strides)
    if not blocked or blocked.layout != "nchw" or (blocked.strides[-2] not in (0, block)):
        return None
    return Spec(dtype, "nchwc", block, (shape[0], shape[1] * block, *shape[2:-1]), blocked.strides[:-1])


def read(name, value, layout, channels=None, writable=False):
    """An array and its Spec. Inputs that the library cannot read in place are copied; outputs are refused."""
    array = as_array(name, value)
    block = block_of("layout", layout)
    if not 3 + (block > 1) <= array.ndim <= 5 + (block > 1) or (block > 1 and array.shape[-1] != block):
        raise ValueError(f"{name} shape = {array.shape}: layout {layout!r} has " + {
            "nchw": "(n, c, [d, h,] w)", "nhwc": "(n, [d, h,] w, c)"}.get(
                layout, f"(n, c / {block}, [d, h,] w, {block})"))
    spec = spec_of(array, layout, block)
    if writable and not (spec and array.flags.writeable):
        raise ValueError(f"{name} is read-only" if spec else f"{name} strides = {array.strides}: must be those of a "
                         f"dense {layout} array, or of a part of one")
    if not spec:
        array = np.require(array, requirements="CA")
        spec = spec_of(array, layout, block)
    if block > 1 and channels and -(-channels // block) == array.shape[1]:
        spec = spec._replace(shape=(spec.shape[0], channels, *spec.shape[2:]))
    return array, spec


def empty(spec, layout, dtype):
    """A new array of a plan's dense tensor, with its axes in the order of `layout`."""
    n, c, *size = spec.shape
    if spec.layout == "nchwc":
        return np.empty((n, -(-c // spec.block), *size, spec.block), dtype)
    if spec.layout == "nhwc":
        array = np.empty((n, *size, c), dtype)
        return array if layout == "nhwc" else np.moveaxis(array, -1, 1)
    array = np.empty((n, c, *size), dtype)
    return np.moveaxis(array, 1, -1) if layout == "nhwc" else array


# ---- Attributes

def each_axis(name, value, rank):
    """One value for each axis, from a number or a sequence."""
    try:
        values = [operator.index(value)] * rank
    except TypeError:
        try:
            values = [operator.index(one) for one in value]
        except TypeError:
            values = []
    if len(values) != rank:
        raise ValueError(f"{name} = {value!r}: must be an integer, or {rank} of them, one for each axis")
    return values


def paddings(value, rank):
    """The fields of a padding: a name, or numbers of which each may be a pair (begin, end)."""
    if isinstance(value, str):
        return {"auto_pad": {"same": "same_upper"}.get(value, value)}
    if not isinstance(value, int):
        try:
            value = [each_axis("padding", one, 2) for one in value]
        except TypeError:
            value = []
        if len(value) != rank:
            raise ValueError(f"padding: must be an integer, or {rank} of them or pairs of them, one for each axis")
    begin, end = ([value] * rank,) * 2 if isinstance(value, int) else zip(*value)
    return {"padding_begin": list(begin), "padding_end": list(end)}


def constants(name, value, length):
    """A dense f32 array of a given length (None: any), or None."""
    if value is None:
        return None
    array = as_array(name, value)
    if array.dtype != np.float32 or array.ndim != 1 or (length is not None and len(array) != length):
        raise ValueError(f"{name} is {array.dtype} of shape {array.shape}: must be float32 of shape "
                         f"({'channels' if length is None else length},)")
    return np.require(array, requirements="CA")


# ---- Layers

@dataclass(eq=False, frozen=True)
class Layer:
    """What all layers have.

    layout: the order of the axes of arrays, "nchw" (any number of spatial axes), "nhwc" (channels last) or "nchw4c",
        "nchw8c", "nchw16c": blocks of channels, (n, c / block, [d, h,] w, block), the last one filled up with zeros.
    out_layout: that of the output, if it differs.
    numerics: "strict", "default", "fast" or "bf16": how exactly sums of products are computed.
    threads: how many threads run a call at most; 0: as many as the process may use CPUs.
    isa: the best SIMD target that may be used, such as "avx2".

    Arrays are read in place if their strides are those of a dense array, of either order of the axes, or of a part of
    one; others are copied. The output has the input's order in memory. A layer may be called by several threads.
    """
    _: KW_ONLY
    layout: str = "nchw"
    out_layout: Optional[str] = None
    numerics: str = "default"
    threads: int = 0
    isa: Optional[str] = None

    _rank = None  # of the layers that have one
    _channels = None  # of the input, where they are known
    _mask_channels = None
    _has_residual = False

    def __post_init__(self):
        self._prepare()

    def _prepare(self, operator=None):
        block_of("layout", self.layout)
        block_of("out_layout", self.out_layout or self.layout)
        value_of(_c_api.pph_numerics, "numerics", self.numerics)
        self.__dict__.update(_operators={} if operator is None else {self._rank: operator}, _lock=threading.Lock())

    def __getstate__(self):
        raise TypeError(f"{type(self).__name__} holds packed weights and cannot be pickled or copied: make it again")

    def _operator(self, rank):
        """The operator for `rank` spatial axes."""
        if rank not in self._operators:
            if self._rank:
                raise ValueError(f"input: has {rank + 2} axes, {type(self).__name__} takes {self._rank + 2}")
            with self._lock:
                if rank not in self._operators:
                    self._operators[rank] = self._create(rank)
        return self._operators[rank]

    def _make(self, create, *arguments):
        """Calls a create function of the library, whose first arguments are structs or addresses."""
        arguments = [ctypes.byref(one) if isinstance(one, ctypes.Structure) else one for one in arguments]
        return Operator(create, *arguments, numerics=self.numerics, isa=self.isa)

    def plan(self, shape, dtype="float32"):
        """The plan for an input of this shape, in the order of `layout`: describe() says what was chosen."""
        _, spec = read("input", np.empty(shape, dtype), self.layout, self._channels)
        return self._operator(len(spec.shape) - 2).plan(spec, self._request(spec), threads=self.threads)

    def describe(self):
        """Lines: the operators, and the plans of the last shapes."""
        return "\n".join(one.describe() for one in self._operators.values()) or repr(self)

    def _request(self, spec):
        """The Spec of an output in out_layout; None: like the input."""
        if self.out_layout is None:
            return None
        block = block_of("out_layout", self.out_layout)
        return Spec(spec.dtype, "nchwc" if block > 1 else self.out_layout, block, (0,) * len(spec.shape))

    def _run(self, input, out=None, add=None, indices=None, mask=None, output_size=None, return_indices=False):
        array, spec = read("input", input, self.layout, self._channels)
        rank, layout = len(spec.shape) - 2, self.out_layout or self.layout
        if output_size is not None:
            output_size = tuple(each_axis("output_size", output_size, rank))
        request, channels = self._request(spec), None
        added_spec = indices_spec = mask_spec = None
        options = {}
        if indices is not None:
            indices, indices_spec = read("indices", indices, self.layout, spec.shape[1])
            options["input_indices"] = address(indices)
        if mask is not None:
            mask, mask_spec = read("mask", mask, self.layout, self._mask_channels)
            options["mask"] = address(mask)
        plan = functools.partial(self._operator(rank).plan, spec, indices=indices_spec, mask=mask_spec,
                                 output_size=output_size, threads=self.threads)
        if block_of("out_layout", layout) > 1 and not (out is None and add is None):
            channels = plan(output=request).output.shape[1]
        if out is not None:
            result, request = read("out", out, layout, channels, writable=True)
        if (add is not None) != self._has_residual:
            raise ValueError("add: must be given, as residual is not 'none'" if add is None else
                             "add: must not be given, as the layer's residual is 'none'")
        if add is not None:
            add, added_spec = read("add", add, layout, channels)
            options["residual"] = address(add)
        plan = plan(output=request, residual=added_spec)
        if out is None:
            result = out = empty(plan.output, layout, array.dtype)
        if return_indices:
            out_indices = empty(plan.indices(), layout, np.int64)
            options["output_indices"] = address(out_indices)
        plan.run(address(array), address(result), **options)
        return (out, out_indices) if return_indices else out

    def __call__(self, input, *, out=None):
        return self._run(input, out)


@dataclass(eq=False, frozen=True)
class Fused(Layer):
    """What layers have that can do more before they store:
    activation(channel_scale[c] * x + channel_shift[c] (+ add)) (+ add).

    activation: "none", "relu", "leaky_relu" (negative_slope), "clamp" (lower, upper), "prelu" (slope, one for each
        channel), "sigmoid", "tanh", "silu", "gelu", "gelu_tanh", "hard_swish".
    channel_scale, channel_shift: float32 arrays, a value for each channel of the output; fold_batch_norm() makes them.
    residual: "none", "before_activation" or "after_activation": where the argument `add` of a call, an array like the
        output, is added.
    """
    _: KW_ONLY
    activation: str = "none"
    negative_slope: float = 0.01
    lower: float = 0.0
    upper: float = 6.0
    residual: str = "none"
    slope: InitVar[Optional[Any]] = None
    channel_scale: InitVar[Optional[Any]] = None
    channel_shift: InitVar[Optional[Any]] = None

    def __post_init__(self, slope, channel_scale, channel_shift, weight, bias):
        arrays, channels = {}, None
        for name, key, value in (("slope", "slope", slope), ("scale", "channel_scale", channel_scale),
                                 ("shift", "channel_shift", channel_shift)):
            if value is not None:
                arrays[name] = constants(key, value, channels)
                channels = len(arrays[name])
        self.__dict__["_has_residual"] = self.residual != "none"
        epilogue = make("pph_epilogue", activation=self.activation, negative_slope=self.negative_slope,
                        lower=self.lower, upper=self.upper, residual=self.residual, channels=channels, **arrays)
        self._prepare()
        self._pack(epilogue, weight, bias)

    def __call__(self, input, *, add=None, out=None):
        return self._run(input, out, add)


def weights_of(name, value, axes):
    """A dense array of weights with `axes` axes, and its struct."""
    array = np.require(as_array(name, value), requirements="CA")
    if array.ndim != axes:
        raise ValueError(f"{name} shape = {array.shape}: must have {axes} axes")
    return array, make("pph_weights", data=array, type=_DTYPES[array.dtype.name])


@dataclass(eq=False, frozen=True)
class Convolution(Fused):
    """What both convolutions have. Weights are copied.

    prologue: "none", "relu" or "leaky_relu" (prologue_slope), applied to the input.
    """
    _: KW_ONLY
    prologue: str = "none"
    prologue_slope: float = 0.01

    _op = None

    def _pack(self, epilogue, weight, bias):
        rank = self._rank
        weight, weights = weights_of("weight", weight, rank + 2)
        attributes = make(
            f"pph_{self._op}_attributes", spatial_rank=rank, groups=self.groups, kernel=list(weight.shape[2:]),
            dilation=each_axis("dilation", self.dilation, rank), **paddings(self.padding, rank), epilogue=epilogue,
            prologue=make("pph_prologue", activation=self.prologue, negative_slope=self.prologue_slope),
            **self._attributes(rank, weight.shape))
        self.__dict__["_channels"] = attributes.input_channels
        bias = constants("bias", bias, attributes.output_channels)
        create = getattr(lib, "pph_create_" + self._op)
        self._operators[rank] = self._make(create, attributes, weights, None if bias is None else address(bias))


@dataclass(eq=False, frozen=True)
class ConvTranspose(Convolution):
    """Transposed convolution, as torch.nn.functional.conv_transpose{rank}d.

    input (n, c_in, {axes}), weight (c_in, c_out / groups, {kernel}), bias (c_out,) -> (n, c_out, {out}).
    input, weight, `add` and `out` are float32 or float16, each for itself, and sums are float32; bias is float32.
    padding: a number, one for each axis, pairs (begin, end), or ONNX's auto_pad: "same_upper", "same_lower", "valid".
    output_shape: ONNX's attribute, the sizes that padding is derived from. A call also takes output_size, PyTorch's,
        which replaces output_padding.

    >>> import numpy as np
    >>> x, w = np.ones((1, 8, {ones}), np.float32), np.ones((8, 4, {kernels}), np.float32)
    >>> conv_transpose{rank}d(x, w, stride=2, activation="silu").shape
    (1, 4, {twice})
    >>> layer = ConvTranspose{rank}d(w, stride=2)   # packs the weights once
    >>> layer(x).shape
    (1, 4, {twice})
    """
    weight: InitVar[Any]
    bias: InitVar[Optional[Any]] = None
    stride: Axes = 1
    padding: Padding = 0
    output_padding: Axes = 0
    groups: int = 1
    dilation: Axes = 1
    _: KW_ONLY
    output_shape: Optional[Axes] = None

    _op = "conv_transpose"

    def _attributes(self, rank, shape):
        return dict(input_channels=shape[0], output_channels=shape[1] * self.groups,
                    stride=each_axis("stride", self.stride, rank),
                    output_padding=each_axis("output_padding", self.output_padding, rank),
                    output_shape=self.output_shape and each_axis("output_shape", self.output_shape, rank))

    def __call__(self, input, *, output_size=None, add=None, out=None):
        return self._run(input, out, add, output_size=output_size)


@dataclass(eq=False, frozen=True)
class Conv(Convolution):
    """Convolution of stride 1, as torch.nn.functional.conv{rank}d, of an input that may be upsampled before, and with a
    pixel shuffle after it.

    input (n, c_in, {axes}), weight (c_out, c_in / groups, {kernel}), bias (c_out,) -> (n, c_out / product of shuffle,
    {out}).
    input, weight, `add` and `out` are float32 or float16, each for itself, and sums are float32; bias is float32.
    padding: a number, one for each axis, pairs (begin, end), "same" or "valid", in pixels of the upsampled input.
    padding_mode: "zeros", "reflect", "replicate" or "circular".
    upsample: the integer by which the input is enlarged before, each pixel repeated.
    shuffle: the factor of a pixel shuffle of the result; channel_order is that of pixel_shuffle().

    >>> import numpy as np
    >>> x, w = np.ones((1, 8, {ones}), np.float32), np.ones((4, 8, {kernels}), np.float32)
    >>> conv{rank}d(x, w, padding="same", upsample=2).shape
    (1, 4, {twice})
    >>> Conv{rank}d(w, padding="same", activation="relu")(x).shape
    (1, 4, {ones})
    """
    weight: InitVar[Any]
    bias: InitVar[Optional[Any]] = None
    stride: Axes = 1
    padding: Padding = 0
    dilation: Axes = 1
    groups: int = 1
    _: KW_ONLY
    padding_mode: str = "zeros"
    upsample: Axes = 1
    shuffle: Axes = 1
    channel_order: str = "crd"

    _op = "conv"

    def _attributes(self, rank, shape):
        if set(each_axis("stride", self.stride, rank)) != {1}:
            raise NotImplementedError(f"stride = {self.stride!r}: convolutions have stride 1")
        return dict(input_channels=shape[1] * self.groups, output_channels=shape[0], padding_mode=self.padding_mode,
                    upsample=each_axis("upsample", self.upsample, rank),
                    shuffle=each_axis("shuffle", self.shuffle, rank), channel_order=self.channel_order)


@dataclass(eq=False, frozen=True)
class Resampling(Fused):
    """What both forms of resize have: a convolution 1x1 of the result, which is computed before it.

    weight: float32 (c_out, c); bias (c_out,).
    """
    _: KW_ONLY
    weight: InitVar[Optional[Any]] = None
    bias: InitVar[Optional[Any]] = None

    def _pack(self, epilogue, weight, bias):
        if weight is not None:
            weight, weights = weights_of("weight", weight, 2)
            bias = constants("bias", bias, len(weight))
            weight = make("pph_pointwise", weights=weights, bias=bias, input_channels=weight.shape[1],
                          output_channels=len(weight))
        self.__dict__["_fused"] = {"epilogue": epilogue, "pointwise": weight}

@dataclass(eq=False, frozen=True)
class Interpolate(Resampling):
    """Resize, with the arguments and the numbers of torch.nn.functional.interpolate.

    input (n, c, [d, h,] w) -> (n, c, [d, h,] w), float32, float16, bfloat16 or uint8; "nearest" takes other types too.
    mode: "nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area", and with antialias
        "lanczos".

    >>> import numpy as np
    >>> x = np.ones((1, 3, 8, 8), np.float32)
    >>> interpolate(x, scale_factor=2.5, mode="bicubic").shape
    (1, 3, 20, 20)
    >>> Interpolate((5, 6), mode="bilinear", antialias=True)(x).shape
    (1, 3, 5, 6)
    """
    size: Optional[Axes] = None
    scale_factor: Optional[Any] = None
    mode: str = "nearest"
    align_corners: Optional[bool] = None
    recompute_scale_factor: Optional[bool] = None
    antialias: bool = False

    def _create(self, rank):
        attributes = make("pph_resize_attributes")
        mode = value_of(_c_api.pph_pytorch_mode, "mode", str(self.mode).replace("-", "_"))
        check(lib.pph_resize_pytorch(mode, bool(self.align_corners), bool(self.antialias), ctypes.byref(attributes)))
        if attributes.spatial_rank == 2 and self.mode in ("nearest", "nearest-exact", "area"):
            attributes.spatial_rank = rank
        fill(attributes, **target(self.size, self.scale_factor, rank, "scale_factor"), **self._fused,
             recompute_scale_factor=bool(self.recompute_scale_factor))
        return self._make(lib.pph_create_resize, attributes)


def target(size, scale, rank, name="scale"):
    """The fields of a size or a scale, of which one is given."""
    if (size is None) == (scale is None):
        raise ValueError(f"size and {name}: one of them must be given, and the other None")
    if size is not None:
        return {"size": each_axis("size", size, rank)}
    scales = [scale] * rank if np.isscalar(scale) else list(scale)
    if len(scales) != rank:
        raise ValueError(f"{name} = {scale!r}: must be a number, or {rank} of them, one for each axis")
    return {"scale": [float(one) for one in scales]}


@dataclass(eq=False, frozen=True)
class Resize(Resampling):
    """Resize with everything that the library has.

    input (n, c, [d, h,] w) -> (n, c, [d, h,] w), float32, float16, bfloat16 or uint8; "nearest" takes other types too.
    size, scale: one of them, a number or one for each axis.
    mode: "nearest", "linear", "cubic", "area", "lanczos".
    preset: what all that is not given is taken from: "onnx" (a Resize node, with its `sizes` or `scales`) or "pillow"
        (PIL.Image.resize, bit for bit for uint8). interpolate() is PyTorch's.
    antialias: with "onnx" a bool, otherwise "none", "pillow" or "onnx".
    The others have the names and the meaning of ResizeAttributes in polyphase/resize.h, which are mostly ONNX's.

    >>> import numpy as np
    >>> picture = np.zeros((1, 480, 640, 3), np.uint8)
    >>> resize(picture, (240, 320), mode="lanczos", preset="pillow", layout="nhwc").shape
    (1, 240, 320, 3)
    >>> node = Resize(scale=2.0, mode="cubic", coordinate_transformation="align_corners")
    >>> node(np.ones((1, 3, 8, 8), np.float32)).shape
    (1, 3, 16, 16)
    """
    size: Optional[Axes] = None
    scale: Optional[Any] = None
    mode: str = "linear"
    preset: str = "onnx"
    _: KW_ONLY
    coordinate_transformation: Optional[str] = None
    coordinate_precision: Optional[str] = None
    nearest_mode: Optional[str] = None
    cubic_coeff_a: Optional[float] = None
    antialias: Optional[Any] = None
    exclude_outside: Optional[bool] = None
    copy_unchanged_axes: Optional[bool] = None
    output_size_rule: Optional[str] = None
    keep_aspect_ratio_policy: Optional[str] = None
    recompute_scale_factor: Optional[bool] = None
    roi_begin: Optional[Sequence[float]] = None
    roi_end: Optional[Sequence[float]] = None
    extrapolation_value: Optional[float] = None
    u8_rounding: Optional[str] = None
    pass_order: Optional[str] = None

    def _create(self, rank):
        attributes = make("pph_resize_attributes", spatial_rank=rank)
        given = {one.name: getattr(self, one.name) for one in dataclasses.fields(Resize)
                 if one.name in vars(_c_api.pph_resize_attributes)}
        given.update({"size": None, "scale": None}, **target(self.size, self.scale, rank))
        if self.preset == "pillow":
            mode = value_of(_c_api.pph_resize_mode, "mode", self.mode)
            check(lib.pph_resize_pillow(mode, ctypes.byref(attributes)))
        elif self.preset == "onnx":
            node = {name: given.pop(name) for name, _ in _c_api.pph_onnx_resize._fields_ if name in given}
            if isinstance(self.antialias, str):
                given["antialias"] = node.pop("antialias")
            arrays = {"axes": np.arange(2, rank + 2)}
            for name, value, dtype in (("scales", given.pop("scale"), np.float32), ("sizes", given.pop("size"), int)):
                arrays[name] = np.asarray([] if value is None else value, dtype)
            begin, end = given.pop("roi_begin"), given.pop("roi_end")
            if begin is not None or end is not None:
                arrays["roi"] = np.asarray([*(begin or [0] * rank), *(end or [1] * rank)], np.float32)
            node = make("pph_onnx_resize", rank=rank + 2, **node, **arrays,
                        **{name + "_count": len(array) for name, array in arrays.items()})
            check(lib.pph_resize_onnx(ctypes.byref(node), ctypes.byref(attributes)))
        else:
            raise ValueError(f"preset = {self.preset!r}: must be 'onnx' or 'pillow'; interpolate() is PyTorch's")
        fill(attributes, **given, **self._fused)
        return self._make(lib.pph_create_resize, attributes)


@dataclass(eq=False, frozen=True)
class PixelShuffle(Layer):
    """Depth to space, as torch.nn.functional.pixel_shuffle.

    input (n, c * product of upscale_factor, [d, h,] w), any type -> (n, c, each axis times upscale_factor).
    upscale_factor: a number or one for each axis.
    channel_order: "crd" (PyTorch), "dcr" (ONNX's default, TensorFlow) or "focus" (YOLOv5).

    >>> import numpy as np
    >>> pixel_shuffle(np.ones((1, 12, 4, 4), np.uint8), 2).shape
    (1, 3, 8, 8)
    """
    upscale_factor: Axes
    _: KW_ONLY
    channel_order: str = "crd"

    def _create(self, rank, factor="upscale_factor", direction="depth_to_space"):
        return self._make(lib.pph_create_pixel_shuffle, make(
            "pph_pixel_shuffle_attributes", spatial_rank=rank, factor=each_axis(factor, getattr(self, factor), rank),
            direction=direction, channel_order=self.channel_order))


@dataclass(eq=False, frozen=True)
class PixelUnshuffle(Layer):
    """Space to depth, as torch.nn.functional.pixel_unshuffle; the inverse of pixel_shuffle.

    >>> import numpy as np
    >>> pixel_unshuffle(np.ones((1, 3, 8, 8), np.uint8), 2).shape
    (1, 12, 4, 4)
    """
    downscale_factor: Axes
    _: KW_ONLY
    channel_order: str = "crd"

    def _create(self, rank):
        return PixelShuffle._create(self, rank, "downscale_factor", "space_to_depth")


class Window(Layer):
    """What pooling layers share: the attributes that have the same name in the library, and the window."""

    def _pool(self, op, rank, **attributes):
        stride = self.kernel_size if self.stride is None else self.stride
        return self._make(getattr(lib, "pph_create_" + op), make(
            f"pph_{op}_attributes", spatial_rank=rank, kernel=each_axis("kernel_size", self.kernel_size, rank),
            stride=each_axis("stride", stride, rank), **paddings(self.padding, rank), **attributes))


@dataclass(eq=False, frozen=True)
class MaxPool(Window):
    """Max pooling, as torch.nn.functional.max_pool1d, 2d and 3d, with the indices if return_indices is true.

    input (n, c, [d, h,] w), float32, float16, bfloat16 or uint8 -> output, or (output, indices), which are int64.
    index_convention: "plane" (PyTorch: row-major position in the plane), "tensor" (ONNX: in the whole tensor) or
        "window" (number of the element in its window); column_major is ONNX's storage_order 1.

    >>> import numpy as np
    >>> x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    >>> pooled, indices = max_pool(x, 2, return_indices=True)
    >>> max_unpool(pooled, indices, 2)[0, 0, 3]
    array([ 0., 13.,  0., 15.], dtype=float32)
    """
    kernel_size: Axes
    stride: Optional[Axes] = None
    padding: Padding = 0
    dilation: Axes = 1
    ceil_mode: bool = False
    return_indices: bool = False
    _: KW_ONLY
    index_convention: str = "plane"
    column_major: bool = False

    def _create(self, rank):
        return self._pool("max_pool", rank, dilation=each_axis("dilation", self.dilation, rank),
                          ceil_mode=self.ceil_mode, index_convention=self.index_convention,
                          column_major=self.column_major)

    def __call__(self, input, *, out=None):
        return self._run(input, out, return_indices=self.return_indices)


@dataclass(eq=False, frozen=True)
class MaxUnpool(Window):
    """The inverse of max_pool, as torch.nn.functional.max_unpool1d, 2d and 3d: zeros but at the indices.

    input (n, c, [d, h,] w), any type, indices (the same shape, int32 or int64) -> (n, c, output_size).
    output_size: the spatial axes of the output, where a pooled size does not say which it was.
    indices_in_default_size: what indices count in if output_size is given; false is PyTorch's.
    An index outside of its plane is a ValueError.

    >>> import numpy as np
    >>> x, indices = np.ones((1, 1, 1, 2), np.float32), np.array([[[[1, 2]]]])
    >>> max_unpool(x, indices, 2).tolist()
    [[[[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]]
    """
    kernel_size: Axes
    stride: Optional[Axes] = None
    padding: Padding = 0
    output_size: Optional[Axes] = None
    _: KW_ONLY
    index_convention: str = "plane"
    indices_in_default_size: bool = False

    def _create(self, rank):
        return self._pool("max_unpool", rank, index_convention=self.index_convention,
                          indices_in_default_size=self.indices_in_default_size)

    def __call__(self, input, indices, *, output_size=None, out=None):
        return self._run(input, out, indices=indices, output_size=output_size or self.output_size)


@dataclass(eq=False, frozen=True)
class AvgPool(Window):
    """Average pooling, as torch.nn.functional.avg_pool1d, 2d and 3d.

    input (n, c, [d, h,] w), float32, float16, bfloat16 or uint8.

    >>> import numpy as np
    >>> avg_pool(np.arange(4, dtype=np.float32).reshape(1, 1, 4), 2)
    array([[[0.5, 2.5]]], dtype=float32)
    """
    kernel_size: Axes
    stride: Optional[Axes] = None
    padding: Padding = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: Optional[int] = None

    def _create(self, rank):
        return self._pool("avg_pool", rank, ceil_mode=self.ceil_mode, count_include_pad=self.count_include_pad,
                          divisor_override=self.divisor_override)


@dataclass(eq=False, frozen=True)
class AvgUnpool(Window):
    """Spreads each element over its window: mode "adjoint" is the transpose of avg_pool, "copy" the same without its
    divisor.

    input (n, c, [d, h,] w), float32, float16 or bfloat16 -> (n, c, output_size).

    >>> import numpy as np
    >>> avg_unpool(np.float32([[[2, 4]]]), 2)
    array([[[1., 1., 2., 2.]]], dtype=float32)
    """
    kernel_size: Axes
    stride: Optional[Axes] = None
    padding: Padding = 0
    output_size: Optional[Axes] = None
    mode: str = "adjoint"
    count_include_pad: bool = True
    divisor_override: Optional[int] = None

    def _create(self, rank):
        return self._pool("avg_unpool", rank, mode=self.mode, count_include_pad=self.count_include_pad,
                          divisor_override=self.divisor_override)

    def __call__(self, input, *, output_size=None, out=None):
        return self._run(input, out, output_size=output_size or self.output_size)


@dataclass(eq=False, frozen=True)
class ConvexUpsample(Layer):
    """RAFT's upsampling of a flow: each output is a convex combination of the 3x3 inputs around its own one, whose
    weights are the softmax of a mask.

    input (n, c, h, w), mask (n, 9 * factor**2, h, w), both float32 -> (n, c, h * factor, w * factor).
    scale: what the input is multiplied by; None: the factor, as a flow in pixels of the larger picture must be.
    mask_scale: what the mask is multiplied by before the softmax.

    >>> import numpy as np
    >>> flow, mask = np.ones((1, 2, 4, 4), np.float32), np.zeros((1, 9 * 64, 4, 4), np.float32)
    >>> convex_upsample(flow, mask)[0, :, 16, 16].tolist()
    [8.0, 8.0]
    """
    factor: int = 8
    scale: Optional[float] = None
    mask_scale: float = 1.0

    _rank = 2

    def __post_init__(self):
        self.__dict__["_mask_channels"] = 9 * each_axis("factor", self.factor, 1)[0] ** 2
        if self.scale == 0:
            raise ValueError("scale = 0: must not be 0, which would make every output 0")
        self._prepare(self._make(lib.pph_create_convex_upsample, make(
            "pph_convex_upsample_attributes", factor=self.factor, scale=self.scale, mask_scale=self.mask_scale)))

    def __call__(self, input, mask, *, out=None):
        return self._run(input, out, mask=mask)


@dataclass(eq=False, frozen=True)
class Convert(Layer):
    """The same tensor, of any type, in the layout out_layout; `out` may have another float type.

    >>> import numpy as np
    >>> convert(np.ones((1, 20, 4, 4), np.float32), out_layout="nchw16c").shape
    (1, 2, 4, 4, 16)
    """

    def _create(self, rank):
        if self.out_layout is None:
            raise ValueError("out_layout: must be given")
        return self._make(lib.pph_create_convert)


# ---- Functions

_ARRAYS = {"weight", "bias", "slope", "channel_scale", "channel_shift"}


@functools.lru_cache(maxsize=128, typed=True)
def _kept_layer(layer, arguments, keywords):
    return layer(*arguments, **dict(keywords))


def _function(name, layer):
    """A function that makes a layer and calls it. Layers without arrays are kept."""
    make_parameters = list(inspect.signature(layer).parameters.values())
    call_parameters = [one for one in list(inspect.signature(layer.__call__).parameters.values())[1:]
                       if one.name not in {other.name for other in make_parameters}]
    tensors = [one for one in call_parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    call_names = {one.name for one in call_parameters}

    def function(*arguments, **keywords):
        call_keywords = {key: keywords.pop(key) for key in list(keywords) if key in call_names}
        count = sum(one.name not in call_keywords for one in tensors)
        arguments, attributes = arguments[:count], arguments[count:]
        if issubclass(layer, Convolution) or not _ARRAYS.isdisjoint(keywords):
            made = layer(*attributes, **keywords)
        else:
            attributes, *named = (tuple(tuple(one) if isinstance(one, list) else one for one in ones)
                                  for ones in (attributes, keywords, keywords.values()))
            made = _kept_layer(layer, attributes, tuple(zip(*named)))
        return made(*arguments, **call_keywords)

    parameters = tensors + sorted(make_parameters + [one for one in call_parameters if one not in tensors],
                                  key=lambda one: one.kind)
    function.__name__ = function.__qualname__ = name
    function.__module__ = layer.__module__
    function.__doc__ = layer.__doc__
    function.__signature__ = inspect.Signature(parameters)
    return function


def _clean_signature(layer):
    """The signature without the dataclass's own types."""
    signature = inspect.signature(layer)
    return signature.replace(return_annotation=inspect.Signature.empty, parameters=[
        one.replace(annotation=one.annotation.type) if isinstance(one.annotation, InitVar) else one
        for one in signature.parameters.values()])


def _public():
    """The layers and functions of the package by their names."""
    names = {}
    for rank in (1, 2, 3):
        def each(text, names="dhw"):
            return ", ".join(text.replace("?", name) for name in names[-rank:])

        axes = dict(rank=rank, axes=each("?"), kernel=each("k?"), out=each("?_out"), ones=each("4"), twice=each("8"),
                    kernels=each("KERNEL"))
        for base, kernel in ((ConvTranspose, "2"), (Conv, "3")):
            layer = type(f"{base.__name__}{rank}d", (base,), {
                "_rank": rank, "__module__": __name__,
                "__doc__": base.__doc__.format(**axes).replace("KERNEL", kernel)})
            names[layer.__name__] = layer
    for layer in (Interpolate, Resize, PixelShuffle, PixelUnshuffle, MaxPool, MaxUnpool, AvgPool, AvgUnpool,
                  ConvexUpsample, Convert):
        names[layer.__name__] = layer
    for layer in list(names.values()):
        layer.__signature__ = _clean_signature(layer)
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", layer.__name__).lower()
        names[name] = _function(name, layer)
    return names


PUBLIC = _public()
globals().update(PUBLIC)


def fold_batch_norm(gamma, beta, mean, variance, epsilon=1e-5):
    """The channel_scale and channel_shift of an inference-time batch normalisation.

    All arrays are float32 of shape (channels,); gamma and beta may be None.

    >>> import numpy as np
    >>> fold_batch_norm(None, None, mean=np.float32([2]), variance=np.float32([4]), epsilon=0)
    (array([0.5], dtype=float32), array([-1.], dtype=float32))
    """
    mean = constants("mean", mean, None)
    gamma, beta, variance = (constants(name, value, len(mean)) for name, value in (
        ("gamma", gamma), ("beta", beta), ("variance", variance)))
    scale, shift = np.empty_like(mean), np.empty_like(mean)
    check(lib.pph_fold_batch_norm(*(None if one is None else address(one) for one in (gamma, beta, mean, variance)),
                                  epsilon, len(mean), address(scale), address(shift)))
    return scale, shift
