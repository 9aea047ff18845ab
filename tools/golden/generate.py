#!/usr/bin/env python3
"""Writes tests/golden/pytorch.tsv: the cases, about two thousand small ones, with their answers (answers.py, which
describes a line), for pytorch_test.cc. The last line is "end" and the number of cases.

Run it with a Python that has torch 2.13 (CPU), numpy and Pillow 12, when a case is added or PyTorch's answers change:

    python3 -m venv /tmp/golden
    /tmp/golden/bin/pip install torch==2.13.0 numpy pillow==12.0.0   # the CPU build of torch
    /tmp/golden/bin/python tools/golden/generate.py

Pillow 13 runs the vertical pass first where the height shrinks much more than the width, and rounds differently there.

The output is a function of these two files and of those versions alone, so that `git diff` shows what changed.
"""

import itertools
import pathlib

from answers import (ALIGNABLE, FILTERS, VERSIONS, avg_pool, avg_unpool, conv, conv_transpose, convex_upsample,
                     interpolate, lines, max_pool, max_unpool, pillow_resize, pixel_shuffle, pool_attributes)
import numpy as np

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "pytorch.tsv"

# Every activation with its parameters; ReLU6 is hardtanh of 0 and 6.
ACTIVATION_CASES = [
    {"act": "relu"}, {"act": "leaky_relu"}, {"act": "leaky_relu", "slope": 0.2}, {"act": "leaky_relu", "slope": -1.5},
    {"act": "hardtanh"}, {"act": "hardtanh", "lower": -1.0, "upper": 1.0}, {"act": "prelu"}, {"act": "sigmoid"},
    {"act": "tanh"}, {"act": "silu"}, {"act": "gelu"}, {"act": "gelu_tanh"}, {"act": "hardswish"},
]


# (groups, input channels, output channels): tails, depthwise with and without a multiplier.
CHANNELS = [(1, 1, 1), (1, 3, 3), (1, 3, 1), (1, 1, 3), (1, 2, 3), (1, 17, 3), (1, 3, 17), (3, 3, 3), (3, 3, 6),
            (2, 4, 6), (17, 17, 17), (1, 17, 1), (1, 1, 17), (4, 4, 12), (1, 19, 2), (1, 15, 4), (2, 34, 2),
            (16, 16, 16), (2, 6, 34), (17, 17, 34)]


def windows(rank):
    """The layers to try; `size` of inputs where those of `conv_transpose_cases` are too small."""
    yield from [
        dict(k=1), dict(k=1, s=2), dict(k=1, s=3, op=2), dict(k=1, p=1, size=4),
        dict(k=2, s=2), dict(k=2, s=2, op=1), dict(k=2, s=1), dict(k=2, s=1, p=1, size=3),
        dict(k=3, s=1, p=1), dict(k=3, s=1, p=2, size=3), dict(k=3, s=2, p=1, op=1), dict(k=3, s=2, p=1),
        dict(k=3, s=2),
        dict(k=3, s=2, op=1), dict(k=3, s=3), dict(k=3, s=3, p=1, op=2), dict(k=3, s=1, p=3, size=5),
        dict(k=4, s=2, p=1), dict(k=4, s=2), dict(k=4, s=2, p=3, size=3), dict(k=4, s=4), dict(k=4, s=3, p=1),
        dict(k=5, s=2, p=2, op=1), dict(k=5, s=3, p=2), dict(k=5, s=1, p=2),
        # k < s: outputs without a tap; gcd(s, d) > 1: the same within the kernel.
        dict(k=2, s=4), dict(k=2, s=3, p=1), dict(k=2, s=4, op=3), dict(k=3, s=4, d=2), dict(k=3, s=2, d=2, p=1),
        dict(k=2, s=6, d=4), dict(k=2, s=2, d=2, op=1),
        dict(k=3, s=1, d=2, p=2), dict(k=3, s=1, d=3, op=2), dict(k=2, s=2, d=3, p=2), dict(k=3, s=3, d=2, p=1, op=1),
        dict(k=3, d=2, p=1), dict(k=2, s=1, d=5), dict(k=3, s=2, d=3, p=4, op=2),
    ]
    if rank == 1:
        yield from [dict(k=8, s=4, p=2), dict(k=16, s=8, p=4), dict(k=16, s=8, p=4, op=7), dict(k=64, s=2, p=1),
                    dict(k=7, s=2, p=3, op=1), dict(k=10, s=5, p=2), dict(k=4, s=1, p=4, size=7)]
    if rank == 2:
        yield from [
            dict(k=(3, 1), s=(2, 1), p=(1, 0)), dict(k=(1, 5), s=(1, 2), p=(0, 2)), dict(k=(2, 3), s=(3, 2), p=(0, 1)),
            dict(k=3, s=2, p=1, op=(1, 0)), dict(k=3, s=2, p=1, op=(0, 1)), dict(k=(4, 2), s=(2, 4), p=(1, 0)),
            dict(k=(2, 4), s=2, d=(3, 1), p=(1, 2)), dict(k=(1, 4), s=(4, 1), op=(3, 0)), dict(k=6, s=4, p=1),
            dict(k=8, s=4, p=2), dict(k=(3, 3), s=(1, 2), p=(0, 1)), dict(k=3, s=(4, 1), d=(2, 3), p=(0, 3)),
        ]
    if rank == 3:
        yield from [
            dict(k=(1, 3, 3), s=(1, 2, 2), p=(0, 1, 1)), dict(k=(3, 1, 1), s=(2, 1, 1), p=(1, 0, 0)),
            dict(k=(2, 1, 3), s=(3, 2, 1), p=(0, 0, 1)), dict(k=3, s=2, p=1, op=(1, 0, 0)),
            dict(k=3, s=2, p=1, op=(0, 0, 1)), dict(k=(2, 2, 1), s=(4, 2, 2), d=(1, 3, 1)),
            dict(k=(4, 4, 4), s=2, p=(1, 2, 1)), dict(k=1, s=2),
        ]


