"""What PyTorch and Pillow answer to a case of one op: each function below makes one line of tests/golden/pytorch.tsv.

Inputs, weights and constants are not stored: `generated` makes them here and `Generated` in the test. A line is

    op  key=value ...  input shape  output shape  output values  [indices]

separated by tabs (the attributes by spaces, "-" for none). Values are 8 hex digits of an f32 each (also where the
tensor is f16 or bf16), 2 of a u8. Indices are what max_pool yields and max_unpool takes. Attributes that have their
default are left out; lists have one entry per spatial axis.
"""

import os

# PyTorch's kernels without FMA: the same answers on every machine, and nearest-exact as its source is written (with FMA
# it takes another pixel in some sizes, such as 2 -> 41). Read when torch is imported.
os.environ["ATEN_CPU_CAPABILITY"] = "default"

import numpy as np
import PIL
import PIL.Image
import torch
import torch.nn.functional as F

VERSIONS = f"PyTorch {torch.__version__.split('+')[0]} and Pillow {PIL.__version__}"
assert torch.__version__.startswith("2.13.") and PIL.__version__.startswith("12."), VERSIONS
torch.set_num_threads(1)

# Who reads a generated tensor: the seed of its numbers.
INPUT, WEIGHTS, BIAS, RESIDUAL, SLOPE, GAMMA, BETA, MEAN, VARIANCE, INDICES, MASK = range(1, 12)

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "u8": torch.uint8}


def states(role, count):
    """`count` numbers of 32 bits, of which the upper ones are good."""
    state, result = role * 0x9E3779B9 & 0xFFFFFFFF, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        result.append(state)
    return np.array(result, dtype=np.uint32)


def generated(role, shape, fill="uniform", dtype="f32"):
    """A tensor that the test makes as well. All fills but `bits` are exact in f32, f16 and bf16."""
    state = states(role, int(np.prod(shape)))
    if dtype == "u8":
        values = (state >> 24).astype(np.uint8)
    elif fill == "bits":  # anything, signalling NaNs and denormals included
        values = state.view(np.float32)
    else:
        signed = (state >> 23).astype(np.int32) - 256  # [-256, 256)
        values = {
            "uniform": signed / 256.0,
            "wide": signed / 16.0,  # [-16, 16)
            "ties": np.floor(signed / 128.0),  # -2, -1, 0, 1
            "nan": np.where(signed % 8 == 0, np.nan, signed / 64.0),
            "special": np.where(signed % 8 == 0, np.nan, np.where(signed % 8 <= 3, -np.inf, np.floor(signed / 128.0))),
            "neginf": np.full(signed.shape, -np.inf),
        }[fill].astype(np.float32)
    return torch.from_numpy(values.reshape(shape)).to(DTYPES[dtype])


# ---- The file

lines = []


def hex_values(tensor):
    if tensor.dtype == torch.uint8:
        return tensor.contiguous().numpy().tobytes().hex()
    return tensor.detach().float().contiguous().numpy().astype(">f4").tobytes().hex()


def text(value):
    if isinstance(value, (tuple, list, torch.Size)):
        return ",".join(text(v) for v in value)
    return str(int(value)) if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)


def emit(op, attributes, defaults, shape, output, indices=None):
    """One line, unless it is there already."""
    stated = " ".join(f"{key}={text(value)}" for key, value in attributes.items() if value != defaults.get(key))
    fields = [op, stated or "-", "x".join(map(str, shape)), "x".join(map(str, output.shape)), hex_values(output) or "-"]
    if indices is not None:
        fields.append(text(indices.flatten().tolist()))
    line = "\t".join(fields)
    if line not in lines:
        lines.append(line)


# ---- Epilogues

ACTIVATIONS = {
    "none": lambda x, _: x,
    "relu": lambda x, _: F.relu(x),
    "leaky_relu": lambda x, a: F.leaky_relu(x, a["slope"]),
    "hardtanh": lambda x, a: F.hardtanh(x, a["lower"], a["upper"]),
    "prelu": lambda x, _: F.prelu(x, generated(SLOPE, (x.shape[1],))),
    "sigmoid": lambda x, _: torch.sigmoid(x),
    "tanh": lambda x, _: torch.tanh(x),
    "silu": lambda x, _: F.silu(x),
    "gelu": lambda x, _: F.gelu(x),
    "gelu_tanh": lambda x, _: F.gelu(x, approximate="tanh"),
    "hardswish": lambda x, _: F.hardswish(x),
}
EPILOGUE = {"act": "none", "slope": 0.01, "lower": 0.0, "upper": 6.0, "residual": "none", "bn": 0.0}


