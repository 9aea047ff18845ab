#!/usr/bin/env python3
"""Times ONNX models in ONNX Runtime: with its CPU provider alone, and with Polyphase's provider before it.

Usage: bench/peers/onnxruntime_provider.py [--claim auto] [--threads 1,2] [--seconds S] [--rows REGEX] [--models REGEX]

The models are whole networks with random weights, and rows of bench/workloads.tsv as networks of one layer. Both
sessions have the same settings and bound memory; samples alternate, A B B A, and the median ratio of neighbours counts.
Prints Markdown. Needs build/gcc-release with POLYPHASE_BUILD_ONNXRUNTIME, and what tools/fetch_onnxruntime.sh gets.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import pathlib
import re
import sys
import tempfile
import typing

import environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "gcc-release"
NAME = "PolyphaseExecutionProvider"

if __name__ == "__main__":
    environment.enter("onnxruntime/newest", "fetch_onnxruntime.sh")

import numpy  # noqa: E402
import onnxruntime  # noqa: E402

import measure  # noqa: E402
import onnx_model  # noqa: E402
import rows as table  # noqa: E402
from network import Network  # noqa: E402
from peer import Unsupported  # noqa: E402


# ---- Networks


class Builder(onnx_model.Graph):
    """A network of 2-D or 1-D layers with random weights; `x` is the tensor that the next layer reads."""

    def __init__(self, *shape: int):
        super().__init__()
        self.random = numpy.random.default_rng(0)
        self.x = self.input("x", self.random.standard_normal(shape, numpy.float32))
        self.shape = list(shape)

    def weights(self, *shape: int) -> str:
        scale = 1 / math.sqrt(max(1, math.prod(shape[1:])))
        return self.constant(scale * self.random.standard_normal(shape, numpy.float32))

    def then(self, op: str, *inputs: str, **attributes: typing.Any) -> str:
        self.x = self.node(op, self.x, *inputs, **attributes)
        return self.x

    def conv(self, outputs: int, kernel: int, activation: str | None = "Relu", dilation: int = 1,
             stride: int = 1) -> Builder:
        rank = len(self.shape) - 2
        self.then("Conv", self.weights(outputs, self.shape[1], *[kernel] * rank), self.weights(outputs),
                  kernel_shape=[kernel] * rank, pads=[dilation * (kernel - 1) // 2] * 2 * rank,
                  dilations=[dilation] * rank, strides=[stride] * rank)
        self.shape = [self.shape[0], outputs, *(-(-size // stride) for size in self.shape[2:])]
        return self.activate(activation)

    def up(self, outputs: int, kernel: int, stride: int, activation: str | None = None,
           batch_norm: bool = False) -> Builder:
        rank = len(self.shape) - 2
        pad = (kernel - stride) // 2
        self.then("ConvTranspose", self.weights(self.shape[1], outputs, *[kernel] * rank), self.weights(outputs),
                  kernel_shape=[kernel] * rank, strides=[stride] * rank,
                  pads=[pad] * rank + [kernel - stride - pad] * rank)
        self.shape = [self.shape[0], outputs, *(size * stride for size in self.shape[2:])]
        if batch_norm:
            one = numpy.ones(outputs)
            self.then("BatchNormalization", *(self.constant(value) for value in (one, 0 * one, 0 * one, one)))
        return self.activate(activation)

    def activate(self, activation: str | None) -> Builder:
        if activation == "PRelu":
            self.then("PRelu", self.constant(numpy.full((self.shape[1], 1, 1), 0.2)))
        elif activation == "LeakyRelu":
            self.then("LeakyRelu", alpha=0.1)
        elif activation:
            self.then(activation)
        return self

    def resize(self, scale: int, mode: str, transformation: str) -> Builder:
        extra = {"nearest_mode": "floor"} if mode == "nearest" else {}
        self.then("Resize", "", self.constant([1, 1, scale, scale]), mode=mode,
                  coordinate_transformation_mode=transformation, **extra)
        self.shape[2:] = [size * scale for size in self.shape[2:]]
        return self

    def shuffle(self, factor: int) -> Builder:
        self.then("DepthToSpace", blocksize=factor, mode="CRD")
        self.shape = [self.shape[0], self.shape[1] // factor**2, *(size * factor for size in self.shape[2:])]
        return self

    def concat(self, other: str, channels: int) -> Builder:
        self.x = self.node("Concat", other, self.x, axis=1)
        self.shape[1] += channels
        return self

    def done(self) -> Network:
        return self.network(self.x, tuple(self.shape))


def unet(bilinear: bool) -> Network:
    g = Builder(1, 3, 256, 256)
    skips = []
    for channels in (32, 64, 128, 256):
        g.conv(channels, 3).conv(channels, 3)
        skips.append((g.x, channels))
        g.then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        g.shape[2:] = [size // 2 for size in g.shape[2:]]
    g.conv(512, 3).conv(512, 3)
    for x, channels in reversed(skips):
        if bilinear:
            g.resize(2, "linear", "align_corners").conv(channels, 1, None)
        else:
            g.up(channels, 2, 2)
        g.concat(x, channels).conv(channels, 3).conv(channels, 3)
    return g.conv(2, 1, None).done()


def centernet() -> Network:
    g = Builder(1, 512, 16, 16)
    for _ in range(3):
        g.up(256, 4, 2, "Relu", batch_norm=True)
    trunk, shape, heads = g.x, list(g.shape), []
    for outputs in (80, 2, 2):
        g.x, g.shape = trunk, list(shape)
        g.conv(64, 3).conv(outputs, 1, None)
        heads.append(g.x)
    g.x = g.node("Concat", *heads, axis=1)
    g.shape[1] = 84
    return g.done()


def srvgg() -> Network:
    g = Builder(1, 3, 128, 128)
    picture = g.x
    g.conv(64, 3, "PRelu")
    for _ in range(16):
        g.conv(64, 3, "PRelu")
    g.conv(48, 3, None).shuffle(4)
    shuffled = g.x
    g.x = picture
    g.resize(4, "nearest", "asymmetric")
    g.x = g.node("Add", g.x, shuffled)
    g.shape = [1, 3, 512, 512]
    return g.done()


def espcn() -> Network:
    return Builder(1, 1, 360, 480).conv(64, 5, "Tanh").conv(32, 3, "Tanh").conv(9, 3, None).shuffle(3).done()


def fsrcnn() -> Network:
    g = Builder(1, 1, 240, 320).conv(56, 5, "PRelu").conv(12, 1, "PRelu")
    for _ in range(4):
        g.conv(12, 3, "PRelu")
    return g.conv(56, 1, "PRelu").up(1, 9, 3).done()


def dcgan() -> Network:
    g = Builder(16, 512, 4, 4)
    for channels in (256, 128, 64):
        g.up(channels, 4, 2, "Relu", batch_norm=True)
    return g.up(3, 4, 2, "Tanh").done()


def hifigan() -> Network:
    """Its second generator: four upsamplings, and after each a residual block of every kernel and dilation."""
    g = Builder(1, 80, 100).conv(256, 7, "LeakyRelu")
    for channels, kernel, stride in ((128, 16, 8), (64, 16, 8), (32, 4, 2), (16, 4, 2)):
        g.up(channels, kernel, stride)
        stem, blocks = g.x, []
        for block in (3, 7, 11):
            g.x = stem
            for dilation in (1, 3, 5):
                before = g.x
                g.activate("LeakyRelu").conv(channels, block, "LeakyRelu", dilation).conv(channels, block, None)
                g.x = g.node("Add", g.x, before)
            blocks.append(g.x)
        g.x = g.node("Sum", *blocks)
        g.activate("LeakyRelu")
    return g.conv(1, 7, "Tanh").done()


def fpn() -> Network:
    """The top-down path: nearest upsamplings that are added to the lateral maps, and a 3x3 convolution of each."""
    g = Builder(1, 256, 16, 16)
    maps = []
    for _ in range(3):
        g.resize(2, "nearest", "asymmetric")
        lateral = g.input(f"lateral{len(maps)}", g.random.standard_normal(g.shape, numpy.float32))
        top_down = g.x = g.node("Add", g.x, lateral)
        shape = list(g.shape)
        g.conv(256, 3, None)
        maps.append(g.x)
        g.x, g.shape = top_down, shape
    g.x = g.node("Concat", *(g.node("GlobalAveragePool", x) for x in maps), axis=1)
    g.shape = [1, 768, 1, 1]
    return g.done()


def autoencoder() -> Network:
    """A decoder as that of Stable Diffusion: nearest x2 and a 3x3 convolution, three times."""
    g = Builder(1, 4, 32, 32).conv(128, 3, "Relu")
    for channels in (128, 96, 64):
        g.resize(2, "nearest", "asymmetric").conv(channels, 3).conv(channels, 3)
    return g.conv(3, 3, None).done()


MODELS: dict[str, typing.Callable[[], Network]] = {
    "U-Net, 2x2 s2": lambda: unet(False),
    "U-Net, bilinear": lambda: unet(True),
    "CenterNet's decoder and heads": centernet,
    "SRVGG x4": srvgg,
    "ESPCN x3": espcn,
    "FSRCNN x3": fsrcnn,
    "DCGAN, batch of 16": dcgan,
    "HiFi-GAN": hifigan,
    "FPN": fpn,
    "autoencoder, nearest + 3x3": autoencoder,
}
# Of every op, layers that the networks above do not have, and some that they have.
ROWS = (r"^(unet\.up[23]|centernet\.resdcn\.up[12]|dcgan\.g3|simplebaseline\.d2|cyclegan\.up1|fcn8s\.upscore2|"
        r"fsrcnn\.x3|dbnet\.t1|unet\.bilinear\.up4|deeplabv3p\.(aspp|out)|segformer\.c2|da2\.vits\.(r1|path2|out)|"
        r"dpt\.large\.fuse1|segresnet\.up2|espcn\.x3(\.ps)?|srvgg\.x4\.ps|edsr\.l\.x4\.a|rcan\.x3|nafnet\.up1|"
        r"yolov5s-seg\.proto|biggan\.b5|realesrgan\.up1|hifigan\.v1\.u\d|encodec\.u\d|deconvnet\.unpool3|segnet\.up3|"
        r"vnet\.up128|nnunet3d\.t2)$")


# ---- Sessions


def session(model: bytes, threads: int, claim: str | None) -> tuple[onnxruntime.InferenceSession, int]:
    """Also how many layers the provider has; without `claim` there is only the CPU provider."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    if claim is None:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]), 0
    devices = [device for device in onnxruntime.get_ep_devices() if device.ep_name == NAME]
    options.add_provider_for_devices(devices, {"claim": claim, "threads": str(threads), "verbose": "1"})
    with tempfile.TemporaryFile("w+") as said:
        saved = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            made = onnxruntime.InferenceSession(model, options, enable_fallback=False)
        finally:
            os.dup2(saved, 2)
            os.close(saved)
        said.seek(0)
        return made, sum(line.startswith("polyphase,claimed,") for line in said)


