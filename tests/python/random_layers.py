"""Random layers of every op, by Polyphase and by PyTorch, and how far the two may be apart.

compare(op, seed) makes a layer of a function of OPS and raises Difference if an output is wrong. Most answers are
PyTorch's in float64, and an error may be as large as rounding explains: (terms + 6) * 2^-24 of the sum of the
magnitudes for a sum of products in float32, in any order; the bounds are those of tests/ref and tests/testers. What
only moves values, nearest, uint8, and whole numbers whose sums float32 holds must be the same bit for bit.
"""

import os
import random
import re

# PyTorch's kernels without FMA, whose nearest-exact takes the pixels that its source says; read when torch is imported.
os.environ.setdefault("ATEN_CPU_CAPABILITY", "default")

import numpy as np
import torch
from torch.nn import functional as F

import polyphase_kernels as pph

ROUNDING = 2.0**-24
TARGETS = [name for name, supported, _ in pph.targets() if supported]


class Difference(AssertionError):
    """An output that is wrong."""


def compare(op, seed):
    """Makes the layer and compares all of its outputs."""
    # torch.manual_seed() would seed CUDA's generators as well, or note for each call where it was made, which took as
    # long as half of the layers.
    torch.default_generator.manual_seed(seed)
    OPS[op](random.Random(seed))


# ---- Values

def each(rng, rank, *choices):
    """A value for each axis, now and then one for all of them."""
    return rng.choice(choices) if rng.random() < 0.5 else tuple(rng.choice(choices) for _ in range(rank))


def axes(value, rank):
    return (value,) * rank if isinstance(value, int) else value


def values(rng, *shape, whole=False):
    """float32: small whole numbers, or normal ones."""
    return torch.randint(-8, 9, shape).float() if whole else torch.randn(shape)


def typed(rng, *shape, types=("float32", "float16", "uint8")):
    """A tensor of a random type, float32 half of the time."""
    dtype = getattr(torch, rng.choice(("float32",) + types))
    if not dtype.is_floating_point:
        return torch.randint(0, 256, shape).to(dtype)
    return (4 * torch.randn(shape)).to(dtype)


def view(rng, x):
    """The same array in another order in memory, or as a part of something larger."""
    kind = rng.randrange(4)
    if kind == 1:
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    if kind == 2:
        return np.pad(x, [(1, 1)] * x.ndim)[(slice(1, -1),) * x.ndim]
    return np.flip(np.ascontiguousarray(np.flip(x, -1)), -1) if kind == 3 else x


# ---- Layouts

BLOCKS = {"nchw4c": 4, "nchw8c": 8, "nchw16c": 16}


def layout_of(rng, channels, any_channels=False):
    """A layout; blocks where they have no channels to fill, if those would count."""
    return rng.choice(("nchw", "nchw", "nhwc") + tuple(
        name for name, block in BLOCKS.items() if any_channels or channels % block == 0))