def epilogue(x, a):
    """Batch normalisation of epsilon `bn`, a residual, an activation."""
    c = x.shape[1]
    if a["bn"]:
        gamma, beta, mean = (generated(role, (c,)) for role in (GAMMA, BETA, MEAN))
        variance = generated(VARIANCE, (c,)) + 257 / 256  # (0, 2]
        x = F.batch_norm(x, mean, variance, gamma, beta, eps=a["bn"])
    residual = generated(RESIDUAL, x.shape)
    if a["residual"] == "before":
        x = x + residual
    x = ACTIVATIONS[a["act"]](x, a)
    return x + residual if a["residual"] == "after" else x


# ---- conv_transpose

CONV = {"s": None, "p": None, "op": None, "d": None, "g": 1, "bias": True, "output_size": None, "dtype": "f32",
        "fill": "uniform", "pre": "none", **EPILOGUE}


def rounded_once(y, half):
    """What PyTorch makes of a convolution in f16 or bf16, if it rounds the exact sums `y` once; otherwise None.

    Where it has no kernel of its own, it adds up columns in the type. An epilogue would be rounded step by step."""
    return half if torch.equal(half, y.to(half.dtype)) else None


def conv_transpose(shape, oc, k, s=1, p=0, op=0, d=1, **more):
    rank = len(shape) - 2
    each = lambda v: tuple(v) if isinstance(v, (tuple, list)) else (v,) * rank
    a = {"oc": oc, "k": each(k), **CONV, "s": each(s), "p": each(p), "op": each(op), "d": each(d), **more}
    defaults = {**CONV, "s": each(1), "p": each(0), "op": each(0), "d": each(1)}
    x = generated(INPUT, shape, a["fill"])
    module = getattr(torch.nn, f"ConvTranspose{rank}d")(
        shape[1], oc, a["k"], a["s"], a["p"], a["op"], a["g"], a["bias"], a["d"])
    module.weight.data = generated(WEIGHTS, module.weight.shape)
    if a["bias"]:
        module.bias.data = generated(BIAS, (oc,))
    if a["pre"] != "none":
        x = ACTIVATIONS[a["pre"]](x, a)
    with torch.no_grad():
        y = module(x, output_size=a["output_size"])
        # Products are multiples of 2^-16 and their sums are below 2^8: f32 is exact, in whatever order it adds. A slope
        # before it breaks that.
        if a["pre"] != "leaky_relu":
            assert torch.equal(y.double(), module.double()(x.double(), output_size=a["output_size"]))
        if a["dtype"] != "f32":
            dtype = DTYPES[a["dtype"]]
            y = rounded_once(y, module.to(dtype)(x.to(dtype), output_size=a["output_size"]))
            if y is None:
                return None
        y = epilogue(y, a)
    emit(f"conv_transpose{rank}d", a, defaults, shape, y)
    return y


# ---- conv: interpolate (nearest), pad, conv and pixel_shuffle, one after the other

FUSED = {"p": None, "p_end": None, "d": None, "g": 1, "bias": True, "mode": "constant", "up": None, "shuffle": 1,
         "dtype": "f32", "fill": "uniform", "pre": "none", **EPILOGUE}


