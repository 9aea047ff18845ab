"""Polyphase for PyTorch: `optimize(model)` is a copy of a model whose upsampling layers run on Polyphase.

>>> import torch, polyphase_kernels.torch
>>> model = torch.nn.Sequential(torch.nn.ConvTranspose2d(8, 4, 4, 2, 1), torch.nn.ReLU())
>>> fast = polyphase_kernels.torch.optimize(model)
>>> with torch.no_grad():
...     x = torch.randn(1, 8, 16, 16)
...     print(torch.allclose(fast(x), model(x), atol=1e-5))
True

The copy has the same classes, parameters and state_dict. A layer computes as before where a gradient is needed (so
training works, and inference belongs under torch.no_grad() or torch.inference_mode()), where batch norm or dropout are
in training mode, and for types and devices that Polyphase does not take. Calls use at most torch.get_num_threads()
threads. Weights are packed at the first call and again when they have changed. Changes through `.data` that keep the
memory are not noticed, nor are those of tensors that were made in inference mode, as PyTorch does not count them.

Layers are the op torch.ops.polyphase_kernels.layer, which torch.export and torch.compile keep. The first call of a
process imports torch._dynamo, which takes about as long as to import torch.
"""

import contextlib
import copy
import functools
import json
import threading
import warnings
import weakref
from typing import Iterator

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.weak import WeakTensorKeyDictionary

from polyphase_kernels import _layers
from polyphase_kernels._library import dense_spec

__all__ = ["optimize", "override", "describe"]

_DTYPES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16", torch.uint8: "u8", torch.int8: "i8",
           torch.int16: "i16", torch.int32: "i32", torch.int64: "i64", torch.float64: "f64"}
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)

# ---- The op. `spec` is the layer as JSON: its class and fields, and "epsilon" if a batch norm follows. `tensors` are
# weight, bias, gamma, beta, mean and variance of the batch norm, and PReLU's slope; `other` are indices or what is
# added.

_TENSORS = ("weight", "bias", "gamma", "beta", "mean", "variance", "slope")
_SCHEMA = "(Tensor input, Tensor? other, Tensor?[] tensors, str spec, SymInt[]? output_size=None) -> Tensor"

_packed = WeakTensorKeyDictionary()  # by weight: {spec: (state of the tensors, layer)}
_lock = threading.Lock()


def _state(tensor):
    """What a tensor is now: the object, its memory, and how often it was written to."""
    if tensor is None:
        return None
    return weakref.ref(tensor), tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version


def _is_same(one, other):
    return one is other or (one and other and one[0] is other[0] and one[1:] == other[1:])


def _array(tensor):
    return None if tensor is None else tensor.detach().to(torch.float32).contiguous().numpy()


def _make(spec, tensors=()):
    attributes = json.loads(spec)
    tensors = dict(zip(_TENSORS, map(_array, tensors)))
    layer = getattr(_layers, attributes.pop("layer"))
    epsilon = attributes.pop("epsilon", None)
    if epsilon is not None:
        attributes["channel_scale"], attributes["channel_shift"] = _layers.fold_batch_norm(
            tensors["gamma"], tensors["beta"], tensors["mean"], tensors["variance"], epsilon)
    slope = tensors.get("slope")
    if slope is not None and slope.size == 1:
        attributes.update(activation="leaky_relu", negative_slope=float(slope.item()))
    elif slope is not None:
        attributes["slope"] = slope
    weight = tensors.get("weight")
    if weight is not None:
        attributes.update(weight=weight.reshape(weight.shape[:2]) if layer is _layers.Interpolate else weight,
                          bias=tensors["bias"])
    return layer(**attributes)


_make_without_tensors = functools.lru_cache(maxsize=256)(_make)


def _layer(spec, tensors):
    if not tensors or tensors[0] is None:
        return _make_without_tensors(spec) if not any(one is not None for one in tensors) else _make(spec, tensors)
    state = [_state(one) for one in tensors]
    with _lock:
        kept = _packed.get(tensors[0], {}).get(spec)
    if kept and all(map(_is_same, kept[0], state)):
        return kept[1]
    layer = _make(spec, tensors)
    with _lock:
        _packed.setdefault(tensors[0], {})[spec] = (state, layer)
    return layer