def arranged(rng, x, layout):
    """An array (n, c, ...) with the axes of a layout."""
    x = np.asarray(x)
    if layout == "nhwc":
        return view(rng, np.moveaxis(x, 1, -1))
    if layout not in BLOCKS:
        return view(rng, x)
    block = BLOCKS[layout]
    blocks = -(-x.shape[1] // block)
    x = np.pad(x, [(0, 0), (0, blocks * block - x.shape[1])] + [(0, 0)] * (x.ndim - 2))
    return np.ascontiguousarray(np.moveaxis(x.reshape(x.shape[0], blocks, block, *x.shape[2:]), 2, -1))


def restored(y, layout, channels):
    """The inverse of arranged(); the lanes behind the last channel must be 0."""
    if layout == "nhwc":
        return np.moveaxis(y, -1, 1)
    if layout not in BLOCKS:
        return y
    y = np.moveaxis(y, -1, 2)
    y = y.reshape(y.shape[0], -1, *y.shape[3:])
    if y[:, channels:].any():
        raise Difference("the lanes behind the last channel are not 0")
    return y[:, :channels]


def called(rng, layer, x, channels, any_channels=False, arguments=(), add=None, **options):
    """Calls layer(x, *arguments, layout=..., threads=..., ...) and returns the output as (n, c, ...), and its plan."""
    layout = layout_of(rng, x.shape[1], any_channels)
    out_layout = rng.choice((layout, layout_of(rng, channels, any_channels)))
    made = layer(*arguments, layout=layout, out_layout=out_layout, threads=rng.choice((1, 2, 3)),
                 isa=rng.choice(TARGETS), **options)
    given = {} if add is None else {"add": arranged(rng, add, out_layout)}
    y = made(arranged(rng, x, layout), **given)
    return restored(y, out_layout, channels), f"{layout} -> {out_layout} {made.describe()}"


# ---- Comparison

def same(found, expected, layer):
    """Bit for bit, but for the sign and payload of a NaN."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or found.dtype != expected.dtype:
        raise Difference(f"{layer}: {found.dtype} {found.shape}, expected {expected.dtype} {expected.shape}")
    wrong = ~((found == expected) | ((found != found) & (expected != expected)))
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise Difference(f"{layer}: at {at} {found[at]!r}, expected {expected[at]!r}; {wrong.sum()} of {wrong.size}")


def rounded(value, dtype):
    """float64 as what a float type, or a uint8, holds of it."""
    if dtype == np.uint8:
        return np.clip(np.rint(value), 0, 255)
    with np.errstate(over="ignore"):
        return value.astype(dtype).astype(np.float64)


def near(found, expected, bound, layer):
    """Whether each value is the rounding of one that is at most `bound` off."""
    found, expected, bound = np.asarray(found), np.asarray(expected), np.asarray(bound)
    if found.shape != expected.shape:
        raise Difference(f"{layer}: {found.shape}, expected {expected.shape}")
    low, high = (rounded(expected + sign * bound, found.dtype) for sign in (-1, 1))
    wrong = ~((found >= low) & (found <= high))
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise Difference(f"{layer}: at {at} {found[at]!r}, expected {expected[at]!r} within {bound[at]:.3g}; "
                         f"{wrong.sum()} of {wrong.size} are wrong")


# ---- Convolutions

def amplification(plan):
    """How far Winograd's results may be from the sum beyond their own bounds, in the largest bound of one. (See
    Amplification in tests/ref/conv_result.h.)
    """
    most = 0
    for form in re.findall(r"winograd F\(([^)]*)\)", plan):
        sizes = [[int(one) for one in part.split("x")] for part in form.split(", ")]
        factor = 0.25
        for m, r in zip(*sizes):
            if m + r - 1 > 4:
                factor = max(factor, 1) * (8 if m + r - 1 == 6 else 24)
        most = max(most, factor)
    return most


# The activation in float64; by how much an error in x grows, and the error of the activation itself.
ACTIVATIONS = {
    "none": (lambda x, e: x, 1, 0),
    "relu": (lambda x, e: F.relu(x), 1, 0),
    "leaky_relu": (lambda x, e: F.leaky_relu(x, e["negative_slope"]), 1, 1),
    "clamp": (lambda x, e: F.hardtanh(x, e["lower"], e["upper"]), 1, 0),
    "prelu": (lambda x, e: F.prelu(x, torch.from_numpy(e["slope"]).double()), 1, 1),
    "sigmoid": (lambda x, e: torch.sigmoid(x), 1, 8),
    "tanh": (lambda x, e: torch.tanh(x), 1, 8),
    "silu": (lambda x, e: F.silu(x), 1.2, 8),
    "gelu": (lambda x, e: F.gelu(x), 1.2, 8),
    "gelu_tanh": (lambda x, e: F.gelu(x, approximate="tanh"), 1.2, 8),
    "hard_swish": (lambda x, e: F.hardswish(x), 1.5, 4),
}
EXACT_ACTIVATIONS = ("none", "relu", "clamp", "leaky_relu", "prelu")


def epilogue(rng, channels, whole=False):
    """Random arguments of a fused layer."""
    e = {"activation": rng.choice(EXACT_ACTIVATIONS if whole else list(ACTIVATIONS)) if rng.random() < 0.6 else "none",
         "residual": rng.choice(("none", "none", "before_activation", "after_activation"))}
    if e["activation"] == "leaky_relu":
        e["negative_slope"] = rng.choice((0.25, 0.5))
    if e["activation"] == "clamp":
        e["lower"], e["upper"] = rng.choice(((0.0, 6.0), (-2.0, 3.0)))
    if e["activation"] == "prelu":
        e["slope"] = (torch.randint(-4, 5, (channels,)) / 4).float().numpy()
    if rng.random() < 0.3:
        e["channel_scale"] = (2.0 ** torch.randint(-1, 2, (channels,)) if whole else torch.randn(channels)).numpy()
        e["channel_scale"] = e["channel_scale"].astype(np.float32)
    if rng.random() < 0.3:
        e["channel_shift"] = values(rng, channels, whole=whole).numpy()
    return e


def finished(e, x, bound, add, terms=0):
    """Takes x and the bound of its error, both float64, through the epilogue, as tests/ref/epilogue.h does. Sums of
    products begin with the shift, so that each of their `terms` may be rounded as a part of it.
    """
    shape = (1, -1) + (1,) * (x.ndim - 2)
    if "channel_scale" in e:
        scale = torch.from_numpy(e["channel_scale"]).double().reshape(shape)
        x = x * scale
        bound = bound * scale.abs() + ROUNDING * x.abs()
    if "channel_shift" in e:
        shift = torch.from_numpy(e["channel_shift"]).double().reshape(shape)
        x = x + shift
        bound = bound + ROUNDING * (x.abs() + (terms + 1) * shift.abs())
    if e["residual"] == "before_activation":
        x = x + add.double()
        bound = bound + ROUNDING * x.abs()
    activate, slope, relative = ACTIVATIONS[e["activation"]]
    bound = bound * slope + ROUNDING * relative * x.abs().clamp(min=1)
    x = activate(x, e)
    if e["residual"] == "after_activation":
        x = x + add.double()
        bound = bound + ROUNDING * x.abs()
    return x, bound


def check_convolution(rng, layer, name, x, arguments, options, exact, magnitude, terms, whole):
    """exact, magnitude: the sums of products, and of their magnitudes, in float64. Whole numbers need no magnitude."""
    channels = exact.shape[1]
    e = epilogue(rng, channels, whole)
    add = values(rng, *exact.shape, whole=whole) if e["residual"] != "none" else None
    numerics = "strict" if whole else rng.choice(("strict", "default", "default", "fast"))
    found, plan = called(rng, layer, x, channels, True, arguments, add, numerics=numerics, **options, **e)
    bound = (terms + 6) * ROUNDING * magnitude
    if (factor := amplification(plan)) and bound.numel():
        bound = bound + factor * float(bound.max())
    expected, bound = finished(e, exact, bound, add, terms)
    if whole:
        same(found, expected.float().numpy(), f"{name} {plan}")
    else:
        near(found, expected.numpy(), bound.numpy(), f"{name} {plan}")


def groups_and_channels(rng, rank):
    """Groups, input and output channels: few of each mostly, at times more than a register tile has, and depthwise."""
    kind = rng.randrange(8)
    most = 40 if kind == 0 and rank < 3 else 9
    if kind == 1:
        groups = rng.randint(1, 20)
        return groups, groups, groups * rng.choice((1, 1, 2))
    groups = rng.choice((1, 1, 1, 2, 3))
    return groups, groups * rng.randint(1, most), groups * rng.randint(1, most)


def batch(rng):
    return rng.choice((1, 1, 2, 3))


def prologue(rng, x):
    """The arguments of a prologue, and the input after it, which is rounded to float32."""
    kind = rng.choice(("none", "none", "none", "relu", "leaky_relu"))
    if kind == "leaky_relu":
        return {"prologue": kind, "prologue_slope": 0.5}, F.leaky_relu(x, 0.5)
    return {"prologue": kind}, F.relu(x) if kind == "relu" else x


def conv_transpose(rng):
    rank = rng.choice((1, 2, 2, 3))
    groups, c_in, c_out = groups_and_channels(rng, rank)
    whole = rng.random() < 0.5
    kernel = [rng.randint(1, 4 if rank == 3 else 6) for _ in range(rank)]
    w = values(rng, c_in, c_out // groups, *kernel, whole=whole)
    bias = rng.choice((None, values(rng, c_out, whole=whole)))
    stride, dilation = each(rng, rank, 1, 2, 2, 3, 4), each(rng, rank, 1, 1, 1, 2)
    padding, output_padding = each(rng, rank, 0, 0, 1, 2), each(rng, rank, 0, 0, 1)
    x = values(rng, batch(rng), c_in, *(rng.randint(1, {1: 30, 2: 9, 3: 5}[rank]) for _ in range(rank)), whole=whole)
    arguments = (stride, padding, output_padding, groups, dilation)
    name = f"conv_transpose{rank}d {tuple(x.shape)} {tuple(w.shape)} {arguments}"
    torch_name, layer = f"conv_transpose{rank}d", getattr(pph, f"ConvTranspose{rank}d")
    before, z = prologue(rng, x)
    compute = getattr(F, torch_name)
    try:
        exact = compute(z.double(), w.double(), None if bias is None else bias.double(), *arguments)
        if exact.numel() == 0:
            raise RuntimeError("empty")
    except RuntimeError as reason:
        try:
            getattr(pph, torch_name)(x, w, bias, *arguments)
        except ValueError:
            return
        raise Difference(f"{name}: is taken, though PyTorch refuses it: {reason}") from None
    magnitude = exact if whole else compute(z.double().abs(), w.double().abs(),
                                            None if bias is None else bias.double().abs(), *arguments)
    options = {"stride": stride, "padding": padding, "output_padding": output_padding, "groups": groups,
               "dilation": dilation, **before}
    check_convolution(rng, layer, name, x, (w.numpy(), None if bias is None else bias.numpy()), options, exact,
                      magnitude, c_in // groups * int(np.prod(kernel)), whole)


def shuffled(x, factors, order):
    """Depth to space of any rank: the channels are (c, offsets), (offsets, c), or Focus's (offsets, x first, c)."""
    rank = len(factors)
    n, channels, *size = x.shape
    c = channels // int(np.prod(factors))
    if order == "crd":
        x = x.reshape(n, c, *factors, *size)
        first = 2
    elif order == "dcr":
        x = x.reshape(n, *factors, c, *size).movedim(rank + 1, 1)
        first = 2
    else:
        x = x.reshape(n, *reversed(factors), c, *size).movedim(rank + 1, 1)
        x = x.permute(0, 1, *range(rank + 1, 1, -1), *range(rank + 2, 2 * rank + 2))
        first = 2
    order = [0, 1]
    for axis in range(rank):
        order += [first + rank + axis, first + axis]
    return x.permute(order).reshape(n, c, *(s * f for s, f in zip(size, factors)))