def conv_transpose_cases():
    shapes = {1: [(5,), (1,), (2,), (4,), (7,), (3,)],
              2: [(2, 3), (1, 1), (3, 2), (1, 4), (4, 1), (3, 3), (5, 1)],
              3: [(1, 2, 2), (1, 1, 1), (2, 1, 2), (1, 1, 3), (2, 2, 1), (3, 1, 1), (2, 2, 2)]}
    per_window = {1: 3, 2: 3, 3: 2}
    most_values = {1: 64, 2: 84, 3: 108}
    for rank in (1, 2, 3):
        turn = 0
        for window in windows(rank):
            left = per_window[rank]
            for _ in range(140):
                g, ic, oc = CHANNELS[turn * 7 % len(CHANNELS)]
                size = (window["size"],) * rank if "size" in window else shapes[rank][turn % len(shapes[rank])]
                n = 2 if turn % 5 == 4 else 1
                turn += 1
                each = lambda key, default: np.broadcast_to(window.get(key, default), rank).tolist()
                out = [(i - 1) * s + d * (k - 1) + 1 - 2 * p + op for i, k, s, p, op, d in zip(
                    size, each("k", 1), each("s", 1), each("p", 0), each("op", 0), each("d", 1))]
                if min(out) < 1 or n * oc * np.prod(out) > most_values[rank]:
                    continue
                attributes = {key: value for key, value in window.items() if key != "size"}
                conv_transpose((n, ic, *size), oc, **attributes, g=g, bias=turn % 3 != 0)
                left -= 1
                if left == 0:
                    break
            assert rank == 3 or left < per_window[rank], window
    # output_size replaces output_padding; smallest, largest, and one axis of each.
    conv_transpose((1, 2, 3), 2, 3, 2, 1, 1, output_size=(5,))
    conv_transpose((1, 2, 3), 2, 3, 2, 1, 0, output_size=(6,))
    conv_transpose((1, 1, 2), 3, 2, 4, 0, 3, output_size=(6,))
    conv_transpose((1, 1, 2), 3, 2, 4, 0, 0, output_size=(9,))
    conv_transpose((1, 3, 4), 1, 3, 1, 0, 0, 3, output_size=(10,))
    conv_transpose((1, 3, 2, 3), 2, 3, 2, 1, 1, output_size=(3, 6))
    conv_transpose((1, 3, 2, 3), 2, 3, 2, 1, 0, output_size=(4, 5))
    conv_transpose((1, 2, 2, 2), 2, (2, 5), 3, (0, 2), 0, output_size=(7, 5), bias=False)
    conv_transpose((1, 2, 1, 2, 2), 1, 3, 2, 1, 1, output_size=(1, 4, 3))
    conv_transpose((1, 2, 2, 1, 1), 2, 2, 2, 0, 0, output_size=(5, 2, 3))
    # More than one vector and block of output channels; no images.
    conv_transpose((1, 2, 1, 1), 64, 1)
    conv_transpose((1, 3, 1, 2), 35, 1, (1, 2))
    conv_transpose((1, 64, 1, 1), 3, 4, 2, 1)
    for shape in ((0, 3, 4), (0, 3, 2, 3), (0, 3, 1, 2, 2)):
        conv_transpose(shape, 2, 3, 2, 1)
    # Epilogues: the values of one tap reach from -16 to 16; a NaN stays one.
    for activation in ACTIVATION_CASES:
        conv_transpose((1, 3, 2, 4), 3, 1, g=3, fill="wide", **activation)
        conv_transpose((1, 2, 1, 3), 3, 2, 2, **activation)
    for activation in ACTIVATION_CASES[:3] + ACTIVATION_CASES[6:7]:
        conv_transpose((1, 2, 4), 17, 3, 2, 1, **activation)
        conv_transpose((1, 2, 1, 2, 2), 2, 2, 2, **activation)
    for residual in ("before", "after"):
        for activation in ({"act": "none"}, {"act": "relu"}, {"act": "silu"}, {"act": "prelu"}):
            conv_transpose((1, 3, 2, 2), 3, 3, 2, 1, **activation, residual=residual)
        conv_transpose((2, 3, 3), 17, 1, act="relu", residual=residual)
        conv_transpose((1, 2, 1, 2, 2), 2, 2, 1, act="hardtanh", residual=residual)
    for bn in (1e-5, 0.001, 1.0):
        conv_transpose((1, 2, 2, 2), 3, 3, 2, 1, bn=bn)
        conv_transpose((1, 2, 2, 2), 3, 2, 2, bn=bn, bias=False, act="relu")
    conv_transpose((1, 4, 2, 3), 4, 2, 2, g=4, bn=1e-5)
    conv_transpose((1, 3, 5), 17, 2, 1, bn=1e-5, act="leaky_relu")
    conv_transpose((1, 2, 1, 2, 2), 2, 2, 2, bn=1e-5, act="silu")
    conv_transpose((1, 3, 2, 2), 3, 2, 3, bn=1e-5, act="relu", residual="before")
    conv_transpose((1, 3, 2, 2), 3, 2, 3, bn=1e-5, act="sigmoid", residual="after")
    for pre in ({"pre": "relu"}, {"pre": "leaky_relu", "slope": 0.01}):
        conv_transpose((1, 17, 3), 2, 4, 2, 1, **pre)
        conv_transpose((1, 3, 2, 3), 3, 3, 2, 1, **pre)
        conv_transpose((1, 3, 2, 3), 3, 2, 2, g=3, **pre)
        conv_transpose((1, 2, 2, 1, 2), 2, 2, 2, **pre)