def _described(tensor):
    """The tensor, or a dense copy, and its Spec."""
    spec = dense_spec(_DTYPES[tensor.dtype], tensor.shape, tensor.stride())
    if spec is None:
        tensor = tensor.contiguous()
        spec = dense_spec(_DTYPES[tensor.dtype], tensor.shape, tensor.stride())
    if spec.layout == "nchw" and tensor.dim() == 4 and not tensor.is_contiguous() and tensor.is_contiguous(
            memory_format=torch.channels_last):  # both, as one of the axes has size 1
        spec = spec._replace(layout="nhwc", strides=(0,) * 4)
    return tensor, spec


def _compute(layer, input, other=None, output_size=None):
    input, spec = _described(input)
    added_spec = indices_spec = None
    options = {}
    if isinstance(layer, _layers.MaxUnpool):
        other, indices_spec = _described(other)
        options["input_indices"] = other.data_ptr()
    elif other is not None:
        other, added_spec = _described(other)
        options["residual"] = other.data_ptr()
    plan = layer._operator(input.dim() - 2).plan(
        spec, residual=added_spec, indices=indices_spec, output_size=output_size and tuple(output_size),
        threads=torch.get_num_threads())
    output = torch.empty_strided(plan.output.shape, plan.output.strides, dtype=input.dtype)
    plan.run(input.data_ptr(), output.data_ptr(), **options)
    return output


@torch.library.custom_op("polyphase_kernels::layer", mutates_args=(), device_types="cpu", schema=_SCHEMA)
def _run(input, other, tensors, spec, output_size=None):
    return _compute(_layer(spec, tensors), input, other, output_size)


# ---- What the op computes, in PyTorch's own words: shapes under torch.compile and torch.export follow from it.

_ACTIVATIONS = {
    "relu": lambda x, _: F.relu(x), "sigmoid": lambda x, _: torch.sigmoid(x), "tanh": lambda x, _: torch.tanh(x),
    "silu": lambda x, _: F.silu(x), "gelu": lambda x, _: F.gelu(x), "hard_swish": lambda x, _: F.hardswish(x),
    "gelu_tanh": lambda x, _: F.gelu(x, approximate="tanh"), "clamp": lambda x, a: x.clamp(a["lower"], a["upper"]),
    "leaky_relu": lambda x, a: F.leaky_relu(x, a.get("negative_slope", 0.01)),
    "prelu": lambda x, a: F.prelu(x, a["slope"])}


def _reference(input, other, tensors, spec, output_size=None):
    a = json.loads(spec)
    t = dict(zip(_TENSORS, tensors))
    name, x = a["layer"], input
    rank = x.dim() - 2
    if "prologue" in a:
        x = _ACTIVATIONS[a["prologue"]](x, {"negative_slope": a.get("prologue_slope")})
    if name.startswith("ConvTranspose"):
        padding = a["output_padding"]
        if output_size is not None:
            padding = [size - ((x.shape[2 + i] - 1) * a["stride"][i] - 2 * a["padding"][i] + a["dilation"][i] * (
                t["weight"].shape[2 + i] - 1) + 1) for i, size in enumerate(output_size)]
        x = getattr(F, f"conv_transpose{rank}d")(x, t["weight"], t["bias"], a["stride"], a["padding"], padding,
                                                 a["groups"], a["dilation"])
    elif name.startswith("Conv"):
        if "upsample" in a:
            x = F.interpolate(x, scale_factor=[float(one) for one in a["upsample"]], mode="nearest")
        pads = [pair if isinstance(pair, list) else [pair, pair] for pair in a["padding"]]
        x = F.pad(x, [one for pair in pads[::-1] for one in pair],
                  a["padding_mode"].replace("zeros", "constant"))
        x = getattr(F, f"conv{rank}d")(x, t["weight"], t["bias"], 1, 0, a["dilation"], a["groups"])
        if "shuffle" in a:
            x = F.pixel_shuffle(x, a["shuffle"])
    elif name == "Interpolate":
        x = F.interpolate(x, a["size"], a["scale_factor"], a["mode"], a["align_corners"], a["recompute_scale_factor"])
        if t.get("weight") is not None:
            x = getattr(F, f"conv{rank}d")(x, t["weight"], t["bias"])
    elif name == "MaxUnpool":
        return getattr(F, f"max_unpool{rank}d")(x, other, a["kernel_size"], a["stride"], a["padding"], output_size)
    else:
        x = F.pixel_shuffle(x, a["upscale_factor"]) if name == "PixelShuffle" else F.pixel_unshuffle(
            x, a["downscale_factor"])
    if "epsilon" in a:
        x = F.batch_norm(x, t["mean"], t["variance"], t["gamma"], t["beta"], eps=a["epsilon"])
    if a.get("residual") == "before_activation":
        x = x + other
    if "activation" in a:
        x = _ACTIVATIONS[a["activation"]](x, {**a, "slope": t.get("slope")})
    return x + other if a.get("residual") == "after_activation" else x