def conv(rng):
    rank = rng.choice((1, 2, 2, 3))
    whole = rng.random() < 0.5
    shuffle = axes(each(rng, rank, 1, 2) if rng.random() < 0.3 else 1, rank)
    upsample = axes(each(rng, rank, 1, 2, 3) if rng.random() < 0.3 else 1, rank)
    groups, c_in, c_out = groups_and_channels(rng, rank)
    c_out *= int(np.prod(shuffle))
    kernel = [rng.randint(1, 4 if rank == 3 else 6) for _ in range(rank)]
    dilation = axes(each(rng, rank, 1, 1, 1, 2), rank)
    mode = rng.choice(("zeros", "zeros", "reflect", "replicate", "circular"))
    size = [rng.randint(1, {1: 30, 2: 10, 3: 5}[rank]) for _ in range(rank)]
    padding = []
    for s, u, k, d in zip(size, upsample, kernel, dilation):
        most = min(d * (k - 1), {"reflect": s * u - 1, "circular": s * u}.get(mode, 6))
        pair = rng.randint(0, most), rng.randint(0, most)
        if s * u + sum(pair) < d * (k - 1) + 1:
            return  # nothing is left
        padding.append(pair)
    w = values(rng, c_out, c_in // groups, *kernel, whole=whole)
    bias = rng.choice((None, values(rng, c_out, whole=whole)))
    x = values(rng, batch(rng), c_in, *size, whole=whole)
    order = rng.choice(("crd", "dcr", "focus"))
    before, z = prologue(rng, x)

    def computed(x, w, bias):
        for axis, factor in enumerate(upsample):
            x = x.repeat_interleave(factor, axis + 2)
        flat = [one for pair in reversed(padding) for one in pair]
        x = F.pad(x, flat, **({"mode": "constant"} if mode == "zeros" else {"mode": mode}))
        return shuffled(getattr(F, f"conv{rank}d")(x, w, bias, 1, 0, dilation, groups), shuffle, order)

    exact = computed(z.double(), w.double(), None if bias is None else bias.double())
    magnitude = exact if whole else computed(z.double().abs(), w.double().abs(),
                                             None if bias is None else bias.double().abs())
    options = {"padding": padding, "dilation": dilation, "groups": groups, "padding_mode": mode, "upsample": upsample,
               "shuffle": shuffle, "channel_order": order, **before}
    name = f"conv{rank}d {tuple(x.shape)} {tuple(w.shape)} {options}"
    check_convolution(rng, getattr(pph, f"Conv{rank}d"), name, x, (w.numpy(), None if bias is None else bias.numpy()),
                      options, exact, magnitude, c_in // groups * int(np.prod(kernel)), whole)


# ---- Resize

def interpolate(rng):
    mode = rng.choice(("nearest", "nearest-exact", "linear", "bilinear", "bilinear", "bicubic", "bicubic", "trilinear",
                       "area"))
    rank = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}.get(mode, rng.randint(1, 3))
    nearest = mode.startswith("nearest")
    has_bytes = rank == 2 and (nearest or mode in ("bilinear", "bicubic"))
    types = ("float16", "uint8") if has_bytes else ("float16",)
    size = [rng.randint(1, {1: 60, 2: 20, 3: 7}[rank]) for _ in range(rank)]
    x = typed(rng, batch(rng), rng.choice((1, 3, 4, rng.randint(1, 20))), *size, types=types)
    has_corners = "linear" in mode or mode == "bicubic"
    options = {"mode": mode, "align_corners": rng.choice((True, False)) if has_corners else None}
    if mode in ("bilinear", "bicubic") and size[1] > 3 and rng.random() < 0.4:
        options["antialias"] = True
    # With antialias, and of uint8, PyTorch 2.13 repeats the first row if the output is one pixel wide.
    least = 2 if "antialias" in options or (x.dtype == torch.uint8 and not nearest) else 1
    if rng.random() < 0.5:
        options["size"] = tuple(rng.randint(least, 25 if rank < 3 else 9) for _ in range(rank))
    else:
        scale = rng.choice((0.6, 1.0, 2.0, 2.7, rng.uniform(0.4, 3)))
        options["scale_factor"] = scale if rng.random() < 0.5 else tuple(
            rng.choice((scale, 2.0, rng.uniform(0.7, 2.5))) for _ in range(rank))
        options["recompute_scale_factor"] = rng.choice((None, True))
        factors = options["scale_factor"] if isinstance(options["scale_factor"], tuple) else (scale,) * rank
        if any(int(s * f) < least for s, f in zip(size, factors)):
            return
    exact = nearest or x.dtype == torch.uint8
    expected = F.interpolate(x if exact else x.float(), **options)
    e = {}
    if x.dtype == torch.float32 and rng.random() < 0.4:
        e = epilogue(rng, x.shape[1])
    add = values(rng, *expected.shape) if e.get("residual", "none") != "none" else None
    keywords = {key: value for key, value in options.items() if value is not None}
    found, plan = called(rng, pph.Interpolate, x, x.shape[1], add=add, **keywords, **e)
    name = f"interpolate {x.dtype} {tuple(x.shape)} {options} {plan}"
    if exact and not e:
        return same(found, expected.numpy(), name)
    # Both sum the taps of all axes, with weights of a coordinate that they round alike.
    taps, most = 1, 1.0
    for before, after in zip(x.shape[2:], expected.shape[2:]):
        shrinks = max(1.0, before / after)
        reach = {"area": 0.5, "bicubic": 2}.get(mode, 1) * (shrinks if "antialias" in options or mode == "area" else 1)
        taps *= 1 if nearest else 2 * int(reach + 1)
        most *= 1.375 if mode == "bicubic" else 1.0
    magnitude = most * float(x.abs().max())
    bound = 0 if nearest else (2 * (taps + 8 * rank) + 8 * max(x.shape[2:])) * ROUNDING * magnitude
    expected, bound = expected.double(), torch.full(expected.shape, float(bound), dtype=torch.float64)
    if e:
        expected, bound = finished(e, expected, bound, add)
    near(found, expected.numpy(), bound.numpy(), name)


# ---- Pooling

def window(rng, rank):
    kernel = axes(each(rng, rank, 1, 2, 3, 4), rank)
    stride = axes(each(rng, rank, 1, 2, 3), rank)
    padding = tuple(rng.randint(0, k // 2) for k in kernel)
    return kernel, stride, padding


def pooled(rng, types):
    rank = rng.randint(1, 3)
    return rank, typed(rng, batch(rng), rng.randint(1, 20), *(rng.randint(5, {1: 40, 2: 14, 3: 7}[rank])
                                                                for _ in range(rank)), types=types)


def max_pool(rng):
    rank, x = pooled(rng, ("float16", "uint8"))
    kernel, stride, padding = window(rng, rank)
    dilation, ceil_mode = rng.choice((1, 1, 2)), rng.choice((False, True))
    if x.dtype == torch.float32 and rng.random() < 0.3:
        x[torch.rand(x.shape) < 0.1] = rng.choice((float("nan"), float("-inf"), float("inf")))
    options = (kernel, stride, padding, dilation, ceil_mode)
    name = f"max_pool {x.dtype} {tuple(x.shape)} {options}"
    try:
        expected, indices = getattr(F, f"max_pool{rank}d")(x.float(), *options, True)
    except RuntimeError:  # the window is larger than the input
        return
    layout = layout_of(rng, x.shape[1])
    found, found_indices = pph.max_pool(arranged(rng, x, layout), *options, True, layout=layout,
                                        threads=rng.choice((1, 2, 3)), isa=rng.choice(TARGETS))
    same(restored(found, layout, x.shape[1]), expected.to(x.dtype).numpy(), name)
    same(restored(found_indices, layout, x.shape[1]), indices.numpy(), f"{name} indices")


def max_unpool(rng):
    rank, x = pooled(rng, ("float16",))
    kernel, stride, _ = window(rng, rank)
    if any(k > s for k, s in zip(kernel, stride)) and rng.random() < 0.5:
        kernel = stride  # windows that overlap give indices twice
    try:
        values_, indices = getattr(F, f"max_pool{rank}d")(x.float(), kernel, stride, return_indices=True)
        expected = getattr(F, f"max_unpool{rank}d")(values_, indices, kernel, stride, output_size=x.shape[2:])
    except (RuntimeError, ValueError):  # the window is larger than the input, or the size is not one of the unpooling
        return
    if len(set(indices.flatten().tolist())) < indices[0, 0].numel():
        return  # PyTorch does not say which of two wins
    layout = layout_of(rng, x.shape[1])
    indices = indices.to(rng.choice((torch.int64, torch.int32)))
    found = pph.max_unpool(arranged(rng, values_.to(x.dtype), layout), arranged(rng, indices, layout), kernel, stride,
                           output_size=tuple(x.shape[2:]), layout=layout, threads=rng.choice((1, 2, 3)),
                           isa=rng.choice(TARGETS))
    same(restored(found, layout, x.shape[1]), expected.to(x.dtype).numpy(),
         f"max_unpool {x.dtype} {tuple(x.shape)} {kernel} {stride} {layout}")


def divisors(rng, rank):
    """count_include_pad and divisor_override, which PyTorch's 1-D pooling does not have."""
    return rng.choice((False, True)), rng.choice((None, None, 3)) if rank > 1 else None


def torch_avg_pool(x, rank, kernel, stride, padding, ceil_mode, include, divisor):
    options = {} if divisor is None else {"divisor_override": divisor}
    return getattr(F, f"avg_pool{rank}d")(x, kernel, stride, padding, ceil_mode, include, **options)


def avg_pool(rng):
    rank, x = pooled(rng, ("float16", "uint8"))
    options = (*window(rng, rank), rng.choice((False, True)), *divisors(rng, rank))
    name = f"avg_pool {x.dtype} {tuple(x.shape)} {options}"
    try:
        expected = torch_avg_pool(x.double(), rank, *options)
    except RuntimeError:
        return
    bound = (np.prod(options[0]) + 2) * ROUNDING * torch_avg_pool(x.double().abs(), rank, *options)
    found, plan = called(rng, pph.AvgPool, x, x.shape[1], arguments=options)
    near(found, expected.numpy(), bound.numpy(), f"{name} {plan}")


def avg_unpool(rng):
    rank, x = pooled(rng, ("float16",))
    kernel, stride, padding = window(rng, rank)
    include, divisor = divisors(rng, rank)
    copies = rng.random() < 0.3

    def adjoint(small):
        large = torch.zeros(x.shape, dtype=torch.float64, requires_grad=True)
        if copies:  # the sum of the window: the mean times the number of its elements
            y = torch_avg_pool(large, rank, kernel, stride, padding, False, True, None) * int(np.prod(kernel))
        else:
            y = torch_avg_pool(large, rank, kernel, stride, padding, False, include, divisor)
        return torch.autograd.grad(y, large, small)[0]

    try:
        shape = torch_avg_pool(x.double(), rank, kernel, stride, padding, False, include, divisor).shape
    except RuntimeError:
        return
    small = torch.randn(shape).to(x.dtype)
    expected = adjoint(small.double())
    bound = (np.prod(kernel) + 3) * ROUNDING * adjoint(small.double().abs())
    arguments = (kernel, stride, padding, tuple(x.shape[2:]), "copy" if copies else "adjoint", include, divisor)
    name = f"avg_unpool {x.dtype} {tuple(small.shape)} {arguments}"
    found, plan = called(rng, pph.AvgUnpool, small, x.shape[1], arguments=arguments)
    near(found, expected.numpy(), bound.numpy(), f"{name} {plan}")


# ---- The others

def pixel_shuffle(rng):
    rank = rng.randint(1, 3)
    factors = axes(each(rng, rank, 1, 2, 3), rank)
    order, c = rng.choice(("crd", "dcr", "focus")), rng.randint(1, 20)
    size = [rng.randint(1, {1: 40, 2: 9, 3: 5}[rank]) for _ in range(rank)]
    x = typed(rng, batch(rng), c * int(np.prod(factors)), *size, types=("float16", "uint8", "int64"))
    expected = shuffled(x, factors, order)
    if rank == 2 and order == "crd" and factors[0] == factors[1]:
        same(expected.numpy(), F.pixel_shuffle(x, factors[0]).numpy(), "shuffled() itself")
    name = f"pixel_shuffle {x.dtype} {tuple(x.shape)} {factors} {order}"
    found, plan = called(rng, pph.PixelShuffle, x, c, arguments=(factors,), channel_order=order)
    same(found, expected.numpy(), f"{name} {plan}")
    found, plan = called(rng, pph.PixelUnshuffle, expected, x.shape[1], arguments=(factors,), channel_order=order)
    same(found, x.numpy(), f"{name}, back, {plan}")


def convex_upsample(rng):
    n, c, h, w, factor = (rng.randint(1, most) for most in (2, 3, 4, 20, 8))
    x, mask = torch.randn(n, c, h, w), rng.choice((1, 4)) * torch.randn(n, 9 * factor * factor, h, w)
    logits = mask.double().view(n, 1, 9, factor, factor, h, w)
    weights = torch.softmax(logits, 2)
    terms = F.unfold(factor * x.double(), 3, padding=1).view(n, c, 9, 1, 1, h, w)
    # As in tests/ref/convex_upsample.h.
    error = 3 * (logits - logits.amax(2, keepdim=True)).abs() + 4
    error = error + (weights * error).sum(2, keepdim=True) + 20

    def enlarged(summed):
        return summed.sum(2).permute(0, 1, 4, 2, 5, 3).reshape(n, c, factor * h, factor * w).numpy()

    layout, mask_layout = "nchw", "nchw"
    if rng.random() < 0.5:
        layout = mask_layout = "nhwc"
    y = pph.convex_upsample(arranged(rng, x, layout), arranged(rng, mask, mask_layout), factor, layout=layout,
                            threads=rng.choice((1, 2, 3)), isa=rng.choice(TARGETS))
    near(restored(y, layout, c), enlarged(weights * terms),
         enlarged((weights * error * ROUNDING + 1e-37) * terms.abs()),
         f"convex_upsample {tuple(x.shape)} {factor} {layout}")


def convert(rng):
    rank, x = pooled(rng, ("float16", "uint8", "int64"))
    found, plan = called(rng, pph.Convert, x, x.shape[1])
    same(found, x.numpy(), plan)


OPS = {"conv_transpose": conv_transpose, "conv": conv, "interpolate": interpolate, "max_pool": max_pool,
       "max_unpool": max_unpool, "avg_pool": avg_pool, "avg_unpool": avg_unpool, "pixel_shuffle": pixel_shuffle,
       "convex_upsample": convex_upsample, "convert": convert}