def conv_cases():
    # Plain.
    conv((1, 3, 2, 3), 3, 1)
    conv((1, 2, 3, 4), 3, 3, 1)
    conv((1, 1, 5, 5), 2, 3)
    conv((2, 2, 3, 2), 2, 5, 2)
    conv((1, 2, 3, 3), 2, 2, 0, p_end=1)
    conv((1, 2, 3, 3), 2, 4, (1, 2), p_end=(2, 1))
    conv((1, 2, 2, 5), 3, (1, 7), (0, 3), bias=False)
    conv((1, 1, 4, 4), 2, 3, 2, d=2)
    conv((1, 2, 5, 4), 1, 3, (2, 1), d=(3, 1))
    conv((1, 17, 1, 2), 17, 3, 1)
    conv((1, 4, 3, 3), 6, 3, 1, g=2)
    conv((1, 17, 2, 2), 17, 3, 1, g=17)
    conv((1, 3, 2, 3), 6, 3, 1, g=3)
    conv((1, 1, 2, 2), 1, 1, 3)
    conv((0, 3, 2, 2), 2, 3, 1)
    conv((1, 2, 7), 3, 3, 1)
    conv((1, 2, 6), 2, 4, 2, d=2)
    conv((1, 2, 2, 3, 2), 2, 3, 1)
    conv((1, 4, 2, 2, 3), 4, (1, 3, 2), (0, 1, 1), g=2)
    for mode in ("reflect", "replicate", "circular"):
        conv((1, 2, 3, 4), 3, 3, 1, mode=mode)
        conv((1, 2, 4, 3), 2, 5, 2, mode=mode)
        conv((1, 2, 3, 4), 2, 2, (2, 0), p_end=(1, 3), mode=mode)
        conv((1, 2, 5), 3, 5, 4, mode=mode)
        conv((1, 1, 2, 3, 3), 2, 3, 1, mode=mode)
    conv((1, 2, 1, 2), 2, 3, 4, mode="replicate")
    conv((1, 2, 3, 2), 2, 3, (3, 2), mode="circular")
    # Upsampled: paddings below, at and above the factor.
    for mode in ("constant", "reflect", "replicate", "circular"):
        conv((1, 3, 2, 3), 2, 3, 1, up=2, mode=mode)
        conv((1, 2, 2, 2), 2, 5, 2, up=2, mode=mode)
        conv((1, 2, 2, 2), 1, 7, 3, up=3, mode=mode)
        conv((1, 1, 1, 2), 1, 7, 3, up=4, mode=mode)
        conv((1, 2, 1, 1), 3, 3, 1, up=2, mode=mode)
        conv((1, 2, 2, 3), 2, 4, (1, 2), up=(3, 2), p_end=(2, 1), mode=mode)
        conv((1, 3, 2, 2), 3, 3, 1, up=(1, 2), g=3, mode=mode)
        conv((1, 1, 2, 2), 1, 3, 3, up=3, d=(2, 3), mode=mode)
        conv((1, 2, 4), 3, 5, 2, up=2, mode=mode)
        conv((1, 2, 3), 2, 3, 4, up=3, mode=mode)
        conv((1, 1, 2, 1, 2), 1, 3, 1, up=2, mode=mode)
        conv((1, 1, 1, 2, 2), 1, 3, 1, up=(3, 1, 2), mode=mode)
    for up in range(2, 9):
        conv((1, 2, 3), 1, 3, 1, up=up)
        conv((1, 2, 2), 1, up, up - 1, up=up, mode="reflect")
    conv((1, 2, 2, 2), 17, 2, 0, up=2, bias=False)
    # Pixel shuffle, and both.
    for shuffle, oc in ((2, 4), (2, 12), (3, 9), (4, 16), (4, 48), (8, 64)):
        conv((1, 2, 1, 2), oc, 3, 1, shuffle=shuffle)
    conv((1, 3, 2, 2), 8, 1, shuffle=2, bias=False)
    conv((1, 4, 2, 2), 8, 3, 1, shuffle=2, g=2)
    conv((1, 4, 2, 2), 12, 3, 1, shuffle=2, g=2)
    conv((1, 2, 2, 2), 8, 3, 1, shuffle=2, g=2, mode="reflect")
    conv((1, 17, 1, 2), 68, 1, shuffle=2)
    conv((1, 2, 2, 1), 4, 3, 1, up=2, shuffle=2)
    conv((1, 2, 2, 3), 4, 5, 2, up=(2, 1), shuffle=2, mode="reflect")
    # Epilogues of the shuffled and the upsampled output; prologues before them.
    for extra in (dict(up=2), dict(shuffle=2)):
        oc = 8 if "shuffle" in extra else 2
        for activation in ({"act": "relu"}, {"act": "prelu"}, {"act": "silu"}, {"act": "hardtanh", "upper": 1.0}):
            conv((1, 2, 1, 2), oc, 3, 1, **activation, **extra)
        for residual in ("before", "after"):
            conv((1, 2, 1, 2), oc, 3, 1, act="relu", residual=residual, **extra)
        conv((1, 2, 2, 1), oc, 3, 1, bn=1e-5, act="leaky_relu", **extra)
        conv((1, 2, 1, 2), oc, 3, 1, pre="relu", **extra)
        conv((1, 2, 2, 2), oc, 3, 1, pre="leaky_relu", mode="replicate", **extra)
    conv((1, 2, 1, 2), 48, 3, 1, shuffle=4, act="prelu", residual="after", bn=0.001)
    conv((1, 2, 3, 2), 3, 3, 1, act="gelu", residual="before", bn=1e-5)


