"""Polyphase for PyTorch: `optimize(model)` is a copy of a model whose upsampling layers run on Polyphase.

>>> import torch, polyphase_kernels.torch
>>> model = torch.nn.Sequential(torch.nn.ConvTranspose2d(8, 4, 4, 2, 1), torch.nn.BatchNorm2d(4), torch.nn.ReLU()).eval()
>>> fast = polyphase_kernels.torch.optimize(model)
>>> with torch.no_grad():
...     x = torch.randn(1, 8, 16, 16)
...     print(torch.allclose(fast(x), model(x), atol=1e-5))
True

The copy has the same classes, parameters and state_dict. A layer computes as before where a gradient is needed (so
training works, and inference belongs under torch.no_grad() or torch.inference_mode()), where batch norm or dropout are
in training mode, and for types and devices that Polyphase does not take. Calls use at most torch.get_num_threads()
threads. Weights are packed at the first call and again when they have changed; changes through `.data` that keep the
memory are not noticed.

Layers are the op torch.ops.polyphase_kernels.layer, which torch.export and torch.compile keep.
"""

import contextlib
import copy
import functools
import json
import threading
import warnings
import weakref

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

# ---- The op. `spec` is the layer as JSON: its class and fields, "epsilon" if a batch norm follows. `tensors` are weight,
# bias, the batch norm's gamma, beta, mean and variance, and PReLU's slope; `other` are indices or what is added.

_TENSORS = ("weight", "bias", "gamma", "beta", "mean", "variance", "slope")
_library = torch.library.Library("polyphase_kernels", "DEF")
_library.define("layer(Tensor input, Tensor? other, Tensor?[] tensors, str spec, SymInt[]? output_size=None) -> Tensor")

_packed = WeakTensorKeyDictionary()  # by weight: {spec: (state of the tensors, layer)}
_lock = threading.Lock()


def _state(tensors):
    return [None if one is None else (weakref.ref(one), one.data_ptr(), 0 if one.is_inference() else one._version)
            for one in tensors]


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
    state = _state(tensors)
    with _lock:
        kept = _packed.get(tensors[0], {}).get(spec)
    if kept and kept[0] == state:
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
    is_unpool = isinstance(layer, _layers.MaxUnpool)
    specs = {True: None, False: None}
    options = {}
    if other is not None:
        other, specs[is_unpool] = _described(other)
        options["input_indices" if is_unpool else "residual"] = other.data_ptr()
    plan = layer._operator(input.dim() - 2).plan(spec, None, specs[False], specs[True],
                                                 output_size and tuple(output_size), torch.get_num_threads())
    output = torch.empty_strided(plan.output.shape, plan.output.strides, dtype=input.dtype)
    plan.run(input.data_ptr(), output.data_ptr(), **options)
    return output


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
        x = F.interpolate(x, a["size"], a["scale_factor"], a["mode"], a["align_corners"], a["recompute_scale_factor"],
                          antialias=a["antialias"])
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


def _fake(input, other, tensors, spec, output_size=None):
    output = _reference(input, other, tensors, spec, output_size)
    last = input.dim() == 4 and not input.is_contiguous() and input.is_contiguous(memory_format=torch.channels_last)
    return torch.empty_like(output, memory_format=torch.channels_last if last else torch.contiguous_format)


_library.impl("layer", _run, "CPU")
torch.library.register_fake("polyphase_kernels::layer", _fake, lib=_library)


# ---- Chains of modules

def _numbers(value):
    return list(value) if isinstance(value, (tuple, list)) else value


def _activation(module):
    """The fields of an activation module, or None."""
    kind = type(module)
    plain = {nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh", nn.SiLU: "silu", nn.Hardswish: "hard_swish",
             nn.PReLU: "prelu"}
    if kind in plain:
        return {"activation": plain[kind]}
    if kind is nn.LeakyReLU:
        return {"activation": "leaky_relu", "negative_slope": module.negative_slope}
    if kind in (nn.ReLU6, nn.Hardtanh):
        return {"activation": "clamp", "lower": module.min_val, "upper": module.max_val}
    if kind is nn.GELU:
        return {"activation": "gelu" if module.approximate == "none" else "gelu_tanh"}
    return None


_CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_UNPOOLS = (nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d)
_UPSAMPLES = (nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d)
_SKIPPED = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
_PADS = {getattr(nn, f"{name}Pad{rank}d"): mode for rank in (1, 2, 3) for name, mode in (
    ("Zero", "zeros"), ("Reflection", "reflect"), ("Replication", "replicate"), ("Circular", "circular"))}


def _is(module, kinds):
    return type(module) in kinds or (isinstance(module, _Layer) and type(module).__mro__[2] in kinds)


class _Chain:
    """Modules, one after the other, that are one layer."""

    def __init__(self, modules):
        self.modules = []  # all that it replaces
        self.spec = {}
        self.core = self.norm = self.slope = None
        self._match(list(modules))
        self.text = json.dumps(self.spec)
        self.dtypes = (torch.float32,) if self.tensors else tuple(_DTYPES) if "Pixel" in self.spec["layer"] or \
            "Unpool" in self.spec["layer"] else _FLOATS

    def _match(self, modules):
        """Takes as many modules from the front as make one layer; self.core stays None if there is none."""
        position = 0

        def peek(skip=0):
            nonlocal position
            while position + skip < len(modules) and _is(modules[position + skip], _SKIPPED) and self.spec:
                if skip:
                    return None
                position += 1
            return modules[position + skip] if position + skip < len(modules) else None

        prologue = _activation(modules[0]) if modules else None
        if prologue and prologue["activation"] in ("relu", "leaky_relu"):
            position += 1
            prologue = {"prologue": prologue["activation"], "prologue_slope": prologue.get("negative_slope", 0.01)}
        else:
            prologue = None
        upsample = padding = None
        if _is(peek(), _UPSAMPLES) and peek().mode == "nearest" and peek().size is None:
            scales = _numbers(peek().scale_factor)
            follower = peek(1) if type(peek(1)) not in _PADS else peek(2)
            if _is(follower, _CONVS) and all(float(one).is_integer() and one >= 1 for one in (
                    scales if isinstance(scales, list) else [scales])) and set(follower.kernel_size) != {1}:
                upsample = scales
                position += 1
        if type(peek()) in _PADS and _is(peek(1), _CONVS) and set(_numbers(peek(1).padding)) == {0}:
            sides = peek().padding
            padding = _PADS[type(peek())], [list(sides[i:i + 2]) for i in range(0, len(sides), 2)][::-1]
            position += 1
        core = peek()
        if core is None or not self._start(core, upsample, padding):
            return
        if prologue and not _is(core, _CONVS + _TRANSPOSED):
            return
        self.spec.update(prologue or {})
        self.core = core
        position += 1
        can_fuse = _is(core, _CONVS + _TRANSPOSED + _UPSAMPLES)
        follower = peek()
        if _is(core, _UPSAMPLES) and _is(follower, _CONVS) and _pointwise(core, follower):
            self.core = follower
            position += 1
        if _is(core, _CONVS) and _is(peek(), (nn.PixelShuffle,)) and len(core.kernel_size) == 2:
            self.spec["shuffle"] = peek().upscale_factor
            position += 1
        rank = len(core.kernel_size) if hasattr(core, "kernel_size") and can_fuse else None
        if can_fuse and type(peek()) in _NORMS and peek().track_running_stats and rank in (
                None, _NORMS.index(type(peek())) + 1):
            self.norm = peek()
            self.spec["epsilon"] = self.norm.eps
            position += 1
        activation = _activation(peek()) if can_fuse and peek() is not None else None
        if activation:
            if activation["activation"] == "prelu":
                self.slope = peek()
            self.spec.update(activation)
            position += 1
            if "shuffle" not in self.spec and self.norm is None and self.slope is None and _is(
                    core, _CONVS) and len(core.kernel_size) == 2 and _is(peek(), (nn.PixelShuffle,)):
                self.spec["shuffle"] = peek().upscale_factor  # which may as well come first
                position += 1
        self.modules = modules[:position]

    def _start(self, core, upsample, padding):
        """Sets the spec of the module that it is all about, and returns whether it is one."""
        if _is(core, _CONVS):
            rank = len(core.kernel_size)
            if set(core.stride) != {1}:
                return False
            mode, sides = padding or (core.padding_mode, core.padding)
            if sides == "valid":
                sides = [0] * rank
            elif sides == "same":
                totals = [d * (k - 1) for d, k in zip(core.dilation, core.kernel_size)]
                sides = [[total // 2, total - total // 2] for total in totals]
            self.spec = {"layer": f"Conv{rank}d", "padding": list(sides), "dilation": list(core.dilation),
                         "groups": core.groups, "padding_mode": mode}
            if upsample is not None:
                scales = upsample if isinstance(upsample, list) else [upsample] * rank
                self.spec["upsample"] = [int(one) for one in scales]
        elif upsample is not None or padding is not None:
            return False
        elif _is(core, _TRANSPOSED):
            self.spec = {"layer": f"ConvTranspose{len(core.kernel_size)}d", "stride": list(core.stride),
                         "padding": list(core.padding), "output_padding": list(core.output_padding),
                         "groups": core.groups, "dilation": list(core.dilation)}
        elif _is(core, _UPSAMPLES):
            self.spec = {"layer": "Interpolate", "size": _numbers(core.size), "mode": core.mode,
                         "scale_factor": _numbers(core.scale_factor), "align_corners": core.align_corners,
                         "recompute_scale_factor": core.recompute_scale_factor, "antialias": False}
        elif _is(core, (nn.PixelShuffle,)):
            self.spec = {"layer": "PixelShuffle", "upscale_factor": core.upscale_factor}
        elif _is(core, (nn.PixelUnshuffle,)):
            self.spec = {"layer": "PixelUnshuffle", "downscale_factor": core.downscale_factor}
        elif _is(core, _UNPOOLS):
            self.spec = {"layer": "MaxUnpool", "kernel_size": _numbers(core.kernel_size),
                         "stride": _numbers(core.stride), "padding": _numbers(core.padding)}
        else:
            return False
        return True

    @property
    def tensors(self):
        """The op's argument; they are looked up for each call, since parameters are replaced at times."""
        if self.core is None or not hasattr(self.core, "weight"):
            core = (None, None) if self.norm or self.slope else ()
        else:
            core = (self.core.weight, self.core.bias)
        norm = self.norm
        tensors = [*core, *((norm.weight, norm.bias, norm.running_mean, norm.running_var) if norm else
                            (None,) * 4 if self.slope else ())]
        return tensors + [self.slope.weight] if self.slope else tensors

    def takes(self, x, tensors):
        return (x.device.type == "cpu" and x.dtype in self.dtypes and 3 <= x.dim() <= 5 and x.numel() > 0
                and not (torch.is_grad_enabled() and (x.requires_grad or any(
                    one is not None and one.requires_grad for one in tensors)))
                and all(one is None or (one.dtype == torch.float32 and one.device.type == "cpu") for one in tensors)
                and not any(one.training and isinstance(one, (*_NORMS, *_SKIPPED[1:])) for one in self.modules)
                and (self.rank is None or x.dim() == self.rank + 2))

    @property
    def rank(self):
        digit = self.spec["layer"][-2]
        return int(digit) if digit.isdigit() else 2 if "Pixel" in self.spec["layer"] else None

    def __call__(self, x):
        tensors = self.tensors
        if self.takes(x, tensors) and not any(one._forward_hooks or one._forward_pre_hooks for one in self.modules):
            return torch.ops.polyphase_kernels.layer(x, None, tensors, self.text)
        for module in self.modules:
            x = module(x)
        return x


def _pointwise(upsample, conv):
    """Whether a 1x1 convolution may be computed before the upsampling, which must enlarge for that."""
    scales = _numbers(upsample.scale_factor)
    return (set(conv.kernel_size) == {1} == set(conv.stride) and set(_numbers(conv.padding)) == {0} and conv.groups == 1
            and scales is not None and all(one >= 1 for one in (scales if isinstance(scales, list) else [scales])))


class _Layer:
    """A module that is one layer; its class is a subclass of what it was."""

    def forward(self, x, *arguments, **keywords):
        chain = self._polyphase
        tensors = chain.tensors
        if not arguments and not keywords and chain.takes(x, tensors):
            return torch.ops.polyphase_kernels.layer(x, None, tensors, chain.text)
        return super().forward(x, *arguments, **keywords)


class _Unpool:
    def forward(self, input, indices, output_size=None):
        chain = self._polyphase
        rank = _UNPOOLS.index(type(self).__mro__[3]) + 1
        if (chain.takes(input, ()) and input.dim() == rank + 2 and indices.device.type == "cpu"
                and not input.requires_grad):
            size = None if output_size is None else list(output_size)[-rank:]
            return torch.ops.polyphase_kernels.layer(input, indices, (), chain.text, size)
        return super().forward(input, indices, output_size)


class Sequential(nn.Sequential):
    """Runs chains of its modules as one layer each. Who iterates over it gets the modules."""

    def forward(self, input):
        for step in self._polyphase:
            input = step(input)
        return input


def _subclasses():
    for kind in (*_CONVS, *_TRANSPOSED, *_UPSAMPLES, nn.PixelShuffle, nn.PixelUnshuffle, *_UNPOOLS):
        bases = (_Unpool, _Layer, kind) if kind in _UNPOOLS else (_Layer, kind)
        yield kind, type(kind.__name__, bases, {"__module__": __name__, "__doc__": kind.__doc__})


_FAST = dict(_subclasses())
globals().update({kind.__name__: fast for kind, fast in _FAST.items()})  # for pickle


def optimize(model, convolutions=True, inplace=False):
    """A copy of `model` in which what Polyphase has runs on it.

    These are ConvTranspose1d to 3d, Upsample, PixelShuffle, PixelUnshuffle, MaxUnpool1d to 3d and, if `convolutions`,
    Conv1d to 3d of stride 1. In each Sequential they are fused with what stands beside them: an activation or a
    padding before a convolution, nearest upsampling and the convolution after it, batch norm, activations, a pixel
    shuffle after a convolution. The structure of the model must not be changed afterwards; weights may be.
    """
    model = model if inplace else copy.deepcopy(model)
    for module in list(model.modules()):
        if type(module) in _FAST and (convolutions or type(module) not in _CONVS):
            chain = _Chain([module])
            if chain.core is not None:
                module.__class__ = _FAST[type(module)]
                module.__dict__["_polyphase"] = chain
    for module in list(model.modules()):
        if type(module) is nn.Sequential:
            steps, children = [], list(module)
            while children:
                chain = _Chain(children)
                if len(chain.modules) > 1 and (convolutions or not _is(chain.core, _CONVS) or "upsample" in chain.spec):
                    steps.append(chain)
                    del children[:len(chain.modules)]
                else:
                    steps.append(children.pop(0))
            if any(isinstance(step, _Chain) for step in steps):
                module.__class__ = Sequential
                module.__dict__["_polyphase"] = steps
    return model


def describe(model):
    """Lines: the layers of an optimized model, by the names of their modules."""
    lines = []
    for name, module in model.named_modules():
        steps = module.__dict__.get("_polyphase", [])
        for step in steps if isinstance(steps, list) else [steps]:
            if isinstance(step, _Chain):
                lines.append(f"{name}: {' + '.join(type(one).__name__ for one in step.modules)} -> {step.text}")
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
    return _run(input, None, [weight, bias], spec)


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
    return _run(input, None, (), json.dumps(spec))


def _shuffle(name, factor, input, value):
    return _run(input, None, (), json.dumps({"layer": name, factor: value})) if input.dim() == 4 else None


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
def override():
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
