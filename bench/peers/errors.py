#!/usr/bin/env python3
"""Measures how far f32 outputs are from those computed in double: ours with each `numerics`, PyTorch's, and those of
sums that add one product after the other.

Usage: bench/peers/errors.py

Layers of real networks on smaller maps, with random inputs and weights around 0. The error is the Euclidean norm of the
difference divided by that of the outputs in double. Prints the table in tools/docs/site/concepts, of which
tools/docs/figures.py makes a chart. Needs build/gcc-release, and what tools/fetch_python.sh gets.
"""

from __future__ import annotations

import pathlib
import sys
import typing

import environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "build" / "gcc-release" / "python"

if __name__ == "__main__":
    environment.enter("python", "fetch_python.sh")
    sys.path.insert(0, str(PACKAGE))

import numpy as np  # noqa: E402
import polyphase_kernels as pph  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

NUMERICS = ("strict", "default", "fast")
Op = typing.Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Layer(typing.NamedTuple):
    name: str
    input: tuple[int, ...]  # without the batch
    weight: tuple[int, ...]
    theirs: Op
    ours: typing.Callable[..., pph.Layer]  # of weight and numerics
    channels_in: int  # the dimension of the weights


def transposed(name: str, c_in: int, c_out: int, size: tuple[int, ...], kernel: int, stride: int,
               padding: int) -> Layer:
    rank = len(size)
    theirs = getattr(F, f"conv_transpose{rank}d")
    ours = getattr(pph, f"ConvTranspose{rank}d")
    return Layer(name, (c_in, *size), (c_in, c_out, *[kernel] * rank),
                 lambda x, w: theirs(x, w, stride=stride, padding=padding),
                 lambda w, **options: ours(w, stride=stride, padding=padding, **options), 0)


LAYERS = [
    transposed("U-Net, 2x2 s2, 256 channels", 256, 128, (32, 32), 2, 2, 0),
    transposed("nnU-Net, 2x2x2 s2, 320 channels", 320, 256, (6, 6, 6), 2, 2, 0),
    Layer("EDSR, 3x3 and shuffle 2, 64 channels", (64, 32, 32), (256, 64, 3, 3),
          lambda x, w: F.pixel_shuffle(F.conv2d(x, w, padding=1), 2),
          lambda w, **options: pph.Conv2d(w, padding=1, shuffle=2, **options), 1),
    transposed("HiFi-GAN, 16 s8, 512 channels", 512, 256, (64,), 16, 8, 4),
    transposed("CenterNet, 4x4 s2, 256 channels", 256, 256, (16, 16), 4, 2, 1),
    Layer("autoencoder, nearest x2 and 3x3, 256 channels", (256, 16, 16), (256, 256, 3, 3),
          lambda x, w: F.conv2d(F.interpolate(x, scale_factor=2), w, padding=1),
          lambda w, **options: pph.Conv2d(w, padding=1, upsample=2, **options), 1),
]


def one_by_one(layer: Layer, x: torch.Tensor, w: torch.Tensor) -> tuple[torch.Tensor, int]:
    """The sums of products, each added alone, and the most products of an output."""
    total = torch.zeros_like(layer.theirs(x, w))
    for tap in np.ndindex(*w.shape[2:]):
        alone = torch.zeros_like(w)
        alone[(..., *tap)] = w[(..., *tap)]
        for channel in range(x.shape[1]):
            total += layer.theirs(x.narrow(1, channel, 1), alone.narrow(layer.channels_in, channel, 1))
    ones = layer.theirs(torch.ones_like(x[:, :1]), torch.ones_like(w.narrow(layer.channels_in, 0, 1)))
    return total, int(ones.max()) * x.shape[1]


def main() -> None:
    torch.set_num_threads(1)
    random = np.random.default_rng(1)
    print("| layer | products | one by one | PyTorch | " + " | ".join(f"`k{one.title()}`" for one in NUMERICS) + " |")
    print("| --- " * (4 + len(NUMERICS)) + "|")
    for layer in LAYERS:
        x = random.standard_normal((1, *layer.input), np.float32)
        w = random.standard_normal(layer.weight, np.float32)
        xt, wt = torch.from_numpy(x), torch.from_numpy(w)
        exact = layer.theirs(xt.double(), wt.double()).numpy()

        def error(found: np.ndarray) -> str:
            return f"{np.linalg.norm(found - exact) / np.linalg.norm(exact):.1e}".replace("e-0", "e-")

        naive, products = one_by_one(layer, xt, wt)
        errors = [error(naive.numpy()), error(layer.theirs(xt, wt).numpy())]
        for numerics in NUMERICS:
            ours = layer.ours(w, numerics=numerics, threads=1)
            errors.append(error(ours(x)))
            print(layer.name, numerics, ours.plan(x.shape).describe(), file=sys.stderr)
        print("| " + " | ".join([layer.name, str(products), *errors]) + " |", flush=True)


if __name__ == "__main__":
    main()