def half_float_cases():
    """Convolutions in f16 and bf16, whose sums are exact in f32 and rounded once. (Of transposed convolutions in f16,
    PyTorch rounds every column that it adds up: only kernels that do not overlap and have no bias are answered.)"""
    for dtype in ("f16", "bf16"):
        for shape, oc, window in [
                ((1, 3, 2, 3), 17, dict(k=4, s=2, p=1)), ((1, 17, 3, 2), 3, dict(k=2, s=2)),
                ((2, 2, 2, 2), 5, dict(k=3, s=2, p=1, op=1)), ((1, 16, 2, 2), 4, dict(k=4, s=2, p=1)),
                ((1, 3, 2, 3), 3, dict(k=3, s=2, p=1, g=3)), ((1, 19, 3, 3), 2, dict(k=3, p=1, bias=False)),
                ((1, 4, 2, 2), 6, dict(k=3, s=2, g=2)), ((1, 2, 2, 3), 3, dict(k=3, s=3, d=2, p=1)),
                ((1, 3, 5), 2, dict(k=4, s=2, p=1)), ((1, 17, 3), 5, dict(k=8, s=4, p=2)),
                ((1, 17, 3, 2), 18, dict(k=2, s=2, bias=False)), ((1, 3, 2, 3), 3, dict(k=3, s=3, bias=False)),
                ((1, 16, 3), 17, dict(k=4, s=4, bias=False)), ((1, 3, 1, 2, 2), 2, dict(k=2, s=2, bias=False)),
                ((1, 2, 1, 2, 2), 3, dict(k=2, s=2)), ((1, 3, 2, 1, 2), 2, dict(k=3, s=2, p=1))]:
            conv_transpose(shape, oc, **window, dtype=dtype)
            conv_transpose(shape, oc, **window, dtype=dtype, pre="relu")
        for shape, oc, window in [
                ((1, 3, 2, 3), 17, dict(k=3, p=1)), ((1, 17, 3, 3), 18, dict(k=3, p=1)),
                ((1, 3, 3, 4), 2, dict(k=5, p=2)), ((2, 4, 2, 2), 6, dict(k=3, p=1, g=2)),
                ((1, 3, 2, 3), 3, dict(k=3, p=1, g=3)), ((1, 2, 3, 4), 3, dict(k=3, p=1, mode="reflect")),
                ((1, 3, 2, 3), 4, dict(k=3, p=1, up=2)), ((1, 2, 2, 2), 2, dict(k=5, p=2, up=2, mode="replicate")),
                ((1, 17, 2, 2), 8, dict(k=3, p=1, up=2)), ((1, 2, 2, 2), 12, dict(k=3, p=1, shuffle=2)),
                ((1, 17, 1, 2), 68, dict(k=1, shuffle=2)), ((1, 2, 7), 3, dict(k=3, p=1)),
                ((1, 2, 2, 3, 2), 2, dict(k=3, p=1))]:
            conv(shape, oc, **window, dtype=dtype)
            conv(shape, oc, **window, dtype=dtype, pre="relu")


