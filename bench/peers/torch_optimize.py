#!/usr/bin/env python3
"""Times PyTorch models as they are and as polyphase_kernels.torch.optimize() returns them.

Usage: bench/peers/torch_optimize.py [--threads 1,2] [--seconds S] [--models REGEX] [--channels-last]

The models are whole networks with random weights, in inference mode. Samples alternate, A B B A, and the median ratio
of neighbours counts. Prints Markdown. Needs build/gcc-release, and what tools/fetch_python.sh gets.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys
import typing

import environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "build" / "gcc-release" / "python"

if __name__ == "__main__":
    environment.enter("python", "fetch_python.sh")
    sys.path.insert(0, str(PACKAGE))

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import measure  # noqa: E402
from polyphase_kernels import torch as polyphase  # noqa: E402


# ---- Networks


def conv(c_in: int, c_out: int, kernel: int = 3, activation: nn.Module | None = None, norm: bool = False) -> nn.Module:
    layers = [nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=not norm)]
    layers += [nn.BatchNorm2d(c_out)] if norm else []
    return nn.Sequential(*layers, *([activation] if activation else []))


def up(c_in: int, c_out: int, activation: nn.Module | None = None) -> nn.Module:
    layers = [nn.ConvTranspose2d(c_in, c_out, 4, 2, 1, bias=activation is None)]
    return nn.Sequential(*layers, *([nn.BatchNorm2d(c_out), activation] if activation else []))


class UNet(nn.Module):
    CHANNELS = (32, 64, 128, 256, 512)

    def __init__(self, bilinear: bool):
        super().__init__()
        self.down, self.up, self.joined = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        before = 3
        for channels in self.CHANNELS:
            self.down.append(self.double(before, channels))
            before = channels
        for channels in reversed(self.CHANNELS[:-1]):
            self.up.append(nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
                                         nn.Conv2d(before, channels, 1)) if bilinear else
                           nn.ConvTranspose2d(before, channels, 2, 2))
            self.joined.append(self.double(2 * channels, channels))
            before = channels
        self.last = nn.Conv2d(before, 2, 1)

    @staticmethod
    def double(c_in: int, c_out: int) -> nn.Module:
        return nn.Sequential(*conv(c_in, c_out, 3, nn.ReLU(), True), *conv(c_out, c_out, 3, nn.ReLU(), True))

    def forward(self, x):
        skips = []
        for index, layer in enumerate(self.down):
            x = layer(F.max_pool2d(x, 2) if index else x)
            skips.append(x)
        for upsampling, layer, skip in zip(self.up, self.joined, reversed(skips[:-1])):
            x = layer(torch.cat([skip, upsampling(x)], 1))
        return self.last(x)


class CenterNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.deconv = nn.Sequential(*up(512, 256, nn.ReLU()), *up(256, 256, nn.ReLU()), *up(256, 256, nn.ReLU()))
        self.heads = nn.ModuleList(nn.Sequential(*conv(256, 64, 3, nn.ReLU()), nn.Conv2d(64, outputs, 1))
                                   for outputs in (80, 2, 2))

    def forward(self, x):
        x = self.deconv(x)
        return torch.cat([head(x) for head in self.heads], 1)


class SRVGG(nn.Module):
    def __init__(self):
        super().__init__()
        layers = list(conv(3, 64, 3, nn.PReLU(64)))
        for _ in range(16):
            layers += conv(64, 64, 3, nn.PReLU(64))
        self.body = nn.Sequential(*layers, nn.Conv2d(64, 48, 3, padding=1), nn.PixelShuffle(4))

    def forward(self, x):
        return self.body(x) + F.interpolate(x, scale_factor=4, mode="nearest")


def espcn() -> nn.Module:
    return nn.Sequential(*conv(1, 64, 5, nn.Tanh()), *conv(64, 32, 3, nn.Tanh()), *conv(32, 9, 3), nn.PixelShuffle(3))


def fsrcnn() -> nn.Module:
    layers = [*conv(1, 56, 5, nn.PReLU(56)), *conv(56, 12, 1, nn.PReLU(12))]
    for _ in range(4):
        layers += conv(12, 12, 3, nn.PReLU(12))
    return nn.Sequential(*layers, *conv(12, 56, 1, nn.PReLU(56)), nn.ConvTranspose2d(56, 1, 9, 3, 3))


def dcgan() -> nn.Module:
    return nn.Sequential(*up(512, 256, nn.ReLU()), *up(256, 128, nn.ReLU()), *up(128, 64, nn.ReLU()), *up(64, 3),
                         nn.Tanh())


class HiFiGAN(nn.Module):
    """Its second generator: four upsamplings, and after each a residual block of every kernel and dilation."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv1d(80, 256, 7, padding=3), nn.Conv1d(16, 1, 7, padding=3)
        self.ups, self.blocks = nn.ModuleList(), nn.ModuleList()
        before = 256
        for channels, kernel, stride in ((128, 16, 8), (64, 16, 8), (32, 4, 2), (16, 4, 2)):
            self.ups.append(nn.ConvTranspose1d(before, channels, kernel, stride, (kernel - stride) // 2))
            self.blocks.append(nn.ModuleList(nn.ModuleList(nn.Sequential(
                nn.LeakyReLU(0.1), nn.Conv1d(channels, channels, k, dilation=d, padding=d * (k - 1) // 2),
                nn.LeakyReLU(0.1), nn.Conv1d(channels, channels, k, padding=(k - 1) // 2)) for d in (1, 3, 5))
                for k in (3, 7, 11)))
            before = channels

    def forward(self, x):
        x = self.first(x)
        for upsampling, blocks in zip(self.ups, self.blocks):
            stem = upsampling(F.leaky_relu(x, 0.1))
            total = 0
            for block in blocks:
                x = stem
                for layer in block:
                    x = x + layer(x)
                total = total + x
            x = total
        return torch.tanh(self.last(F.leaky_relu(x)))


class FPN(nn.Module):
    def __init__(self):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(channels, 256, 1) for channels in (512, 256, 128))
        self.output = nn.ModuleList(nn.Conv2d(256, 256, 3, padding=1) for _ in range(3))

    def forward(self, x):
        maps = [lateral(F.interpolate(x[:, :channels], scale_factor=scale, mode="nearest")) for lateral, channels, scale
                in zip(self.lateral, (512, 256, 128), (1, 2, 4))]
        for i in (1, 2):
            maps[i] = maps[i] + F.interpolate(maps[i - 1], scale_factor=2, mode="nearest")
        return torch.cat([output(x).mean((2, 3)) for output, x in zip(self.output, maps)], 1)


def autoencoder() -> nn.Module:
    layers, before = [*conv(4, 128, 3, nn.SiLU())], 128
    for channels in (128, 96, 64):
        layers += [nn.Upsample(scale_factor=2), *conv(before, channels, 3, nn.SiLU()),
                   *conv(channels, channels, 3, nn.SiLU())]
        before = channels
    return nn.Sequential(*layers, *conv(before, 3))


MODELS: dict[str, tuple[typing.Callable[[], nn.Module], tuple[int, ...]]] = {
    "U-Net, 2x2 s2": (lambda: UNet(False), (1, 3, 256, 256)),
    "U-Net, bilinear": (lambda: UNet(True), (1, 3, 256, 256)),
    "CenterNet's decoder and heads": (CenterNet, (1, 512, 16, 16)),
    "SRVGG x4": (SRVGG, (1, 3, 128, 128)),
    "ESPCN x3": (espcn, (1, 1, 360, 480)),
    "FSRCNN x3": (fsrcnn, (1, 1, 240, 320)),
    "DCGAN, batch of 16": (dcgan, (16, 512, 4, 4)),
    "HiFi-GAN": (HiFiGAN, (1, 80, 100)),
    "FPN": (FPN, (1, 512, 16, 16)),
    "autoencoder, nearest + 3x3": (autoencoder, (1, 4, 32, 32)),
}


# ---- Comparison


def compare(name: str, threads: int, arguments: argparse.Namespace) -> float:
    """Prints a line; returns the ratio."""
    make, shape = MODELS[name]
    torch.manual_seed(0)
    model, x = make().eval(), torch.randn(shape)
    if arguments.channels_last and x.dim() == 4:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    fast = polyphase.optimize(model)
    runs: list[measure.Run] = [lambda: fast(x), lambda: model(x)]
    wrong = measure.difference(*(run().numpy() for run in runs))
    if wrong:
        sys.exit(f"{name}: {wrong}")
    ratio, mine, other = measure.side_by_side(*runs, arguments.seconds)
    print(f"| {name} | {threads} | {1e3 * other:.3g} | {1e3 * mine:.3g} | "
          f"{ratio.ratio:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) |", flush=True)
    return ratio.ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", default="1,2", help="(default: 1,2)")
    parser.add_argument("--seconds", type=float, default=2, help="for each line (default: 2)")
    parser.add_argument("--models", default="", metavar="REGEX", help="which networks (default: all)")
    parser.add_argument("--channels-last", action="store_true", help="model and input are channels_last")
    arguments = parser.parse_args()
    measure.keep_freed_memory()
    print(f"PyTorch {torch.__version__}{', channels_last' if arguments.channels_last else ''}; ms are medians; ratio: "
          "PyTorch alone / with us, with its 95 % interval\n")
    print("| model | threads | alone, ms | with us, ms | ratio |")
    print("| --- | --- | --- | --- | --- |")
    with torch.inference_mode():
        for threads in map(int, arguments.threads.split(",")):
            torch.set_num_threads(threads)
            ratios = [compare(name, threads, arguments) for name in MODELS if re.search(arguments.models, name)]
            if ratios:
                print(f"| **geometric mean** | {threads} | | | "
                      f"**{measure.geometric_mean(ratios):.2f}** |")


if __name__ == "__main__":
    main()
