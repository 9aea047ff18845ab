"""Writes ncnn's files of the two networks of the tool with small random weights."""

import math
import random
import struct

FILES = {"waifu2x": "scale2.0x_model", "realesr-animevideov3": "realesr-animevideov3-x4"}


def write_models(folder, half, seed=1):
    """FILES as .param and .bin in `folder`, which exists; weights are stored as fp16 if `half`, else as fp32."""
    for model, name in FILES.items():
        param, data = (waifu2x if model == "waifu2x" else realesr_animevideov3)(random.Random(seed), half)
        with open(f"{folder}/{name}.param", "w", encoding="ascii") as file:
            file.write(param)
        with open(f"{folder}/{name}.bin", "wb") as file:
            file.write(data)


def weights(generator, inputs, outputs, kernel, half):
    """Such that values neither grow nor vanish from layer to layer, and that fp16 holds them."""
    unit = 2.0**round(math.log2(2.5 / math.sqrt(inputs * kernel * kernel))) / 1024
    values = [generator.randrange(-1024, 1025) * unit for _ in range(inputs * outputs * kernel * kernel)]
    data = struct.pack(f"<I{len(values)}{'e' if half else 'f'}", 0x01306B47 if half else 0, *values)
    return data + bytes(-len(data) % 4) + floats(generator, outputs, 0.25)


def floats(generator, count, most):
    return struct.pack(f"<{count}f", *(generator.uniform(-most, most) for _ in range(count)))


def waifu2x(generator, half):
    channels = (3, 16, 32, 64, 128, 128, 256)
    param, data = "7767517\n8 8\nInput in 0 1 blob0\n", b""
    for i, (inputs, outputs) in enumerate(zip(channels, channels[1:])):
        param += (f"Convolution conv{i + 1} 1 1 blob{i} blob{i + 1} 0={outputs} 1=3 5=1 6={9 * inputs * outputs} 9=2 "
                  "-23310=1,0.100000\n")
        data += weights(generator, inputs, outputs, 3, half)
    param += "Deconvolution conv7 1 1 blob6 out 0=3 1=4 3=2 4=3 5=1 6=12288\n"
    return param, data + weights(generator, 256, 3, 4, half)


def realesr_animevideov3(generator, half):
    param, data = "7767517\n40 41\nInput in 0 1 data\nSplit split 1 2 data base blob0\n", b""
    for i in range(18):
        inputs, outputs = 3 if i == 0 else 64, 48 if i == 17 else 64
        param += f"Convolution conv{i} 1 1 blob{i} sum{i} 0={outputs} 1=3 4=1 5=1 6={9 * inputs * outputs}\n"
        data += weights(generator, inputs, outputs, 3, half)
        if i < 17:
            param += f"PReLU prelu{i} 1 1 sum{i} blob{i + 1} 0=64\n"
            data += floats(generator, 64, 0.5)
    return param + ("PixelShuffle shuffle 1 1 sum17 large 0=4\nInterp resize 1 1 base nearest 0=1 1=4.0 2=4.0\n"
                    "BinaryOp add 2 1 large nearest out\n"), data