SIZES_1D = [(1, 1), (1, 4), (4, 1), (5, 5), (3, 6), (6, 3), (3, 7), (7, 3), (2, 9), (9, 2), (8, 4), (4, 10), (10, 4),
            (5, 8), (2, 3), (3, 2), (16, 5), (6, 13)]
# sizes that stay, that f32 and exact arithmetic see differently, that truncate
SCALES_1D = [(3, 1.3), (3, 2.3), (4, 2.0), (6, 0.5), (5, 0.6), (5, 1.7), (3, 2.0001), (10, 0.35), (1, 3.5), (7, 0.2),
             (3, 5 / 3), (10, 1.3), (5, 1.4), (4, 1.0)]
SIZES_2D = [((1, 1), (1, 1)), ((1, 1), (3, 4)), ((3, 4), (1, 1)), ((3, 4), (3, 4)), ((2, 3), (4, 6)), ((4, 6), (2, 3)),
            ((3, 2), (5, 7)), ((5, 7), (3, 2)), ((2, 5), (5, 2)), ((4, 1), (3, 5)), ((1, 5), (4, 3)), ((3, 4), (3, 7)),
            ((4, 3), (7, 3)), ((8, 8), (2, 3)), ((2, 2), (1, 7))]
SCALES_2D = [((3, 3), (1.3, 1.3)), ((3, 2), (2.3, 1.7)), ((2, 3), (2.0, 2.0)), ((4, 6), (0.5, 0.5)),
             ((5, 5), (0.6, 1.4)),
             ((3, 4), (2.5, 0.75)), ((6, 7), (0.35, 0.3)), ((2, 1), (1.5, 3.5)), ((3, 3), (1.0, 2.0))]
SIZES_3D = [((1, 1, 1), (2, 2, 3)), ((2, 2, 3), (1, 1, 1)), ((2, 1, 2), (2, 3, 4)), ((2, 3, 2), (3, 2, 4)),
            ((1, 2, 2), (2, 4, 4)), ((3, 4, 4), (2, 2, 2)), ((2, 2, 2), (2, 2, 2))]
SCALES_3D = [((2, 2, 2), (1.3, 1.7, 2.3)), ((3, 2, 3), (0.7, 1.5, 1.4)), ((4, 4, 2), (0.5, 0.5, 2.0))]