@_run.register_fake
def _fake(input, other, tensors, spec, output_size=None):
    output = _reference(input, other, tensors, spec, output_size)
    last = input.dim() == 4 and not input.is_contiguous() and input.is_contiguous(memory_format=torch.channels_last)
    return torch.empty_like(output, memory_format=torch.channels_last if last else torch.contiguous_format)


# ---- Modules

_CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_UNPOOLS = (nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d)
_UPSAMPLES = (nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d)
_SHUFFLES = (nn.PixelShuffle, nn.PixelUnshuffle)
_SKIPPED = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
_PADS = {getattr(nn, f"{name}Pad{rank}d"): mode for rank in (1, 2, 3) for name, mode in (
    ("Zero", "zeros"), ("Reflection", "reflect"), ("Replication", "replicate"), ("Circular", "circular"))}
_ACTIVATION_FIELDS = {
    nn.ReLU: lambda m: {"activation": "relu"}, nn.Sigmoid: lambda m: {"activation": "sigmoid"},
    nn.Tanh: lambda m: {"activation": "tanh"}, nn.SiLU: lambda m: {"activation": "silu"},
    nn.Hardswish: lambda m: {"activation": "hard_swish"}, nn.PReLU: lambda m: {"activation": "prelu"},
    nn.LeakyReLU: lambda m: {"activation": "leaky_relu", "negative_slope": m.negative_slope},
    nn.ReLU6: lambda m: {"activation": "clamp", "lower": 0.0, "upper": 6.0},
    nn.Hardtanh: lambda m: {"activation": "clamp", "lower": m.min_val, "upper": m.max_val},
    nn.GELU: lambda m: {"activation": "gelu" if m.approximate == "none" else "gelu_tanh"}}


def _kind(module):
    """The class of a module, before optimize() as after it."""
    return getattr(type(module), "_kind", type(module))


def _list(value, length=None):
    value = list(value) if isinstance(value, (tuple, list)) else value
    return [value] * length if length and not isinstance(value, list) else value


def _enlarges(upsample, integer=False):
    """Whether an upsampling is by given factors of 1 or more, and with `integer` one that repeats each pixel."""
    factors = _list(upsample.scale_factor, 1)
    return (factors[0] is not None and all(one >= 1 and not (integer and one % 1) for one in factors)
            and (not integer or upsample.mode == "nearest"))


def _is_pointwise(conv):
    return {1} == set(conv.kernel_size) == set(conv.stride) and conv.groups == 1 and conv.padding in (
        "same", "valid", (0,) * len(conv.kernel_size))


def _keeps_its_input(activation):
    """Whether the input, which somebody else may read afterwards, stays as it is."""
    return not activation.inplace