@dataclasses.dataclass(frozen=True)
class Bound:
    """A session with its tensors' memory."""

    session: onnxruntime.InferenceSession
    output: numpy.ndarray
    binding: typing.Any
    run: measure.Run


def bind(made: onnxruntime.InferenceSession, network: Network) -> Bound:
    binding = made.io_binding()
    for tensor, value in network.inputs.items():
        binding.bind_ortvalue_input(tensor, onnxruntime.OrtValue.ortvalue_from_numpy(value))
    output = numpy.zeros(network.output_shape, numpy.float32)
    binding.bind_output("output", "cpu", 0, numpy.float32, output.shape, output.ctypes.data)
    return Bound(made, output, binding, lambda: made.run_with_iobinding(binding))


def compare(name: str, network: Network, threads: int, arguments: argparse.Namespace) -> float | None:
    """Prints a line; returns the ratio. None where nothing was claimed."""
    ours, layers = session(network.model, threads, arguments.claim)
    if layers == 0:
        print(f"| {name} | {threads} | 0 | | | |", flush=True)
        return None
    ours = bind(ours, network)
    theirs = bind(session(network.model, threads, None)[0], network)
    ours.run()
    theirs.run()
    wrong = measure.difference(ours.output, theirs.output)
    if wrong:
        sys.exit(f"{name}: {wrong}")
    ratio, mine, other = measure.side_by_side(ours.run, theirs.run, arguments.seconds)
    print(f"| {name} | {threads} | {layers} | {1e3 * other:.3g} | {1e3 * mine:.3g} | "
          f"{ratio.ratio:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) |", flush=True)
    return ratio.ratio


