#!/usr/bin/env python3
"""Holds `polyphase upscale --model` against ncnn, on the same weights and the same picture: the difference of the two
results as PSNR, and the time of both with the same threads.

Usage: bench/peers/ncnn_networks.py [--photo FILE] [--tile N] [--rounds N] [--threads 1,2] [--tool FILE]

Gets the models with tools/fetch_models.sh and makes a virtual environment with PyPI's ncnn, NumPy and Pillow, both in
the cache folder (${XDG_CACHE_HOME:-~/.cache}/polyphase). The tool is timed by its own --verbose, ncnn around extract():
neither counts the reading of files. Runs are interleaved, A B B A; medians count.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "polyphase"
PACKAGES = ["ncnn==1.0.20261020", "numpy", "pillow"]
# Folder, file, blobs, scale, and the pixels by which waifu2x wants its input to be larger than what it makes of it.
MODELS = {
    "waifu2x": ("scale2.0x_model", "Input1", "Eltwise4", 2, 7),
    "realesr-animevideov3": ("realesr-animevideov3-x4", "data", "output", 4, 0),
}


def enter_environment():
    """Runs this script again in the virtual environment, which is made if it is not there."""
    folder = CACHE / "peers-venv"
    python = folder / "bin" / "python3"
    if pathlib.Path(sys.prefix) == folder:
        return
    if not (folder / "complete").exists():
        subprocess.run([ROOT / "tools" / "setup.sh", "peers"], check=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (folder / "complete").touch()
    os.execv(python, [python, *sys.argv])


def default_photo():
    listing = subprocess.run(["dpkg", "--listfiles", "python-matplotlib-data"], capture_output=True, text=True,
                             check=False).stdout
    found = re.search(r".*/grace_hopper\.jpg$", listing, re.MULTILINE)
    if not found:
        sys.exit("no photo: name one with --photo, or install python-matplotlib-data")
    return found[0]


class Ncnn:
    """A network in ncnn, for a whole picture at once."""

    def __init__(self, model, weights, pixels, threads):
        import ncnn
        import numpy
        self.ncnn, self.numpy = ncnn, numpy
        name, self.input, self.output, self.scale, border = MODELS[model]
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.load_param(str(weights / f"{name}.param"))
        self.net.load_model(str(weights / f"{name}.bin"))
        padded = numpy.pad(pixels, ((border, border), (border, border), (0, 0)), mode="edge")
        self.planes = numpy.ascontiguousarray(padded.transpose(2, 0, 1).astype(numpy.float32) / 255)

    def run(self):
        """Seconds, and the result as f32 planes, 0 to 1."""
        start = time.perf_counter()
        extractor = self.net.create_extractor()
        extractor.input(self.input, self.ncnn.Mat(self.planes))
        status, result = extractor.extract(self.output)
        seconds = time.perf_counter() - start
        assert status == 0, status
        return seconds, self.numpy.array(result)


def run_polyphase(arguments, model, weights, source, target, threads):
    """Seconds of the network, which the tool prints."""
    command = [arguments.tool, "upscale", source, target, "--model", model, "--weights", weights, "--threads",
               str(threads), "--verbose"] + (["--tile", str(arguments.tile)] if arguments.tile else [])
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"network ([0-9.]+) s", output)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", help="PNG or JPEG; default: the demo's")
    parser.add_argument("--tile", type=int, help="of polyphase; default: its own")
    parser.add_argument("--rounds", type=int, default=2, help="of A B B A; 0: only the PSNR")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--tool", default=ROOT / "build" / "gcc-release" / "tools" / "cli" / "polyphase")
    arguments = parser.parse_args()
    if not pathlib.Path(arguments.tool).exists():
        sys.exit(f"{arguments.tool} is not built")
    enter_environment()
    import numpy
    from PIL import Image

    models = pathlib.Path(subprocess.run([ROOT / "tools" / "fetch_models.sh"], check=True, stdout=subprocess.PIPE,
                                         text=True).stdout.strip())
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.png"), os.path.join(folder, "out.png")
        # Both read the same pixels, whatever their JPEG decoders do.
        pixels = numpy.array(Image.open(arguments.photo or default_photo()).convert("RGB"))
        Image.fromarray(pixels).save(source)
        print(f"{pixels.shape[1]} x {pixels.shape[0]} pixels; seconds are medians of {2 * arguments.rounds} runs")
        print("| network | threads | PSNR | polyphase | ncnn | ncnn / polyphase |")
        print("| --- | --- | --- | --- | --- | --- |")
        for model in MODELS:
            for threads in map(int, arguments.threads.split(",")):
                peer = Ncnn(model, models / model, pixels, threads)
                run_polyphase(arguments, model, models / model, source, target, threads)
                result = peer.run()[1]  # also warms it up
                expected = numpy.rint(numpy.clip(result, 0, 1) * 255).transpose(1, 2, 0)
                actual = numpy.array(Image.open(target)).astype(numpy.float64)
                assert actual.shape == expected.shape, (actual.shape, expected.shape)
                error = numpy.mean((actual - expected)**2)
                psnr = 10 * numpy.log10(255**2 / error) if error else float("inf")
                ours, theirs = [], []
                for turn in "ABBA" * arguments.rounds:
                    if turn == "A":
                        ours.append(run_polyphase(arguments, model, models / model, source, target, threads))
                    else:
                        theirs.append(peer.run()[0])
                times = "- | - | -"
                if ours:
                    a, b = statistics.median(ours), statistics.median(theirs)
                    times = f"{a:.3f} s | {b:.3f} s | {b / a:.2f}"
                print(f"| {model} | {threads} | {psnr:.1f} dB | {times} |", flush=True)


if __name__ == "__main__":
    main()