def interpolate_cases():
    channels = itertools.cycle((1, 1, 2, 1, 1))

    def aligns(mode):
        return (False, True) if mode in ALIGNABLE else (False,)

    for mode in ("nearest", "nearest-exact", "linear", "area"):
        for (i, o), align in itertools.product(SIZES_1D, aligns(mode)):
            interpolate((1, next(channels), i), mode, (o,), align_corners=align)
        for (i, s), recompute in itertools.product(SCALES_1D, (False, True)):
            interpolate((1, next(channels), i), mode, None, (s,), recompute=recompute)
        for align in aligns(mode)[1:]:
            interpolate((1, 1, 5), mode, None, (1.7,), align_corners=align)
    # f32 coordinates decide which pixel these are.
    for mode, i, o in (("nearest", 2, 82), ("nearest", 6, 74), ("nearest-exact", 2, 41)):
        interpolate((1, 1, i), mode, (o,))

    planar = [("nearest", {}), ("nearest-exact", {}), ("bilinear", {}), ("bicubic", {}), ("area", {}),
              ("bilinear", {"antialias": True}), ("bicubic", {"antialias": True}), ("lanczos", {"antialias": True})]
    for mode, more in planar:
        for (i, o), align in itertools.product(SIZES_2D, aligns(mode)):
            interpolate((1, next(channels) if np.prod(o) < 20 else 1, *i), mode, o, align_corners=align, **more)
        for (i, s), recompute in itertools.product(SCALES_2D, (False, True)):
            interpolate((1, 1, *i), mode, None, s, recompute=recompute, **more)
        for align in aligns(mode)[1:]:
            interpolate((1, 1, 3, 2), mode, None, (2.3, 1.7), align_corners=align, **more)
        interpolate((1, 17, 2, 1), mode, (3, 2), **more)
        interpolate((2, 3, 1, 2), mode, (2, 3), **more)
        interpolate((0, 3, 2, 3), mode, (4, 6), **more)

    for mode in ("nearest", "nearest-exact", "trilinear", "area"):
        for (i, o), align in itertools.product(SIZES_3D, aligns(mode)):
            interpolate((1, next(channels) if np.prod(o) < 20 else 1, *i), mode, o, align_corners=align)
        for (i, s), align in itertools.product(SCALES_3D, aligns(mode)):
            interpolate((1, 1, *i), mode, None, s, align_corners=align)
        interpolate((1, 17, 1, 2, 1), mode, (2, 1, 2))
        interpolate((0, 3, 1, 2, 2), mode, (2, 3, 4))

    # u8. Fixed-point arithmetic: all of these are bit exact.
    u8_sizes = [((1, 1), (3, 4)), ((3, 4), (1, 1)), ((5, 5), (5, 5)), ((4, 6), (8, 12)), ((8, 12), (4, 6)),
                ((5, 7), (9, 4)),
                ((9, 4), (5, 11)), ((4, 5), (4, 9)), ((4, 5), (7, 5)), ((11, 13), (3, 2)), ((2, 3), (13, 9))]
    u8_channels = itertools.cycle((1, 3, 2, 4, 1, 5))
    for mode, more in planar[2:4] + planar[5:]:
        for (i, o), align in itertools.product(u8_sizes, aligns(mode)):
            c = next(u8_channels)
            if c == 3 and o == (1, 1):
                c = 2  # torch 2.13 fails an assertion of its own there
            interpolate((1, c, *i), mode, o, align_corners=align, dtype="u8", **more)
        for i, s in (((5, 6), (1.7, 0.6)), ((4, 3), (2.5, 2.5)), ((7, 9), (0.5, 0.4)), ((3, 3), (1.3, 2.3)),
                     ((3, 3), (2.3, 1.3))):
            for recompute in (False, True):
                interpolate((2, 1, *i), mode, None, s, recompute=recompute, dtype="u8", **more)
        interpolate((1, 17, 3, 2), mode, (4, 3), dtype="u8", **more)
    for mode in ("nearest", "nearest-exact"):
        for i, o in u8_sizes:
            interpolate((1, 3, *i), mode, o, dtype="u8")

    # Sixteen bits: computed in f32 and rounded once.
    for dtype in ("f16", "bf16"):
        for i, o in (((3, 4), (6, 8)), ((5, 4), (3, 6)), ((1, 3), (2, 5))):
            for mode in ("nearest", "nearest-exact", "bilinear", "bicubic"):
                interpolate((1, 1, *i), mode, o, dtype=dtype)
            interpolate((1, 1, *i), "bilinear", o, align_corners=True, dtype=dtype)
        interpolate((1, 3, 4), "linear", (7,), dtype=dtype)
        interpolate((1, 1, 2, 2, 2), "trilinear", (3, 3, 3), dtype=dtype)

    for activation in ACTIVATION_CASES:
        interpolate((1, 3, 2, 3), "nearest", (2, 6), fill="wide", **activation)
        interpolate((1, 2, 2, 2), "bilinear", (3, 4), fill="wide", **activation)
        interpolate((1, 3, 6), "nearest", (6,), fill="nan", **activation)
    interpolate((1, 17, 3), "linear", (4,), act="prelu")
    interpolate((1, 2, 2, 1, 2), "trilinear", (2, 2, 3), act="relu")
    interpolate((1, 2, 3, 3), "bicubic", (4, 5), act="hardtanh", lower=-0.5, upper=0.5)
    interpolate((1, 2, 3, 3), "bicubic", (2, 2), antialias=True, act="silu")
    interpolate((1, 2, 4, 4), "area", (2, 3), act="gelu")
    for residual in ("before", "after"):
        interpolate((1, 3, 2, 2), "bilinear", (4, 4), act="relu", residual=residual)
        interpolate((1, 3, 2, 2), "nearest", (4, 4), residual=residual)
    interpolate((1, 3, 2, 2), "bilinear", (3, 4), bn=1e-5, act="relu")


def pillow_cases():
    sizes = [((1, 1), (3, 4)), ((3, 4), (1, 1)), ((5, 5), (5, 5)), ((4, 6), (8, 12)), ((8, 12), (4, 6)),
             ((5, 7), (9, 4)),
             ((9, 4), (5, 11)), ((4, 5), (4, 9)), ((4, 5), (7, 5)), ((13, 11), (2, 3)), ((2, 3), (9, 13)),
             ((7, 16), (3, 5))]
    for mode, (i, o), c in itertools.product(FILTERS, sizes, (1, 3)):
        if c == 1 or np.prod(o) <= 60:
            pillow_resize((1, c, *i), mode, o)