def networks_of_rows(pattern: str) -> typing.Iterator[tuple[str, Network]]:
    library = table.Library(BUILD / "bench" / "libpolyphase_rows.so")
    for row in table.read_table(ROOT / "bench" / "workloads.tsv"):
        if not re.search(pattern, row.id):
            continue
        with library.open(row, "nchw") as case:
            try:
                forms = onnx_model.networks(row, case.data())
            except Unsupported:
                continue
            # As a network's exporter writes it.
            wanted = "max unpool" if row.op == "max_unpool" else "depth to space" if row.op == "pixel_shuffle" else None
            form = forms.get(wanted) if wanted else next(iter(forms.values()))
            if form:
                network = form()
                inputs = {name: value.copy() for name, value in network.inputs.items()}  # outlive the case
                yield f"{row.op} `{row.id}`", dataclasses.replace(network, inputs=inputs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claim", default="auto", help="auto, all, or a list of ops (default: auto)")
    parser.add_argument("--threads", default="1,2", help="(default: 1,2)")
    parser.add_argument("--seconds", type=float, default=2, help="for each line (default: 2)")
    parser.add_argument("--models", default="", metavar="REGEX", help="which networks (default: all)")
    parser.add_argument("--rows", default=ROWS, metavar="REGEX",
                        help="which rows; '^$': none (default: some of each op)")
    parser.add_argument("--library", default=BUILD / "src/adapters/onnxruntime/libpolyphase_onnxruntime.so")
    arguments = parser.parse_args()
    measure.keep_freed_memory()
    onnxruntime.set_default_logger_severity(3)
    onnxruntime.register_execution_provider_library("polyphase", str(arguments.library))
    print(f"ONNX Runtime {onnxruntime.__version__}, claim = {arguments.claim}; ms are medians; ratio: alone / with us, "
          "with its 95 % interval\n")
    print("| model | threads | layers of ours | alone, ms | with us, ms | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    everything = [(name, make()) for name, make in MODELS.items() if re.search(arguments.models, name)]
    models = len(everything)
    everything += networks_of_rows(arguments.rows)
    for threads in map(int, arguments.threads.split(",")):
        ratios = [compare(name, network, threads, arguments) for name, network in everything]
        for what, part in (("networks", ratios[:models]), ("rows", ratios[models:])):
            claimed = [ratio for ratio in part if ratio is not None]
            if claimed:
                print(f"| **geometric mean of {len(claimed)} {what}** | {threads} | | | | "
                      f"**{measure.geometric_mean(claimed):.2f}** |")


if __name__ == "__main__":
    main()