def _fields(module):
    """The fields of the layer that a module is, or None."""
    kind, fields = _kind(module), {}
    if kind in _CONVS:
        if set(module.stride) != {1}:
            return None
        rank, sides = len(module.kernel_size), module.padding
        if sides == "same":
            sides = [[d * (k - 1) // 2, d * (k - 1) - d * (k - 1) // 2]
                     for d, k in zip(module.dilation, module.kernel_size)]
        fields = {"padding": [0] * rank if sides == "valid" else _list(sides), "padding_mode": module.padding_mode}
        names = ("dilation", "groups")
    elif kind in _TRANSPOSED:
        names = ("stride", "padding", "output_padding", "groups", "dilation")
    elif kind in _UPSAMPLES:
        names, kind = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor"), _layers.Interpolate
        if module.mode == "area":
            return None
    elif kind in _UNPOOLS:
        names, kind = ("kernel_size", "stride", "padding"), _layers.MaxUnpool
    elif kind in _SHUFFLES:
        names = ("upscale_factor",) if kind is nn.PixelShuffle else ("downscale_factor",)
    else:
        return None
    return {"layer": kind.__name__, **fields, **{name: _list(getattr(module, name)) for name in names}}


class _Op:
    """A call of the op, and when it can be made."""

    def __init__(self, fields, rank, dtypes):
        self.text, self.rank, self.dtypes = json.dumps(fields), rank, dtypes

    def takes(self, input, tensors):
        return (input.device.type == "cpu" and input.layout is torch.strided and input.dtype in self.dtypes
                and input.numel() > 0
                and (3 <= input.dim() <= 5 if self.rank is None else input.dim() == self.rank + 2)
                and not (torch.is_grad_enabled() and any(one is not None and one.requires_grad
                                                         for one in (input, *tensors)))
                and all(one is None or (one.dtype is torch.float32 and one.device.type == "cpu") for one in tensors))

    def __call__(self, input, tensors=(), other=None, output_size=None):
        return torch.ops.polyphase_kernels.layer(input, other, tensors, self.text, output_size)


def _op(core, fields):
    kind = _kind(core)
    if kind in _CONVS + _TRANSPOSED:
        return _Op(fields, len(core.kernel_size), (torch.float32,))
    if kind in _UNPOOLS:
        return _Op(fields, _UNPOOLS.index(kind) + 1, tuple(_DTYPES))
    return _Op(fields, 2, tuple(_DTYPES)) if kind in _SHUFFLES else _Op(fields, None, _FLOATS)


def _needs_its_own_call(module):
    return (module._forward_hooks or module._forward_pre_hooks
            or (module.training and isinstance(module, _NORMS + _SKIPPED[1:])))


class _Chain:
    """Modules, one after the other, that are one layer: a convolution or an upsampling and what stands beside it."""

    def __init__(self, modules, op, convolution, norm, slope):
        self.modules, self.op, self.convolution, self.norm, self.slope = modules, op, convolution, norm, slope

    def tensors(self):
        """They are looked up for each call, since parameters are replaced at times."""
        convolution, norm = self.convolution, self.norm
        tensors = [convolution.weight, convolution.bias] if convolution else [None] * 2
        tensors += [norm.weight, norm.bias, norm.running_mean, norm.running_var] if norm else [None] * 4
        return tensors + [self.slope.weight if self.slope else None]

    def __call__(self, input):
        tensors = self.tensors()
        if self.op.takes(input, tensors) and not any(map(_needs_its_own_call, self.modules)):
            return self.op(input, tensors)
        for module in self.modules:
            input = module(input)
        return input


def _chain(modules):
    """The longest chain that the modules begin with, or None."""
    left = list(modules)

    def take(kinds, condition=lambda module: True):
        """The next module, if it is one of these; identity and dropout are passed over."""
        index = next((i for i, module in enumerate(left) if _kind(module) not in _SKIPPED), len(left))
        if index == len(left) or _kind(left[index]) not in kinds or not condition(left[index]):
            return None
        module = left[index]
        del left[:index + 1]
        return module

    prologue = take((nn.ReLU, nn.LeakyReLU), _keeps_its_input)
    upsample = take(_UPSAMPLES, lambda module: _enlarges(module, integer=True))
    pad = take(_PADS)
    core = convolution = take(_CONVS, lambda module: _fields(module) and not (upsample and _is_pointwise(module)) and (
        not pad or (set(module.padding) == {0} and _kind(pad).__name__[-2:] == _kind(module).__name__[-2:])))
    if not core:
        left[:] = modules
        prologue = take((nn.ReLU, nn.LeakyReLU), _keeps_its_input)
        core = convolution = take(_TRANSPOSED)
    if not core:
        left[:] = modules
        prologue = None
        core = take(_UPSAMPLES, _fields)
        convolution = core and _enlarges(core) and take(_CONVS, _is_pointwise) or None
    if not core:
        return None

    fields = _fields(core)
    if prologue:
        activation = _ACTIVATION_FIELDS[_kind(prologue)](prologue)
        fields.update({name.replace("activation", "prologue").replace("negative_slope", "prologue_slope"): value
                       for name, value in activation.items()})
    is_conv2d = _kind(core) is nn.Conv2d
    if _kind(core) in _CONVS:
        if upsample:
            fields["upsample"] = [int(one) for one in _list(upsample.scale_factor, len(core.kernel_size))]
        if pad:
            sides = _list(pad.padding)
            fields.update(padding=[sides[i:i + 2] for i in range(0, len(sides), 2)][::-1],
                          padding_mode=_PADS[_kind(pad)])
    shuffle = take((nn.PixelShuffle,)) if is_conv2d else None
    norm = take(_NORMS, lambda module: module.track_running_stats)
    activation = take(_ACTIVATION_FIELDS)
    slope = activation if isinstance(activation, nn.PReLU) else None
    if is_conv2d and not (shuffle or norm or slope):
        shuffle = take((nn.PixelShuffle,))  # which may as well come before the activation
    if activation:
        fields.update(_ACTIVATION_FIELDS[_kind(activation)](activation))
    if norm:
        fields["epsilon"] = norm.eps
    if shuffle:
        fields["shuffle"] = shuffle.upscale_factor
    return _Chain(modules[:len(modules) - len(left)], _op(core, fields), convolution, norm, slope)


class _Layer:
    """A module that is one layer."""

    def forward(self, input, *arguments, **keywords):
        op, tensors = self._polyphase, (self.weight, self.bias) if hasattr(self, "weight") else ()
        if not arguments and not keywords and op.takes(input, tensors):
            return op(input, tensors)
        return super().forward(input, *arguments, **keywords)


class _Unpool:
    def forward(self, input, indices, output_size=None):
        op = self._polyphase
        if op.takes(input, ()) and indices.dtype is torch.int64 and indices.device.type == "cpu":
            return op(input, (), indices, None if output_size is None else list(output_size)[-op.rank:])
        return super().forward(input, indices, output_size)


class Sequential(nn.Sequential):
    """Runs chains of its modules as one layer each. Who iterates over it gets the modules."""
    _kind = nn.Sequential

    def forward(self, input):
        for step in self._polyphase:
            input = step(input)
        return input


# Each is a subclass of the class that it replaces; the names are for pickle.
_FAST = {kind: type(kind.__name__, (_Unpool if kind in _UNPOOLS else _Layer, kind), {
    "__module__": __name__, "__doc__": kind.__doc__, "_kind": kind})
    for kind in (*_CONVS, *_TRANSPOSED, *_UPSAMPLES, *_SHUFFLES, *_UNPOOLS)}
globals().update({kind.__name__: fast for kind, fast in _FAST.items()})


def optimize(model: nn.Module, convolutions: bool = True, inplace: bool = False) -> nn.Module:
    """A copy of `model` in which what Polyphase has runs on it.

    These are ConvTranspose1d to 3d, Upsample, PixelShuffle, PixelUnshuffle, MaxUnpool1d to 3d and, if `convolutions`,
    Conv1d to 3d of stride 1. In each Sequential they are fused with what stands beside them: a ReLU or a padding before
    a convolution, nearest upsampling and the convolution after it, batch norm, an activation, a pixel shuffle after a
    convolution. The structure of the model must not be changed afterwards; weights may be.
    """
    model = model if inplace else copy.deepcopy(model)
    wanted = {kind for kind in _FAST if convolutions or kind not in _CONVS}
    for module in list(model.modules()):
        if type(module) in wanted and not module._forward_pre_hooks:  # as weight_norm has, which makes weights anew
            fields = _fields(module)
            if fields:
                module.__class__ = _FAST[type(module)]
                module.__dict__["_polyphase"] = _op(module, fields)
    for module in list(model.modules()):
        if type(module) is nn.Sequential:
            steps, left = [], list(module)
            while left:
                chain = _chain(left)
                if chain and len(chain.modules) > 1 and any(hasattr(one, "_polyphase") for one in chain.modules):
                    steps.append(chain)
                    del left[:len(chain.modules)]
                else:
                    steps.append(left.pop(0))
            if any(isinstance(step, _Chain) for step in steps):
                module.__class__ = Sequential
                module.__dict__["_polyphase"] = steps
    return model


def describe(model: nn.Module) -> str:
    """Lines: the layers of an optimized model, by the names of their modules, and what the op is told."""
    lines = []
    for name, module in model.named_modules():
        found = module.__dict__.get("_polyphase", [])
        for step in found if isinstance(found, list) else [found]:
            if isinstance(step, _Chain):
                lines.append(f"{name}: {' + '.join(_kind(one).__name__ for one in step.modules)}: {step.op.text}")
            elif isinstance(step, _Op):
                lines.append(f"{name}: {_kind(module).__name__}: {step.text}")
    return "\n".join(lines)


# ---- Code that cannot be changed

_RESIZES = {"upsample_nearest": "nearest", "_upsample_nearest_exact": "nearest-exact", "upsample_linear": "linear",
            "upsample_bilinear": "bilinear", "upsample_trilinear": "trilinear", "upsample_bicubic": "bicubic"}


def _convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    rank = weight.dim() - 2
    if transposed:
        spec = {"layer": f"ConvTranspose{rank}d", "stride": stride, "padding": padding,
                "output_padding": output_padding, "groups": groups, "dilation": dilation}
    elif set(stride) == {1}:
        spec = {"layer": f"Conv{rank}d", "padding": padding, "dilation": dilation, "groups": groups,
                "padding_mode": "zeros"}
    else:
        return None
    if torch.is_grad_enabled() and weight.requires_grad or input.dtype != torch.float32 or not 1 <= rank <= 3:
        return None
    spec = json.dumps({name: value if isinstance(value, (str, int)) else list(value) for name, value in spec.items()})
    return _compute(_layer(spec, [weight, bias]), input)


def _resize(mode, input, output_size, *arguments):
    corners = arguments[0] if "nearest" not in mode else None
    scales = arguments["nearest" not in mode:]
    rank = input.dim() - 2
    if input.dtype not in _FLOATS:
        return None
    sizes = [int(size * scale) for size, scale in zip(input.shape[2:], scales) if scale is not None]
    use_scales = len(sizes) == rank and sizes == list(output_size)
    if not use_scales and any(scale is not None for scale in scales):
        return None
    spec = {"layer": "Interpolate", "size": None if use_scales else list(output_size), "mode": mode,
            "scale_factor": list(scales) if use_scales else None, "align_corners": corners}
    return _compute(_layer(json.dumps(spec), ()), input)


def _shuffle(name, factor, input, value):
    return _compute(_layer(json.dumps({"layer": name, factor: value}), ()), input) if input.dim() == 4 else None


def _overrides():
    """aten's ops, and functions of the same arguments that return None where aten's own must do."""
    yield "convolution", _convolution
    for op, mode in _RESIZES.items():
        ranks = {"linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,)}.get(mode, (1, 2, 3))
        for rank in ranks:
            yield f"{op}{rank}d", functools.partial(_resize, mode)
    yield "pixel_shuffle", functools.partial(_shuffle, "PixelShuffle", "upscale_factor")
    yield "pixel_unshuffle", functools.partial(_shuffle, "PixelUnshuffle", "downscale_factor")


@contextlib.contextmanager
def override() -> Iterator[None]:
    """While it lasts, and in all threads, PyTorch's own functions run on Polyphase: convolutions that are transposed or
    have stride 1, interpolate() without antialias and area, pixel_shuffle and pixel_unshuffle; for code that
    optimize() does not reach. Nothing is fused. Gradients of the input are PyTorch's; where a weight needs one,
    all is. What torch.compile has compiled stays as it is.

    >>> import torch, polyphase_kernels.torch
    >>> x = torch.randn(1, 3, 8, 8)
    >>> with polyphase_kernels.torch.override():
    ...     torch.nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear").shape
    torch.Size([1, 3, 16, 16])
    """
    library = torch.library.Library("aten", "IMPL")
    try:
        for op, function in _overrides():
            original = torch.library.get_kernel(f"aten::{op}", "CPU")

            def kernel(keyset, input, *arguments, _function=function, _original=original):
                output = None
                if 3 <= input.dim() <= 5 and input.numel() > 0:
                    output = _function(input, *arguments)
                return _original.call_boxed(keyset, input, *arguments) if output is None else output

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that the kernel replaces another
                library.impl(op, kernel, "CPU", with_keyset=True)
        yield
    finally:
        library._destroy()
