#!/usr/bin/env python3
"""Times resizing of u8 pictures, beside PyTorch and Pillow, whose bytes it must make.

Usage: bench/peers/byte_pictures.py [--threads N] [--seconds S] [--rows REGEX]

Pictures have interleaved channels. Pillow is a peer where it has the mode and one thread is asked for. Samples
alternate, A B B A, and the median ratio of neighbours counts. Prints Markdown. Needs build/gcc-release, and what
tools/fetch_python.sh gets.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys

import environment

ROOT = pathlib.Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    environment.enter("python", "fetch_python.sh")
    sys.path.insert(0, str(ROOT / "build" / "gcc-release" / "python"))

import numpy  # noqa: E402
import PIL  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402

import measure  # noqa: E402
import polyphase_kernels as polyphase  # noqa: E402

# Mode, antialias, channels, height and width before and after.
ROWS = [
    ("nearest", False, 64, (256, 256), (512, 512)),
    ("nearest", False, 64, (512, 512), (224, 224)),
    ("nearest", False, 21, (512, 512), (224, 224)),
    ("nearest", False, 3, (512, 512), (1024, 1024)),
    ("nearest", False, 3, (1024, 1024), (512, 512)),
    ("nearest", False, 1, (512, 512), (1024, 1024)),
    ("bilinear", False, 3, (512, 512), (224, 224)),
    ("bilinear", False, 4, (512, 512), (224, 224)),
    ("bilinear", False, 3, (512, 512), (1024, 1024)),
    ("bicubic", False, 3, (1080, 1920), (2160, 3840)),
    ("bilinear", True, 1, (512, 512), (224, 224)),
    ("bilinear", True, 3, (512, 512), (224, 224)),
    ("bicubic", True, 3, (512, 512), (224, 224)),
    ("bicubic", True, 4, (512, 512), (224, 224)),
    ("bilinear", True, 3, (2160, 3840), (224, 224)),
    ("bicubic", True, 3, (1080, 1920), (270, 480)),
]
PILLOW = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR,
          "bicubic": Image.Resampling.BICUBIC}


def cell(ours, theirs, seconds: float, ratios: list[float]) -> str:
    ratio, mine, other = measure.side_by_side(ours, theirs, seconds)
    ratios.append(ratio.ratio)
    return f"{1e3 * mine:.2f} | {1e3 * other:.2f} | {ratio.ratio:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="(default: 1)")
    parser.add_argument("--seconds", type=float, default=1, help="for each comparison (default: 1)")
    parser.add_argument("--rows", default="", metavar="REGEX", help="which rows, by their first column (default: all)")
    arguments = parser.parse_args()
    measure.keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    print(f"PyTorch {torch.__version__}, Pillow {PIL.__version__}; {arguments.threads} thread(s); ms are medians; "
          "ratio: theirs / ours, with its 95 % interval\n")
    print("| row | peer | ours, ms | theirs, ms | ratio |")
    print("| --- | --- | --- | --- | --- |")
    ratios: list[float] = []
    for mode, antialias, channels, before, after in ROWS:
        name = f"{mode}{' antialias' if antialias else ''}, {channels} channel{'' if channels == 1 else 's'}, " \
               f"{before[0]}x{before[1]} to {after[0]}x{after[1]}"
        if not re.search(arguments.rows, name):
            continue
        picture = numpy.random.default_rng(1).integers(0, 256, (1, *before, channels), dtype=numpy.uint8)
        options = {"size": after, "mode": mode, **({"antialias": True} if antialias else {})}

        def ours():
            return polyphase.interpolate(picture, layout="nhwc", threads=arguments.threads, **options)

        tensor = torch.from_numpy(picture).permute(0, 3, 1, 2)

        def pytorch():
            return torch.nn.functional.interpolate(tensor, **options)

        if not numpy.array_equal(ours(), pytorch().permute(0, 2, 3, 1).numpy()):
            sys.exit(f"bench/peers/byte_pictures.py: {name}: the bytes are not PyTorch's")
        print(f"| {name} | PyTorch | {cell(ours, pytorch, arguments.seconds, ratios)} |", flush=True)
        if channels not in (1, 3, 4) or arguments.threads != 1 or (not antialias and mode != "nearest"):
            continue  # Pillow always has antialias
        image = Image.fromarray(picture[0] if channels > 1 else picture[0, :, :, 0])

        def pillow():
            return image.resize(after[::-1], PILLOW[mode])

        print(f"| {name} | Pillow | {cell(ours, pillow, arguments.seconds, ratios)} |", flush=True)
    print(f"| **geometric mean** | | | | **{measure.geometric_mean(ratios):.2f}** |")


if __name__ == "__main__":
    main()