def conv(shape, oc, k, p=0, d=1, up=1, p_end=None, **more):
    """oc counts the channels before the pixel shuffle, which exists for 2-D alone."""
    rank = len(shape) - 2
    each = lambda v: tuple(v) if isinstance(v, (tuple, list)) else (v,) * rank
    a = {"oc": oc, "k": each(k), **FUSED, "p": each(p), "p_end": each(p if p_end is None else p_end), "d": each(d),
         "up": each(up), **more}
    defaults = {**FUSED, "p": each(0), "p_end": a["p"], "d": each(1), "up": each(1)}
    x = generated(INPUT, shape, a["fill"])
    weights = generated(WEIGHTS, (oc, shape[1] // a["g"], *a["k"]))
    bias = generated(BIAS, (oc,)) if a["bias"] else None
    if a["pre"] != "none":
        x = ACTIVATIONS[a["pre"]](x, a)

    def chain(x, weights, bias):
        if a["up"] != each(1):
            x = F.interpolate(x, scale_factor=a["up"], mode="nearest")
        pads = [value for pair in zip(reversed(a["p"]), reversed(a["p_end"])) for value in pair]
        x = F.pad(x, pads, a["mode"])
        y = getattr(F, f"conv{rank}d")(x, weights, bias, 1, 0, a["d"], a["g"])
        return F.pixel_shuffle(y, a["shuffle"]) if a["shuffle"] > 1 else y

    y = chain(x, weights, bias)
    if a["pre"] != "leaky_relu":  # exact as in conv_transpose
        assert torch.equal(y.double(), chain(x.double(), weights.double(), bias if bias is None else bias.double()))
    if a["dtype"] != "f32":
        dtype = DTYPES[a["dtype"]]
        y = rounded_once(y, chain(x.to(dtype), weights.to(dtype), bias if bias is None else bias.to(dtype)))
        if y is None:
            return
    emit(f"conv{rank}d", a, defaults, shape, epilogue(y, a))


# ---- interpolate

INTERPOLATE = {"size": None, "scale": None, "recompute": False, "align_corners": False, "antialias": False,
               "dtype": "f32", "fill": "uniform", **EPILOGUE}
ALIGNABLE = ("linear", "bilinear", "bicubic", "trilinear")


def nearest_shortcut(mode, shape, scale, recompute, output):
    """Whether torch 2.13 may leave its own formula: 2-D, 3-D `nearest` with a scale that is no ratio of the sizes."""
    return mode == "nearest" and len(shape) > 3 and scale and not recompute and any(
        o in (i, 2 * i) and o != i * s for i, o, s in zip(shape[2:], output.shape[2:], scale))


def interpolate(shape, mode, size=None, scale=None, **more):
    a = {"mode": mode, **INTERPOLATE, "size": size, "scale": tuple(map(float, scale)) if scale else None, **more}
    x = generated(INPUT, shape, a["fill"], a["dtype"])
    y = F.interpolate(x, size, scale, mode, a["align_corners"] if mode in ALIGNABLE else None,
                      a["recompute"] if scale else None, a["antialias"])
    if nearest_shortcut(mode, shape, scale, a["recompute"], y):
        return
    if a["recompute"] and torch.equal(y, F.interpolate(x, size, scale, mode, antialias=a["antialias"])):
        return  # says nothing more than the case without it
    if a["dtype"] in ("f16", "bf16"):
        single = F.interpolate(x.float(), size, scale, mode, a["align_corners"] if mode in ALIGNABLE else None)
        if ((y.float() - single).abs() > single.abs() * {"f16": 2**-10, "bf16": 2**-7}[a["dtype"]]).any():
            return  # PyTorch's own rounding of weights or of sums is larger than that of the result
    emit("interpolate", a, INTERPOLATE, shape, epilogue(y, a))


# ---- Pillow

FILTERS = {"nearest": PIL.Image.Resampling.NEAREST, "bilinear": PIL.Image.Resampling.BILINEAR,
           "bicubic": PIL.Image.Resampling.BICUBIC, "lanczos": PIL.Image.Resampling.LANCZOS}


def pillow_resize(shape, mode, size):
    pixels = generated(INPUT, shape, dtype="u8").numpy()[0]
    image = PIL.Image.fromarray(pixels[0] if shape[1] == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    assert image.mode == {1: "L", 3: "RGB"}[shape[1]]
    resized = np.asarray(image.resize(size[::-1], FILTERS[mode])).reshape(*size, shape[1])
    y = torch.from_numpy(resized.transpose(2, 0, 1)[None].copy())
    emit("pillow_resize", {"mode": mode, "size": size}, {}, shape, y)


# ---- Shuffles

def pixel_shuffle(shape, r, dtype, op="pixel_shuffle"):
    defaults = {"dtype": "f32"}
    y = getattr(F, op)(generated(INPUT, shape, "bits", dtype), r)
    emit(op, {"r": r, "dtype": dtype}, defaults, shape, y)


# ---- Pools

POOL = {"s": None, "p": None, "d": None, "ceil": False, "include_pad": True, "divisor": 0, "dtype": "f32",
        "fill": "uniform", "output_size": None}


def pool_attributes(rank, k, s, p, d, more):
    each = lambda v: tuple(v) if isinstance(v, (tuple, list)) else (v,) * rank
    a = {"k": each(k), **POOL, "s": each(s), "p": each(p), "d": each(d), **more}
    return a, {**POOL, "p": each(0), "d": each(1)}


def max_pool(shape, k, s, p=0, d=1, **more):
    a, defaults = pool_attributes(len(shape) - 2, k, s, p, d, more)
    x = generated(INPUT, shape, a["fill"], a["dtype"])
    y, indices = getattr(F, f"max_pool{len(shape) - 2}d")(
        x, a["k"], a["s"], a["p"], a["d"], ceil_mode=a["ceil"], return_indices=True)
    emit(f"max_pool{len(shape) - 2}d", a, defaults, shape, y, indices)


def max_unpool(shape, k, s, p=0, duplicates=False, **more):
    """Indices are distinct places of the output, or those that a pool of overlapping windows could yield."""
    rank = len(shape) - 2
    a, defaults = pool_attributes(rank, k, s, p, 1, more)
    size = a["output_size"] or [(i - 1) * s + k - 2 * p for i, k, s, p in zip(shape[2:], a["k"], a["s"], a["p"])]
    plane, count = int(np.prod(size)), int(np.prod(shape[2:]))
    rows = []
    for random in states(INDICES, shape[0] * shape[1] * plane).reshape(-1, plane).tolist():
        places = sorted(range(plane), key=lambda place: random[place])
        rows.append([places[i % (count // 2)] for i in range(count)] if duplicates else places[:count])
    indices = torch.tensor(rows, dtype=torch.int64).reshape(shape)
    x = generated(INPUT, shape, a["fill"])
    y = getattr(F, f"max_unpool{rank}d")(x, indices, a["k"], a["s"], a["p"], a["output_size"])
    emit(f"max_unpool{rank}d", a, defaults, shape, y, indices)


def avg_pool_of(x, a):
    rank = x.dim() - 2
    divisor = {} if rank == 1 else {"divisor_override": a["divisor"] or None}
    return getattr(F, f"avg_pool{rank}d")(x, a["k"], a["s"], a["p"], a["ceil"], a["include_pad"], **divisor)


def avg_pool(shape, k, s, p=0, **more):
    a, defaults = pool_attributes(len(shape) - 2, k, s, p, 1, more)
    y = avg_pool_of(generated(INPUT, shape, a["fill"], a["dtype"]), a)
    emit(f"avg_pool{len(shape) - 2}d", a, defaults, shape, y)


def avg_unpool(size, c, k, s, p=0, **more):
    """The gradient of an avg_pool of the full size `size`, with the gradient of its output as the input."""
    rank = len(size)
    a, defaults = pool_attributes(rank, k, s, p, 1, more)
    x = torch.zeros(1, c, *size, requires_grad=True)
    y = avg_pool_of(x, a)
    grad, = torch.autograd.grad(y, x, generated(INPUT, y.shape))
    natural = [(i - 1) * s + k - 2 * p for i, k, s, p in zip(y.shape[2:], a["k"], a["s"], a["p"])]
    a["ceil"] = False  # the size says it
    a["output_size"] = None if natural == list(size) else tuple(size)
    emit(f"avg_unpool{rank}d", a, defaults, y.shape, grad)


# ---- RAFT

def convex_upsample(shape, factor, scale=0.0, mask_scale=1.0, fill="uniform", mask_fill="uniform"):
    """upsample_flow of princeton-vl/RAFT, core/raft.py; a scale of 0 stands for the factor."""
    n, c, h, w = shape
    flow = generated(INPUT, shape, fill)
    mask = mask_scale * generated(MASK, (n, 9 * factor**2, h, w), mask_fill)
    mask = torch.softmax(mask.view(n, 1, 9, factor, factor, h, w), dim=2)
    y = F.unfold((scale or factor) * flow, [3, 3], padding=1).view(n, c, 9, 1, 1, h, w)
    y = torch.sum(mask * y, dim=2).permute(0, 1, 4, 2, 5, 3).reshape(n, c, factor * h, factor * w)
    emit("convex_upsample", {"factor": factor, "scale": scale, "mask_scale": mask_scale, "fill": fill,
                             "mask_fill": mask_fill},
         {"factor": 8, "scale": 0.0, "mask_scale": 1.0, "fill": "uniform", "mask_fill": "uniform"}, shape, y)