def shuffle_cases():
    for r, c, h, w, n in ((1, 3, 2, 2, 1), (2, 4, 1, 1, 1), (2, 4, 2, 3, 1), (2, 12, 3, 1, 1), (2, 8, 1, 2, 2),
                          (2, 68, 1, 1, 1),
                          (3, 9, 1, 2, 1), (3, 18, 2, 1, 1), (3, 9, 3, 2, 1), (4, 16, 1, 2, 1), (4, 48, 1, 1, 1),
                          (5, 25, 1, 2, 1), (2, 4, 2, 2, 0)):
        for dtype in ("f32", "u8"):
            pixel_shuffle((n, c, h, w), r, dtype)
            if n:  # of no images, PyTorch returns the input's shape
                pixel_shuffle((n, c // r**2, h * r, w * r), r, dtype, "pixel_unshuffle")


def pool_cases():
    # 1-D: in, k, s, p, d, ceil
    rows = [(8, 2, 2, 0, 1, False), (7, 2, 2, 0, 1, True), (7, 3, 2, 1, 1, False), (7, 2, 3, 0, 1, True),
            (9, 3, 3, 1, 1, True), (10, 3, 2, 1, 2, False), (10, 2, 4, 1, 3, True), (5, 5, 1, 2, 1, False),
            (1, 1, 1, 0, 1, False), (6, 3, 1, 1, 1, False), (5, 2, 3, 1, 1, True), (4, 4, 4, 2, 1, True)]
    fills = ("uniform", "ties", "special")
    for turn, (i, k, s, p, d, ceil) in enumerate(rows):
        for fill in fills[:2] if turn % 2 else fills[1:]:
            max_pool((1, 1 + turn % 3, i), k, s, p, d, ceil=ceil, fill=fill)
    planes = [((4, 6), 2, 2, 0, 1, False), ((5, 7), 2, 2, 0, 1, True), ((5, 6), 3, 2, 1, 1, False),
              ((5, 5), 3, 2, 1, 1, True),
              ((7, 7), 2, 3, 0, 1, True), ((6, 7), 3, 1, 1, 2, False), ((3, 3), 3, 3, 0, 1, False),
              ((6, 5), (3, 2), (2, 1), (1, 0), 1, False), ((5, 8), (1, 4), (1, 2), (0, 2), 1, True),
              ((7, 8), (2, 3), 2, (1, 0), (3, 2), True), ((1, 1), 1, 1, 0, 1, False), ((2, 2), 2, 2, 1, 1, False)]
    for turn, (i, k, s, p, d, ceil) in enumerate(planes):
        for fill in fills:
            max_pool((1, 1 + turn % 3, *i), k, s, p, d, ceil=ceil, fill=fill)
    max_pool((1, 17, 3, 4), 2, 2, ceil=True)
    max_pool((2, 3, 4, 4), 2, 2, fill="ties")
    max_pool((1, 2, 4, 5), 3, 2, 1, fill="neginf")
    max_pool((0, 2, 4, 4), 2, 2)
    volumes = [((2, 4, 4), 2, 2, 0, 1, False), ((3, 3, 4), 2, 2, 0, 1, True), ((4, 3, 5), 3, 2, 1, 1, False),
               ((3, 4, 5), (1, 2, 3), (1, 2, 2), (0, 1, 1), 1, True), ((4, 5, 3), 2, 1, 0, (2, 3, 1), False),
               ((5, 3, 3), (3, 1, 2), 2, (1, 0, 1), 1, True)]
    for i, k, s, p, d, ceil in volumes:
        for fill in fills:
            max_pool((1, 1, *i), k, s, p, d, ceil=ceil, fill=fill)
    for dtype in ("f16", "bf16"):
        max_pool((1, 3, 5, 6), 3, 2, 1, dtype=dtype)
        max_pool((1, 1, 6, 5), 2, 2, ceil=True, fill="special", dtype=dtype)
        max_pool((1, 2, 9), 3, 2, 1, fill="ties", dtype=dtype)

    for i, k, s, p in ((4, 2, 2, 0), (3, 3, 2, 1), (3, 3, 3, 0), (4, 3, 1, 0), (2, 2, 4, 0), (1, 5, 1, 1)):
        default = (i - 1) * s + k - 2 * p
        for size in (None, default - s + 1, default + s - 1):
            if size is None or size > 0 and size != default:
                max_unpool((1, 2, i), k, s, p, output_size=size and (size,))
    for i, k, s, p in (((2, 3), 2, 2, 0), ((2, 2), 3, 2, 1), ((2, 2), 3, 3, 0), ((3, 2), (2, 3), (1, 2), (0, 1)),
                       ((1, 1), 2, 2, 0), ((2, 1), (2, 4), (3, 2), (0, 1))):
        a, _ = pool_attributes(2, k, s, p, 1, {})
        default = [(i - 1) * s + k - 2 * p for i, k, s, p in zip(i, a["k"], a["s"], a["p"])]
        low = tuple(d - s + 1 for d, s in zip(default, a["s"]))
        high = tuple(d + s - 1 for d, s in zip(default, a["s"]))
        for size in (None, low, high, (low[0], high[1]), (high[0], default[1])):
            if size is None or np.prod(size) >= np.prod(i):
                max_unpool((1, 1 if size else 2, *i), k, s, p, output_size=size)
    max_unpool((1, 17, 1, 2), 2, 2)
    max_unpool((2, 3, 2, 1), 2, 2)
    max_unpool((0, 3, 2, 2), 2, 2)
    max_unpool((1, 2, 2, 3), 2, 2, fill="bits")
    for shape in ((1, 2, 6), (1, 2, 2, 3), (1, 1, 2, 2, 2)):
        max_unpool(shape, 2, 2, duplicates=True)
    for size in (None, (3, 3, 3), (5, 5, 5), (4, 3, 5)):
        max_unpool((1, 1, 2, 2, 2), 2, 2, output_size=size)
    max_unpool((1, 2, 1, 2, 2), (1, 2, 3), (1, 2, 2), (0, 0, 1))
    max_unpool((1, 1, 1, 3, 2), (2, 1, 2), (2, 1, 3), output_size=(2, 3, 6))

    for turn, (i, k, s, p, d, ceil) in enumerate(rows):
        if d == 1:
            avg_pool((1, 1 + turn % 3, i), k, s, p, ceil=ceil, include_pad=True)
            if p:
                avg_pool((1, 1 + turn % 3, i), k, s, p, ceil=ceil, include_pad=False)
    for turn, (i, k, s, p, d, ceil) in enumerate(planes):
        if d == 1:
            for include_pad in (True, False) if p else (True,):
                avg_pool((1, 1 + turn % 3, *i), k, s, p, ceil=ceil, include_pad=include_pad)
            avg_pool((1, 1, *i), k, s, p, ceil=ceil, include_pad=turn % 2 == 0, divisor=3 + turn)
    for i, k, s, p, d, ceil in volumes:
        if d == 1:
            for include_pad in (True, False) if p else (True,):
                avg_pool((1, 2, *i), k, s, p, ceil=ceil, include_pad=include_pad)
            avg_pool((1, 1, *i), k, s, p, ceil=ceil, divisor=7)
    avg_pool((1, 17, 3, 4), 2, 2, ceil=True)
    avg_pool((2, 3, 4, 4), 3, 2, 1)
    avg_pool((0, 2, 4, 4), 2, 2)
    for dtype in ("f16", "bf16"):
        avg_pool((1, 2, 5, 6), 3, 2, 1, include_pad=False, dtype=dtype)
        avg_pool((1, 2, 6, 5), 2, 2, ceil=True, dtype=dtype)

    for size, k, s, p in ((8, 2, 2, 0), (7, 3, 2, 1), (6, 3, 1, 1), (7, 2, 3, 0), (9, 4, 2, 2), (1, 1, 1, 0)):
        for ceil, include_pad in ((False, True), (True, True), (True, False)):
            avg_unpool((size,), 2, k, s, p, ceil=ceil, include_pad=include_pad)
    for size, k, s, p in (((4, 6), 2, 2, 0), ((5, 5), 3, 2, 1), ((4, 4), 3, 1, 1), ((5, 6), (2, 3), (2, 3), 0),
                          ((6, 5), (3, 4), (2, 1), (1, 2)), ((6, 6), 2, 3, 0)):
        for ceil, include_pad, divisor in ((False, True, 0), (True, True, 0), (True, False, 0), (False, True, 5)):
            avg_unpool(size, 1, k, s, p, ceil=ceil, include_pad=include_pad, divisor=divisor)
    avg_unpool((2, 3), 17, 2, 1)
    for size, k, s, p in (((2, 4, 4), 2, 2, 0), ((3, 3, 4), (3, 2, 3), (2, 1, 2), (1, 0, 1)), ((3, 3, 3), 2, 2, 1)):
        for ceil, include_pad, divisor in ((False, True, 0), (True, False, 0), (False, True, 11)):
            avg_unpool(size, 1, k, s, p, ceil=ceil, include_pad=include_pad, divisor=divisor)


def convex_cases():
    for shape, factor in (((1, 2, 1, 1), 8), ((1, 2, 2, 3), 8), ((2, 2, 3, 2), 4), ((1, 1, 1, 4), 4), ((1, 3, 3, 1), 2),
                          ((1, 2, 2, 19), 2), ((1, 2, 3, 5), 3), ((1, 17, 2, 2), 2), ((2, 2, 4, 17), 1),
                          ((1, 2, 1, 2), 5), ((1, 2, 3, 3), 4)):
        for mask_fill in ("uniform", "wide"):
            convex_upsample(shape, factor, mask_fill=mask_fill)
    for mask_scale, scale in ((0.25, 0.0), (-1.0, 1.0), (0.7, 20.0)):
        convex_upsample((1, 2, 3, 4), 4, scale, mask_scale, mask_fill="wide")
        convex_upsample((1, 1, 2, 18), 2, scale, mask_scale)
    # Masks that are NaN or -infinity, and inputs that are.
    for factor in (1, 2, 4):
        convex_upsample((1, 2, 2, 5), factor, mask_fill="special")
        convex_upsample((1, 2, 2, 3), factor, mask_fill="neginf")
        convex_upsample((1, 1, 3, 6), factor, fill="nan")
        convex_upsample((1, 1, 2, 5), factor, fill="special", mask_fill="special")


def main():
    conv_transpose_cases()
    interpolate_cases()
    pillow_cases()
    shuffle_cases()
    pool_cases()
    conv_cases()
    half_float_cases()
    convex_cases()
    head = f"# Answers of {VERSIONS}; written by tools/golden/generate.py, which tells the format."
    OUTPUT.write_text("\n".join([head, *lines, f"end\t{len(lines)}", ""]))
    for op in dict.fromkeys(line.split("\t")[0] for line in lines):
        print(f"{sum(line.startswith(op + chr(9)) for line in lines):5} {op}")
    print(f"{len(lines):5} cases, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
